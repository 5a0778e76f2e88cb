import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page, WebSocketRoute } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { FakeScript } from '../helpers/fake-serving.js';
import { detectionSignature } from '../helpers/fake-serving.js';
import { launchBrowser, openPage } from '../helpers/browser.js';
import { picturesOf, recordPictures, type ShownPicture } from '../helpers/canvas-recorder.js';
import { runService, type RunningService } from '../helpers/running-service.js';
import { findSquare, SQUARE_CLASS, SQUARE_CLIP, squareClip } from '../helpers/square-clip.js';
import { until } from '../helpers/until.js';
import { buildPage, type BuiltPage } from '../helpers/viewer-page.js';

const FRAMES = 200;
const { intervalMs: INTERVAL_MS } = SQUARE_CLIP;
/** The annotator's lines at these sizes, pixels. */
const LINE_PX = 2;

let browser: Browser;
let built: BuiltPage;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-replay-'));
  [browser, built] = await Promise.all([
    launchBrowser(),
    buildPage(),
    ...([['long', FRAMES], ['short', 40]] as const).map(async ([name, frames]) => { await copyFile(await squareClip(`${name}-square.mp4`, frames), join(folder, `${name}.mp4`)); }),
  ]);
});
afterAll(async () => {
  await Promise.all([browser.close(), built.remove(), rm(folder, { recursive: true, force: true })]);
});

type Opened = RunningService & { readonly page: Page; readonly problems: string[]; readonly sockets: WebSocketRoute[]; /** Places that the page asked for, ms. */ readonly sought: number[] };

/** Opens a recording's large view on a service that runs, paused on its first frame unless told otherwise. */
async function open(definition: Record<string, unknown> = {}, { modelPx = SQUARE_CLIP.widthPx, ...script }: Partial<FakeScript> & { modelPx?: number } = {}): Promise<Opened> {
  const signature = detectionSignature({ shape: [-1, modelPx, modelPx, 3] });
  const running = await runService({ roots: [folder] }, { detections: findSquare, signature, ...script }, { webRoot: built.folder });
  expect(await running.ask('POST', '/api/streams', { id: 'clip', source: join(folder, 'long.mp4'), ...definition })).toMatchObject({ status: 201 });
  await until(async () => (await running.statusOf('clip')).counters.shown > 0);
  // A hand on it before anybody looks: it does not begin to play by itself.
  if (definition['mode'] !== 'live') await running.ask('POST', '/api/streams/clip/control', { action: 'pause' });
  const { page, problems } = await openPage(browser, { viewport: { width: 1280, height: 800 } });
  onTestFinished(() => page.context().close());
  const sockets: WebSocketRoute[] = [];
  const sought: number[] = [];
  await page.routeWebSocket('**/ws', (socket) => {
    sockets.push(socket);
    const server = socket.connectToServer();
    socket.onMessage((message) => {
      const { action, positionMs } = JSON.parse(String(message)) as { action?: string; positionMs?: number };
      if (action === 'seek' && positionMs !== undefined) sought.push(positionMs);
      server.send(message);
    });
  });
  // The server's drawing: the boxes are in the very picture.
  await page.addInitScript(() => { localStorage.setItem('sightline-drawing', 'server'); });
  await page.goto(`${running.service.url}#/stream/clip`);
  await recordPictures(page);
  await until(async () => (await picturesOf(page)).length > 0);
  return { ...running, page, problems, sockets, sought };
}

const slider = (page: Page): ReturnType<Page['locator']> => page.locator('.timeline');
const playButton = (page: Page, name: 'Play' | 'Pause' | 'Play again'): Promise<void> => page.getByRole('button', { name, exact: true }).click();
async function last(page: Page): Promise<ShownPicture> {
  const picture = (await picturesOf(page)).at(-1);
  if (picture === undefined) throw new Error('no picture');
  return picture;
}
/** Waits until the picture on the screen shows a number, the time beside it says so, and nothing follows it. */
async function stands(page: Page, number: number): Promise<void> {
  await until(async () => (await last(page)).number === number, { what: `picture ${String(number)}` });
  const seconds = ((number * INTERVAL_MS) / 1000).toFixed(3).padStart(6, '0');
  await until(async () => (await page.locator('.replay-position').textContent()) === `0:${seconds}`, { what: `the time of picture ${String(number)}` });
}
/** Does something to a recording that is paused, and gives the one picture that came of it. */
async function gives(page: Page, act: () => Promise<void>): Promise<number> {
  const before = await picturesOf(page);
  await act();
  await until(async () => (await last(page)).seq > (before.at(-1)?.seq ?? -1));
  return (await last(page)).number;
}
async function clickAt(page: Page, share: number): Promise<void> {
  const box = await page.locator('.timeline-track').boundingBox();
  if (box === null) throw new Error('no timeline');
  await page.mouse.click(box.x + box.width * share, box.y + box.height / 2);
}

