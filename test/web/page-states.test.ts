import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ViewerServer } from '../../src/viewers/viewer-server.js';
import { launchBrowser, openPage, type WatchedPage } from '../helpers/browser.js';
import { FakeDirectory } from '../helpers/fake-directory.js';
import { until } from '../helpers/until.js';
import { buildPage, serveViewers, shownSeq, type BuiltPage } from '../helpers/viewer-page.js';

let built: BuiltPage;
let browser: Browser;
let directory: FakeDirectory;
let server: ViewerServer;
let watched: WatchedPage;

beforeAll(async () => {
  [built, browser] = await Promise.all([buildPage(), launchBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await built.remove();
});
beforeEach(async () => {
  directory = new FakeDirectory();
  server = await serveViewers(directory, built.folder);
  watched = await openPage(browser, { viewport: { width: 800, height: 600 } });
});
afterEach(async () => {
  await watched.page.context().close();
  await server.close();
  directory.close();
});

const textOf = async (selector: string): Promise<string> => (await watched.page.locator(selector).textContent()) ?? '';
const isStale = async (stream: string): Promise<boolean> => (await watched.page.locator(`[data-stream="${stream}"] .picture[data-stale]`).count()) === 1;

describe('a live picture', () => {
  it('greys and says how old it is two seconds after the last frame, and comes back with the next', async () => {
    const { page, problems } = watched;
    directory.addStream('door');
    directory.play('door', 10);
    await page.goto(server.url);
    await until(async () => (await shownSeq(page, 'door')) > 3);
    expect(await isStale('door')).toBe(false);

    directory.pause('door');
    const stoppedAtMs = performance.now();
    await until(() => isStale('door'));
    expect(performance.now() - stoppedAtMs).toBeGreaterThan(1800);
    await until(async () => /^\d\.\d s oldNo frames are coming$/.test(await textOf('.veil')));
    expect(await textOf('header')).toContain('1 stream · 0 live');

    directory.offer('door');
    await until(async () => !(await isStale('door')));
    expect(problems).toEqual([]);
  });

  it('is not made younger by being asked for again', async () => {
    const { page } = watched;
    directory.addStream('door', { widthPx: 1920, heightPx: 1080 });
    directory.offer('door');
    await page.goto(server.url);
    await until(() => isStale('door'));
    // The large view asks for another width, and the server sends its newest frame once more.
    await page.keyboard.press('1');
    await until(async () => (await shownSeq(page, 'door')) === 0);
    await until(() => directory.frames[0]?.renders.length === 2);
    expect(await isStale('door')).toBe(true);
  });

  it('never looks live when it was old before it came', async () => {
    const { page } = watched;
    directory.addStream('door');
    directory.offer('door', { capturedAtMs: Date.now() - 60_000 });
    await page.goto(server.url);
    await until(async () => (await shownSeq(page, 'door')) === 0);
    await until(() => isStale('door'), { timeoutMs: 1500 });
    expect(await textOf('.veil')).toMatch(/^1 min old/);
  });
});

describe('the connection', () => {
  it('is said to be lost when the server is gone, and comes back by itself on the same port', async () => {
    const { page } = watched;
    directory.addStream('door');
    directory.play('door', 10);
    await page.goto(server.url);
    await until(async () => (await shownSeq(page, 'door')) > 1);
    await server.close();
    const banner = page.locator('.banner');
    await until(() => banner.isVisible());
    expect(await banner.textContent()).toMatch(/^Connection to the server lost\. (Next try in \d+ s|Trying again now)\./);
    expect(await textOf('header')).toContain('not connected');
    await until(async () => (await isStale('door')) && (await textOf('.veil')).includes('Connection to the server lost'));

    server = await serveViewers(directory, built.folder, server.port);
    const before = await shownSeq(page, 'door');
    await until(async () => (await shownSeq(page, 'door')) > before + 3, { timeoutMs: 15_000 });
    await until(async () => !(await banner.isVisible()) && !(await isStale('door')));
    await until(async () => (await textOf('[role="status"]')) === 'Connected again');
  });

  it('tells the page of streams that came and went meanwhile', async () => {
    const { page } = watched;
    directory.addStream('door');
    directory.addStream('yard');
    await page.goto(server.url);
    await until(async () => (await page.locator('[data-stream]').count()) === 2);
    await server.close();
    await until(() => page.locator('.banner').isVisible());
    directory.removeStream('door');
    directory.addStream('gate');
    server = await serveViewers(directory, built.folder, server.port);
    await page.locator('.banner button').click();
    await until(async () => (await page.locator('[data-stream]').evaluateAll((tiles) => tiles.map((tile) => tile.getAttribute('data-stream')).join())) === 'yard,gate');
  });
});

describe('every state', () => {
  it('has a face: what it is, why, and what to do', async () => {
    const { page, problems } = watched;
    const error = (message: string): { error: { code: string; message: string } } => ({ error: { code: 'source-open', message } });
    directory.addStream('starting', { state: 'starting', widthPx: null, heightPx: null });
    directory.addStream('reconnecting', { state: 'reconnecting', ...error('camera.local does not answer') });
    directory.addStream('unauthorized', { state: 'unauthorized', ...error('camera.local: 401') });
    directory.addStream('failed', { state: 'failed', ...error('no video stream in it') });
    directory.addStream('paused', { state: 'paused', mode: 'replay', positionMs: 64_000, durationMs: 139_000 });
    directory.addStream('ended', { state: 'ended', mode: 'replay' });
    directory.addStream('stopped', { state: 'stopped' });
    directory.offer('reconnecting', { capturedAtMs: Date.now() - 12_000 });
    directory.offer('paused');
    await page.goto(server.url);
    const expected: Record<string, RegExp> = {
      starting: /Opening the source.*starting/,
      reconnecting: /1\d s old.*camera\.local does not answer.*camera lost/,
      unauthorized: /camera\.local: 401.*password.*login refused/,
      failed: /no video stream in it.*failed/,
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
    directory.addStream('door');
    directory.play('door', 10, { model: null, detections: [] });
    await page.goto(server.url);
    await until(() => page.locator('.badge', { hasText: 'no detector' }).isVisible());
    directory.play('door', 10);
    await until(async () => !(await page.locator('.badge').isVisible()));
    directory.setStatus('door', { detector: { state: 'misconfigured', message: 'wants float32' } });
    await until(() => page.locator('.badge').isVisible());
    expect(await page.locator('.badge').getAttribute('title')).toBe('wants float32');
    await until(async () => (await textOf('header')).includes('detector misconfigured'));
  });

  it('announces a change of state once, politely', async () => {
    const { page } = watched;
    directory.addStream('door', { name: 'Front door' });
    directory.play('door', 10);
    await page.goto(server.url);
    await until(async () => (await shownSeq(page, 'door')) > 1);
    expect(await page.locator('[role="status"]').getAttribute('aria-live')).toBe('polite');
    expect(await textOf('[role="status"]')).toBe('');
    directory.setStatus('door', { state: 'reconnecting' });
    await until(async () => (await textOf('[role="status"]')) === 'Front door: camera lost');
  });

  it('explains how to add a stream while there is none', async () => {
    const { page, problems } = watched;
    await page.goto(server.url);
    await until(() => page.locator('[data-message="first-run"]').isVisible());
    expect(await textOf('main')).toMatch(/streams\/front-door\.yaml.*source: rtsp:.*npx sightline serve --streams streams/s);
    directory.addStream('door');
    await until(() => page.locator('[data-stream="door"]').isVisible());
    expect(problems).toEqual([]);
  });
});

describe('text from outside', () => {
  it('is shown as text, whatever it says', async () => {
    const { page, problems } = watched;
    const evil = '<img src=x onerror="document.title=\'owned\'"><b>bold</b>';
    directory.addStream('door', { name: evil, source: evil, error: { code: 'x', message: evil }, detector: { state: 'unavailable', message: evil } });
    directory.offer('door', { detections: [{ classId: 1, label: evil, score: 0.5, box: [10, 10, 200, 200] }] });
    await page.goto(server.url);
    await until(async () => (await textOf('[data-stream="door"]')).includes(evil));
    await page.keyboard.press('1');
    await until(async () => (await textOf('.now')).includes(evil));
    directory.setStatus('door', { state: 'failed' });
    await until(async () => (await textOf('.veil')).includes(evil));
    expect(await page.locator('main img, main b').count()).toBe(0);
    await page.goto(`${server.url}#/stream/${encodeURIComponent(evil)}`);
    await until(async () => (await textOf('main')).includes(evil));
    expect(await page.title()).not.toBe('owned');
    expect(problems).toEqual([]);
  });
});
