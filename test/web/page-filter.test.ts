import type { BrowserContextOptions, Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { classColour } from '../../src/core/class-colours.js';
import type { Detection } from '../../src/core/frames.js';
import type { WatchedPage } from '../helpers/browser.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { readLargeView, shownSeq } from '../helpers/viewer-page.js';

const pages = usePage();
let watched: WatchedPage;

const DETECTIONS: readonly Detection[] = [
  { classId: 1, label: 'person', score: 0.91, box: [64, 36, 320, 324] },
  { classId: 2, label: 'bicycle', score: 0.66, box: [400, 100, 600, 300] },
  { classId: 1, label: 'person', score: 0.48, box: [340, 40, 390, 200] },
];

beforeEach(() => {
  pages.directory.addStream('door', { thresholds: { '*': 0.45, person: 0.48 } });
  pages.directory.offer('door', { detections: DETECTIONS });
});

async function open(options: BrowserContextOptions = {}, hash = '#/stream/door'): Promise<Page> {
  // The picture is 640 wide here, like the one that the boxes are in.
  watched = await pages.open({ viewport: { width: 928, height: 600 }, ...options });
  await watched.page.goto(pages.server.url + hash);
  await until(async () => (await shownSeq(watched.page, 'door')) >= 0);
  return watched.page;
}

const rowsOf = (page: Page): Promise<string[]> => page.locator('.now-row').allTextContents();

/** Which of the three boxes are drawn, by the colour of their left edges. */
async function drawnBoxes(page: Page): Promise<readonly boolean[]> {
  const { pixelAt } = await readLargeView(page);
  return DETECTIONS.map(({ classId, box: [x1, y1, , y2] }) => {
    const wanted = [1, 3, 5].map((at) => Number.parseInt(classColour(classId).slice(at, at + 2), 16));
    return pixelAt(x1 + 1, (y1 + y2) / 2).every((value, channel) => Math.abs(value - (wanted[channel] ?? 0)) < 40);
  });
}

describe('the threshold', () => {
  it('acts at once on boxes and list, by mouse and by keyboard, and says how much it hides', async () => {
    const page = await open();
    const slider = page.getByRole('slider', { name: 'Threshold' });
    await until(async () => (await drawnBoxes(page)).every(Boolean));
    expect(await slider.inputValue()).toBe('0.45');
    await slider.fill('0.6');
    expect(await drawnBoxes(page)).toEqual([true, true, false]);
    expect(await rowsOf(page)).toEqual(['person0.91', 'bicycle0.66']);
    expect(await page.locator('.filter-score').textContent()).toBe('0.60');
    expect(await page.locator('.filter-sign').textContent()).toContain('1 hidden');
    // One step beyond the bicycle's score hides it; the score itself does not.
    await slider.fill('0.66');
    expect(await drawnBoxes(page)).toEqual([true, true, false]);
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    expect(await drawnBoxes(page)).toEqual([true, false, false]);
    expect(await slider.getAttribute('aria-valuetext')).toBe('0.67');
    expect(watched.problems).toEqual([]);
  });

  it('shows the stream’s own, below which nothing comes', async () => {
    const page = await open();
    expect(await page.locator('.filter-floor').textContent()).toBe('Below 0.45 the server sends nothing of this stream.');
    await page.getByRole('slider', { name: 'Threshold' }).fill('0.1');
    expect(await page.locator('.filter-floor[data-below]').count()).toBe(1);
    await page.locator('summary').click();
    expect(await page.locator('.class-list li').first().textContent()).toBe('personfrom 0.482');
    pages.directory.setStatus('door', { thresholds: { '*': 0.2 } });
    await until(async () => (await page.locator('.filter-floor').textContent())?.startsWith('Below 0.20') === true);
  });
});

describe('the classes', () => {
  it('are those that were seen, with their counts, and can be hidden one by one, all, and none', async () => {
    const page = await open();
    await page.locator('summary').click();
    const classes = page.locator('.class-list li');
    expect(await classes.allTextContents()).toEqual(['personfrom 0.482', 'bicycle1']);
    await page.getByRole('checkbox', { name: 'person' }).uncheck();
    expect(await drawnBoxes(page)).toEqual([false, true, false]);
    expect(await rowsOf(page)).toEqual(['bicycle0.66']);
    expect(await page.locator('.filter-sign').textContent()).toContain('2 hidden');
    await page.getByRole('button', { name: 'Hide all classes' }).click();
    expect(await rowsOf(page)).toEqual([]);
    expect(await page.locator('.now').textContent()).toContain('The filter hides all 3 of this frame.');
    await page.getByRole('button', { name: 'Show all classes' }).click();
    expect(await rowsOf(page)).toHaveLength(3);
    expect(await page.locator('.filter-sign').isVisible()).toBe(false);
    // A class stays in the list when it is gone, and a new one comes last.
    pages.directory.offer('door', { detections: [{ classId: 3, label: 'car', score: 0.7, box: [0, 0, 90, 90] }] });
    await until(async () => (await classes.allTextContents()).join() === 'personfrom 0.480,bicycle0,car1');
  });

  it('are reached and changed by keyboard alone', async () => {
    const page = await open();
    await page.getByRole('slider', { name: 'Threshold' }).focus();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    const focused: string[] = [];
    for (let step = 0; step < 4; step += 1) {
      await page.keyboard.press('Tab');
      focused.push(
        await page.evaluate(() => {
          const { activeElement } = document;
          const ring = activeElement !== null && getComputedStyle(activeElement).outlineStyle !== 'none';
          return `${activeElement?.getAttribute('aria-label') ?? activeElement?.parentElement?.textContent ?? ''}${ring ? '' : ' without a ring'}`;
        }),
      );
    }
    expect(focused).toEqual(['Show all classes', 'Hide all classes', 'personfrom 0.482', 'bicycle1']);
    await page.keyboard.press('Space');
    await until(async () => (await drawnBoxes(page)).join() === 'true,false,true');
    expect(await page.getByRole('checkbox', { name: 'bicycle' }).isChecked()).toBe(false);
  });
});

describe('the filter', () => {
  it('is taken away by one click, also in the picture itself', async () => {
    const page = await open();
    const slider = page.getByRole('slider', { name: 'Threshold' });
    const reset = page.getByRole('button', { name: 'Reset the filter: show everything' });
    expect(await reset.isVisible()).toBe(false);
    await slider.fill('0.95');
    await page.locator('.filter-sign').click();
    expect(await drawnBoxes(page)).toEqual([true, true, true]);
    expect(await slider.inputValue()).toBe('0.45');
    await slider.fill('0.95');
    await reset.click();
    expect(await rowsOf(page)).toHaveLength(3);
  });

  it('is remembered for its stream alone', async () => {
    pages.directory.addStream('yard');
    pages.directory.offer('yard', { detections: DETECTIONS });
    const page = await open();
    await page.getByRole('slider', { name: 'Threshold' }).fill('0.9');
    await page.locator('summary').click();
    await page.getByRole('checkbox', { name: 'bicycle' }).uncheck();
    await page.reload();
    await until(async () => (await rowsOf(page)).join() === 'person0.91');
    expect(await page.locator('.filter-sign').textContent()).toContain('2 hidden');
    await page.locator('summary').click();
    // Also before a hidden class is seen again.
    pages.directory.offer('door', { detections: [] });
    await until(async () => (await page.locator('.class-list').textContent()) === 'bicycle0personfrom 0.480');
    await page.keyboard.press(']');
    await until(async () => (await page.locator('.stream-view').getAttribute('data-stream')) === 'yard' && (await rowsOf(page)).length === 3);
    expect(await page.locator('.filter-sign').isVisible()).toBe(false);
    expect(watched.problems).toEqual([]);
  });

  it('is as good as none where what is remembered is broken, or nothing can be', async () => {
    for (const stored of ['no JSON', '7', 'null', '{"minScore":"x","hidden":[[1],["a","b"],7]}', '{"minScore":-4}']) {
      const page = await open({ storageState: { cookies: [], origins: [{ origin: new URL(pages.server.url).origin, localStorage: [{ name: 'sightline-filter:door', value: stored }] }] } });
      await until(async () => (await rowsOf(page)).length === 3);
      expect(await page.locator('.filter-sign').isVisible(), stored).toBe(false);
      expect(watched.problems).toEqual([]);
    }
    const { page, problems } = await pages.open();
    await page.addInitScript(() => {
      Object.defineProperty(window, 'localStorage', { get: () => { throw new DOMException('refused', 'SecurityError'); } });
    });
    await page.goto(`${pages.server.url}#/stream/door`);
    await until(async () => (await rowsOf(page)).length === 3);
    await page.getByRole('slider', { name: 'Threshold' }).fill('0.9');
    expect(await rowsOf(page)).toEqual(['person0.91']);
    expect(problems).toEqual([]);
  });

  it('changes nothing for anybody else', async () => {
    const other = await pages.open({ viewport: { width: 928, height: 600 } });
    await other.page.goto(`${pages.server.url}#/stream/door`);
    const page = await open();
    await page.getByRole('slider', { name: 'Threshold' }).fill('0.95');
    expect(await rowsOf(page)).toEqual([]);
    const frame = pages.directory.offer('door', { detections: DETECTIONS });
    await until(async () => (await shownSeq(other.page, 'door')) === frame.seq);
    expect(await rowsOf(other.page)).toHaveLength(3);
    expect(await drawnBoxes(other.page)).toEqual([true, true, true]);
  });

  it('makes the page draw where the server was chosen to, as long as it lasts', async () => {
    const page = await open({ storageState: { cookies: [], origins: [{ origin: new URL(pages.server.url).origin, localStorage: [{ name: 'sightline-drawing', value: 'server' }] }] } });
    const render = async (): Promise<string> => (await readLargeView(page)).header.render ?? 'server';
    await until(async () => (await render()) === 'server');
    await page.getByRole('slider', { name: 'Threshold' }).fill('0.6');
    await until(async () => (await render()) === 'client');
    expect(await drawnBoxes(page)).toEqual([true, true, false]);
    await page.locator('summary').click();
    expect(await page.getByRole('radio', { name: 'server' }).isDisabled()).toBe(true);
    await page.locator('.filter-sign').click();
    await until(async () => (await render()) === 'server');
  });
});
