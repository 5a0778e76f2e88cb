import { it } from 'vitest';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { shownSeq } from '../helpers/viewer-page.js';
const pages = usePage();
const DETS = [
  { classId: 1, label: 'person', score: 0.91, box: [164, 136, 420, 624], trackId: 7 },
  { classId: 2, label: 'bicycle', score: 0.66, box: [600, 300, 900, 600] },
  { classId: 1, label: 'person', score: 0.48, box: [1000, 100, 1240, 500] },
] as never;
it('shots', async () => {
  for (const [name, options] of [['wide', { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' }], ['light', { viewport: { width: 1024, height: 768 }, deviceScaleFactor: 2, colorScheme: 'light' }], ['phone', { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true, colorScheme: 'dark' }]] as const) {
    const { page, problems } = await pages.open(options);
    if (pages.directory.get('door') === undefined) pages.directory.addStream('door', { name: 'Front door', widthPx: 1280, heightPx: 720, thresholds: { '*': 0.4, person: 0.45 } });
    pages.directory.play('door', 5, { detections: DETS, classes: name === 'light' ? [{ classId: 5, label: 'beach', score: 0.97 }] : [] });
    await page.goto(`${pages.server.url}#/stream/door`);
    await until(async () => (await shownSeq(page, 'door')) >= 0);
    await until(async () => (await page.locator('canvas.overlay').count()) === 1);
    await page.locator('summary').click();
    await page.screenshot({ path: `/tmp/shots/${name}-1.png` });
    await page.locator('.now-row').first().focus();
    await page.locator('.class-list input').nth(1).uncheck();
    await page.locator('#filter-score').fill('0.6');
    await page.waitForTimeout(400);
    await page.screenshot({ path: `/tmp/shots/${name}-2.png` });
    pages.directory.setStatus('door', { state: 'ended', mode: 'replay' });
    await page.locator('.now-row').first().click();
    await page.waitForTimeout(400);
    await page.screenshot({ path: `/tmp/shots/${name}-3.png` });
    pages.directory.setStatus('door', { state: 'running', mode: 'live' });
    console.log(name, problems);
  }
}, 60_000);