/** Every picture is the one that its header tells, never older than the one before, and has its box where the square is: within a pixel, in the pixels and in the header. */
function check(pictures: readonly ShownPicture[]): void {
  expect(pictures.length).toBeGreaterThan(0);
  for (const [index, { number, seq, header, widthPx, edges, between }] of pictures.entries()) {
    const scale = widthPx / SQUARE_CLIP.widthPx;
    const left = (SQUARE_CLIP.left + ((SQUARE_CLIP.dx * number) % SQUARE_CLIP.spanX)) * scale;
    const top = (SQUARE_CLIP.top + ((SQUARE_CLIP.dy * number) % SQUARE_CLIP.spanY)) * scale;
    const side = SQUARE_CLIP.sidePx * scale;
    const what = `picture ${String(number)}, the ${String(index)}th that was shown`;
    expect(header.positionMs, what).toBeCloseTo(number * INTERVAL_MS, 3);
    expect(header.detections.map(({ classId }) => classId), what).toEqual([SQUARE_CLASS]);
    const expected = [left, top, left + side, top + side];
    header.detections[0]?.box.forEach((edge, at) => { expect(Math.abs(edge - (expected[at] ?? NaN)), `${what}, header's edge ${String(at)}`).toBeLessThanOrEqual(1); });
    [edges.left, edges.top - LINE_PX, edges.right, edges.bottom].forEach((edge, at) => { expect(Math.abs(edge - (expected[at] ?? NaN)), `${what}, drawn edge ${String(at)} at ${String(edge)}`).toBeLessThanOrEqual(1); });
    expect(between, what).toEqual(['line', 'line', 'line']);
    const before = pictures[index - 1];
    if (before !== undefined) expect(seq, what).toBeGreaterThanOrEqual(before.seq);
    // The server sends its newest again to whoever asks again: the same picture, not another.
    if (before?.seq === seq) expect(number, what).toBe(before.number);
  }
}
/** Numbers in the order in which they were shown, the same picture painted again left out. */
function numbersOf(pictures: readonly ShownPicture[]): number[] {
  return pictures.filter(({ seq }, index) => pictures[index - 1]?.seq !== seq).map(({ number }) => number);
}
function expectGrowing(numbers: readonly number[]): void {
  expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
}

