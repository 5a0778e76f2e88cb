import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchedPage } from '../helpers/browser.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { shownSeq } from '../helpers/viewer-page.js';

const pages = usePage();
let watched: WatchedPage;

beforeEach(async () => {
  watched = await pages.open({ viewport: { width: 800, height: 600 } });
});

const textOf = async (selector: string): Promise<string> => (await watched.page.locator(selector).textContent()) ?? '';
const isStale = async (stream: string): Promise<boolean> => (await watched.page.locator(`[data-stream="${stream}"] .picture[data-stale]`).count()) === 1;

describe('a live picture', () => {
  it('greys and says how old it is two seconds after the last frame, and comes back with the next', async () => {
    const { page, problems } = watched;
    pages.directory.addStream('door');
    pages.directory.play('door', 10);
    await page.goto(pages.server.url);
    await until(async () => (await shownSeq(page, 'door')) > 3);
    expect(await isStale('door')).toBe(false);

    pages.directory.pause('door');
    const stoppedAtMs = performance.now();
    await until(() => isStale('door'));
    expect(performance.now() - stoppedAtMs).toBeGreaterThan(1800);
    await until(async () => /^\d\.\d s oldNo frames are coming$/.test(await textOf('.veil')));
    expect(await textOf('header')).toContain('1 stream · 0 live');

    pages.directory.offer('door');
    await until(async () => !(await isStale('door')));
    expect(problems).toEqual([]);
  });

  it('is not made younger by being asked for again', async () => {
    const { page } = watched;
    pages.directory.addStream('door', { widthPx: 1920, heightPx: 1080 });
    pages.directory.offer('door');
    await page.goto(pages.server.url);
    await until(() => isStale('door'));
    // The large view asks for another width, and the server sends its newest frame once more.
    await page.keyboard.press('1');
    await until(async () => (await shownSeq(page, 'door')) === 0);
    await until(() => pages.directory.frames[0]?.renders.length === 2);
    expect(await isStale('door')).toBe(true);
  });

  it('never looks live when it was old before it came', async () => {
    const { page } = watched;
    pages.directory.addStream('door');
    pages.directory.offer('door', { capturedAtMs: Date.now() - 60_000 });
    await page.goto(pages.server.url);
    await until(async () => (await shownSeq(page, 'door')) === 0);
    await until(() => isStale('door'), { timeoutMs: 1500 });
    expect(await textOf('.veil')).toMatch(/^1 min old/);
  });
});

describe('the connection', () => {
  it('is said to be lost when the server is gone, and comes back by itself on the same port', async () => {
    const { page } = watched;
    pages.directory.addStream('door');
    pages.directory.play('door', 10);
    await page.goto(pages.server.url);
    await until(async () => (await shownSeq(page, 'door')) > 1);
    await pages.stopServing();
    const banner = page.locator('.banner:not([data-notice])');
    await until(() => banner.isVisible());
    expect(await banner.textContent()).toMatch(/^Connection to the server lost\. (Next try in \d+ s|Trying again now)\./);
    expect(await textOf('header')).toContain('not connected');
    expect(await textOf('header')).not.toContain('detector');
    await until(async () => (await isStale('door')) && (await textOf('.veil')).includes('Connection to the server lost'));

    await pages.serveAgain();
    const before = await shownSeq(page, 'door');
    await until(async () => (await shownSeq(page, 'door')) > before + 3, { timeoutMs: 15_000 });
    await until(async () => !(await banner.isVisible()) && !(await isStale('door')));
    await until(async () => (await textOf('[role="status"]')) === 'Connected again');
  });

  it('tells the page of streams that came and went meanwhile', async () => {
    const { page } = watched;
    pages.directory.addStream('door');
    pages.directory.addStream('yard');
    await page.goto(pages.server.url);
    await until(async () => (await page.locator('[data-stream]').count()) === 2);
    await pages.stopServing();
    await until(() => page.locator('.banner:not([data-notice])').isVisible());
    pages.directory.removeStream('door');
    pages.directory.addStream('gate');
    await pages.serveAgain();
    await page.locator('.banner:not([data-notice]) button').click();
    await until(async () => (await page.locator('[data-stream]').evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute('data-stream')).join())) === 'yard,gate');
  });
});

describe('what the page does not see itself', () => {
  it('counts a stream as live only while the server sees its frames, and a recording never', async () => {
    const { page } = watched;
    for (const id of ['door', 'yard', 'clip']) pages.directory.addStream(id, id === 'clip' ? { mode: 'replay' } : {});
    pages.directory.play('door', 10);
    pages.directory.setStatus('yard', { measuredFps: null, ageMs: 12_000 });
    await page.goto(`${pages.server.url}#/stream/door`);
    await until(async () => (await textOf('header')).includes('3 streams · 1 live · 1 playing'));
    pages.directory.setStatus('yard', { measuredFps: 5, ageMs: 90 });
    await until(async () => (await textOf('header')).includes('3 streams · 2 live · 1 playing'));
  });

  it('is said in a sentence when the server refuses what was asked', async () => {
    const { page } = watched;
    pages.directory.addStream('door', { name: 'Front door' });
    await page.routeWebSocket(/\/ws$/, (socket) => {
      const real = socket.connectToServer();
      let renamed = false;
      socket.onMessage((message) => {
        const text = String(message);
        // The first question goes out about a stream that is not there.
        real.send(!renamed && text.includes('"subscribe"') ? text.replace('door', 'gate') : text);
        renamed ||= text.includes('"subscribe"');
      });
    });
    await page.goto(pages.server.url);
    const notice = page.getByRole('alert');
    await until(async () => (await notice.textContent())?.startsWith('The server refused what this page asked about “gate”: There is no such stream.') === true);
    await notice.getByRole('button', { name: 'Dismiss' }).click();
    await until(async () => !(await notice.isVisible()));
  });
});