describe('a recording in the page of a running service', () => {
  it('plays in order, stands still when it is paused, and goes on behind where it stood', async () => {
    const { page, problems, statusOf } = await open();
    await stands(page, 0);
    await playButton(page, 'Play');
    await until(async () => (await last(page)).number > 20);
    await page.locator('h1').focus();
    await page.keyboard.press(' ');
    await until(async () => (await statusOf('clip')).state === 'paused');
    const { shown } = (await statusOf('clip')).counters;
    await stands(page, (await statusOf('clip')).positionMs as number / INTERVAL_MS);
    const stood = await picturesOf(page);
    // What is detected ahead of time meanwhile waits.
    await until(async () => (await statusOf('clip')).counters.inFlight > 0);
    expect((await statusOf('clip')).counters.shown).toBe(shown);
    expect(await picturesOf(page)).toHaveLength(stood.length);
    await page.keyboard.press(' ');
    await until(async () => (await last(page)).number > 60);
    const pictures = await picturesOf(page);
    check(pictures);
    expectGrowing(numbersOf(pictures));
    expect(problems).toEqual([]);
  });

  it('steps to exactly the next picture and the one before, by keys and buttons', async () => {
    const { page } = await open();
    await page.locator('h1').focus();
    for (const number of [1, 2, 3]) expect(await gives(page, () => page.keyboard.press('.'))).toBe(number);
    for (const number of [2, 1]) expect(await gives(page, () => page.keyboard.press(','))).toBe(number);
    expect(await gives(page, () => page.getByRole('button', { name: 'One frame forward' }).click())).toBe(2);
    expect(await gives(page, () => page.getByRole('button', { name: 'One frame back' }).click())).toBe(1);
    await stands(page, 1);
    check(await picturesOf(page));
  });

  it('shows, wherever it is sent, the last picture at or before that place', async () => {
    const { page, ask, sought } = await open();
    await page.locator('h1').focus();
    expect(await gives(page, () => page.keyboard.press('ArrowRight'))).toBe(125);
    expect(await gives(page, () => slider(page).press('ArrowUp'))).toBe(150);
    expect(await gives(page, () => slider(page).press('End'))).toBe(FRAMES - 1);
    expect(await gives(page, () => slider(page).press('Home'))).toBe(0);
    for (const positionMs of [39.9, 40, 79, 1_961, 1_999.9, 2_000, 3_333, 7_959, 7_960, 1e9]) {
      const expected = Math.min(FRAMES - 1, Math.floor(positionMs / INTERVAL_MS));
      expect(await gives(page, async () => { await ask('POST', '/api/streams/clip/control', { action: 'seek', positionMs }); }), `position ${String(positionMs)}`).toBe(expected);
      await stands(page, expected);
    }
    for (const share of [0.001, 0.25, 0.5, 0.83, 0.999]) {
      const number = await gives(page, () => clickAt(page, share));
      const askedMs = sought.at(-1) ?? NaN;
      // A pixel of the timeline is about 20 ms here.
      expect(Math.abs(askedMs - share * FRAMES * INTERVAL_MS)).toBeLessThan(40);
      expect(number).toBe(Math.floor(askedMs / INTERVAL_MS));
      await stands(page, number);
    }
    check(await picturesOf(page));
  });

  it('follows the pointer that drags it, and shows where it is let go', async () => {
    const { page, statusOf, sought } = await open();
    await playButton(page, 'Play');
    await until(async () => (await last(page)).number > 5);
    const box = await page.locator('.timeline-track').boundingBox();
    if (box === null) throw new Error('no timeline');
    const y = box.y + box.height / 2;
    await page.mouse.move(box.x + box.width * 0.1, y);
    await page.mouse.down();
    const before = (await picturesOf(page)).length;
    for (let percent = 15; percent <= 90; percent += 5) {
      await page.mouse.move(box.x + (box.width * percent) / 100, y);
      const shown = (await picturesOf(page)).length;
      await until(async () => (await picturesOf(page)).length > shown);
    }
    await until(async () => Math.abs((await last(page)).number - 0.9 * FRAMES) <= 2);
    await stands(page, Math.floor((sought.at(-1) ?? NaN) / INTERVAL_MS));
    expect((await statusOf('clip')).state).toBe('paused');
    const dragged = numbersOf(await picturesOf(page, before));
    expect(dragged.length).toBeGreaterThan(5);
    await page.mouse.up();
    await until(async () => (await page.locator('.replay-bar').getAttribute('data-motion')) === 'ended');
    await stands(page, FRAMES - 1);
    await playButton(page, 'Play again');
    await until(async () => { const { number } = await last(page); return number > 3 && number < FRAMES / 2; });
    check(await picturesOf(page));
  });

  it.each([['0.5×', 30], ['4×', 100], ['max', FRAMES - 1]] as const)('keeps the order, and each box on its square, at a speed of %s', async (speed, untilNumber) => {
    const { page, statusOf } = await open();
    await page.getByLabel('Speed').selectOption(speed);
    await until(async () => String((await statusOf('clip')).speed) === speed.replace('×', ''));
    await playButton(page, 'Play');
    await until(async () => (await last(page)).number >= untilNumber, { timeoutMs: 20_000 });
    const pictures = await picturesOf(page);
    check(pictures);
    const numbers = numbersOf(pictures);
    expectGrowing(numbers);
    expect(numbers.length).toBeGreaterThan(5);
    expect((await statusOf('clip')).counters).toMatchObject({ dropped: {}, failed: {} });
  });

  it('has each box on its square also where the picture is narrower than the source, and where the model saw a smaller one', async () => {
    const { page } = await open({ widthPx: 320 }, { modelPx: 416 });
    await page.locator('h1').focus();
    for (let number = 1; number <= 12; number += 1) expect(await gives(page, () => page.keyboard.press('.'))).toBe(number);
    await page.getByLabel('Speed').selectOption('4×');
    await playButton(page, 'Play');
    await until(async () => (await last(page)).number > 100, { timeoutMs: 20_000 });
    const pictures = await picturesOf(page);
    expect(new Set(pictures.map(({ widthPx }) => widthPx))).toEqual(new Set([320]));
    check(pictures);
  });

  it('goes round and round when it is told to by its configuration', async () => {
    const { page } = await open({ source: join(folder, 'short.mp4'), loop: true });
    await page.getByLabel('Speed').selectOption('4×');
    await playButton(page, 'Play');
    await until(async () => numbersOf(await picturesOf(page)).filter((number, index, all) => number < (all[index - 1] ?? -1)).length >= 3, { timeoutMs: 20_000 });
    const pictures = await picturesOf(page);
    check(pictures);
    const numbers = numbersOf(pictures);
    // It only ever turns back from the end to the start.
    for (const [index, number] of numbers.entries()) if (number <= (numbers[index - 1] ?? -1)) expect([(numbers[index - 1] ?? 0) > 30, number < 10]).toEqual([true, true]);
  });

  it('shows nothing twice and nothing older when the connection was lost, also while it plays', async () => {
    const { page, sockets, statusOf } = await open();
    await page.getByLabel('Speed').selectOption('0.5×');
    await playButton(page, 'Play');
    await until(async () => (await last(page)).number > 5);
    await sockets[0]?.close({ code: 1001 });
    const lost = (await last(page)).number;
    await until(() => sockets.length === 2, { timeoutMs: 15_000 });
    await until(async () => (await last(page)).number > lost + 5, { timeoutMs: 15_000 });
    await playButton(page, 'Pause');
    await until(async () => (await statusOf('clip')).state === 'paused');
    const standing = ((await statusOf('clip')).positionMs ?? 0) / INTERVAL_MS;
    await stands(page, standing);
    await sockets[1]?.close({ code: 1001 });
    await until(() => sockets.length === 3, { timeoutMs: 15_000 });
    await until(async () => ((await page.locator('header').textContent()) ?? '').includes('detector ready'));
    await page.locator('h1').focus();
    expect(await gives(page, () => page.keyboard.press('.'))).toBe(standing + 1);
    const pictures = await picturesOf(page);
    check(pictures);
    expectGrowing(numbersOf(pictures));
  });

  it('leaves marks where the square was found, for whoever opens it next', async () => {
    const { page, ask } = await open();
    await page.getByLabel('Speed').selectOption('max');
    await playButton(page, 'Play');
    await until(async () => (await page.locator('.replay-bar').getAttribute('data-motion')) === 'ended', { timeoutMs: 20_000 });
    expect(await ask('GET', '/api/streams/clip/timeline')).toMatchObject({ status: 200, body: { durationMs: 8_000, bucketMs: 100, classIds: { bicycle: SQUARE_CLASS } } });
    const { body } = await ask('GET', '/api/streams/clip/timeline');
    const counts = (body as { buckets: { classes: { bicycle: number } }[] }).buckets.map(({ classes }) => classes.bicycle);
    expect(counts).toHaveLength(80);
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(FRAMES);
    await page.reload();
    await until(async () => (await page.locator('.timeline-marks').getAttribute('data-marks')) === '80');
  });
});

describe('a live stream in the page of a running service', () => {
  it('says an age that can be: not negative, and no more than a moment', async () => {
    const { page } = await open({ mode: 'live', loop: true });
    await until(async () => (await picturesOf(page)).length > 20);
    const pictures = await picturesOf(page);
    for (const { header } of pictures) {
      expect(header.positionMs).toBeUndefined();
      expect(header.sentAtMs - header.capturedAtMs).toBeGreaterThanOrEqual(-1);
      expect(header.sentAtMs - header.capturedAtMs).toBeLessThan(2_000);
    }
    await until(async () => /^\d+ ms$/u.test((await page.locator('.section-title', { hasText: 'Age when shown' }).locator('.section-figure').textContent()) ?? ''));
  });
});