describe('every state', () => {
  it('has a face: what it is, why, and what to do', async () => {
    const { page, problems } = watched;
    const error = (message: string): { error: { code: string; message: string } } => ({ error: { code: 'source-open', message } });
    pages.directory.addStream('starting', { state: 'starting', widthPx: null, heightPx: null });
    pages.directory.addStream('reconnecting', { state: 'reconnecting', retryAtMs: Date.now() + 60_000, ...error('camera.local does not answer') });
    pages.directory.addStream('unauthorized', { state: 'unauthorized', ...error('camera.local: 401') });
    pages.directory.addStream('failed', { state: 'failed', error: { code: 'source-open', message: 'no video stream in it', log: ['first', 'moov atom not found'] } });
    pages.directory.addStream('paused', { state: 'paused', mode: 'replay', positionMs: 64_000, durationMs: 139_000 });
    pages.directory.addStream('ended', { state: 'ended', mode: 'replay' });
    pages.directory.addStream('stopped', { state: 'stopped' });
    pages.directory.offer('reconnecting', { capturedAtMs: Date.now() - 12_000 });
    pages.directory.offer('paused');
    await page.goto(pages.server.url);
    const expected: Record<string, RegExp> = {
      starting: /Opening the source.*starting/,
      reconnecting: /1\d s old.*camera\.local does not answer.*Next try in [1-6]\d s.*camera lost/,
      unauthorized: /camera\.local: 401.*password.*login refused/,
      failed: /no video stream in it.*last words: moov atom not found.*failed/,
      paused: /❚❚.*paused.*1:04 \/ 2:19/,
      ended: /The recording has ended.*ended/,
      stopped: /stopped/,
    };
    for (const [stream, text] of Object.entries(expected)) {
      await until(async () => text.test((await page.locator(`[data-stream="${stream}"]`).textContent()) ?? ''), { what: `${stream}: ${String(text)}` });
      expect(await page.locator(`[data-stream="${stream}"]`).getAttribute('data-state')).toBe(stream);
    }
    expect(await isStale('paused')).toBe(false);
    expect(problems).toEqual([]);
  });

  it('says so when no detector looked', async () => {
    const { page } = watched;
    pages.directory.addStream('door');
    pages.directory.play('door', 10, { model: null, detections: [] });
    await page.goto(pages.server.url);
    await until(() => page.locator('.badge', { hasText: 'no detector' }).isVisible());
    pages.directory.play('door', 10);
    await until(async () => !(await page.locator('.badge').isVisible()));
    pages.directory.setStatus('door', { detector: { state: 'misconfigured', message: 'wants float32' } });
    await until(() => page.locator('.badge').isVisible());
    expect(await page.locator('.badge').getAttribute('title')).toBe('wants float32');
    await until(async () => (await textOf('header')).includes('detector misconfigured'));
  });

  it('announces a change of state once, politely', async () => {
    const { page } = watched;
    pages.directory.addStream('door', { name: 'Front door' });
    pages.directory.play('door', 10);
    await page.goto(pages.server.url);
    await until(async () => (await shownSeq(page, 'door')) > 1);
    expect(await page.locator('[role="status"]').getAttribute('aria-live')).toBe('polite');
    expect(await textOf('[role="status"]')).toBe('');
    pages.directory.setStatus('door', { state: 'reconnecting' });
    await until(async () => (await textOf('[role="status"]')) === 'Front door: camera lost');
  });

  it('explains how to add a stream while there is none', async () => {
    const { page, problems } = watched;
    await page.goto(pages.server.url);
    await until(() => page.locator('[data-message="first-run"]').isVisible());
    expect(await textOf('main')).toMatch(/streams\/front-door\.yaml.*source: rtsp:.*npx sightline serve --streams streams/s);
    pages.directory.addStream('door');
    await until(() => page.locator('[data-stream="door"]').isVisible());
    expect(problems).toEqual([]);
  });
});

describe('text from outside', () => {
  it('is shown as text, whatever it says', async () => {
    const { page, problems } = watched;
    const evil = '<img src=x onerror="document.title=\'owned\'"><b>bold</b>';
    pages.directory.addStream('door', { name: evil, source: evil, error: { code: 'x', message: evil }, detector: { state: 'unavailable', message: evil } });
    pages.directory.offer('door', { detections: [{ classId: 1, label: evil, score: 0.5, box: [10, 10, 200, 200] }] });
    await page.goto(pages.server.url);
    await until(async () => (await textOf('[data-stream="door"]')).includes(evil));
    await page.keyboard.press('1');
    await until(async () => (await textOf('.now')).includes(evil));
    pages.directory.setStatus('door', { state: 'failed' });
    await until(async () => (await textOf('.veil')).includes(evil));
    expect(await page.locator('main img, main b').count()).toBe(0);
    await page.goto(`${pages.server.url}#/stream/${encodeURIComponent(evil)}`);
    await until(async () => (await textOf('main')).includes(evil));
    expect(await page.title()).not.toBe('owned');
    expect(problems).toEqual([]);
  });
});
