import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { afterEach, describe, expect, it } from 'vitest';
import { classColour } from '../../src/core/class-colours.js';
import type { StreamCommand } from '../../src/core/stream-control.js';
import type { WatchedPage } from '../helpers/browser.js';
import { FakeReplay, type FakeReplayOptions } from '../helpers/fake-replay.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';

const pages = usePage();
const INTERVAL_MS = 40;
let watched: WatchedPage;
let replay: FakeReplay;

afterEach(() => { replay.close(); });

/** Opens the large view of a recording of 1000 frames, 40 s. */
async function open(options: BrowserContextOptions = { viewport: { width: 1280, height: 720 } }, script: FakeReplayOptions = {}, prepare: (page: Page) => Promise<void> = () => Promise.resolve()): Promise<Page> {
  replay = new FakeReplay(pages.directory, script);
  watched = await pages.open(options);
  await prepare(watched.page);
  await watched.page.goto(`${pages.server.url}#/stream/clip`);
  await watched.page.getByRole('button', { name: 'Play', exact: true }).waitFor();
  await showsTime(watched.page, '0:00.000');
  return watched.page;
}
const slider = (page: Page): Locator => page.getByRole('slider', { name: 'Position in the recording' });
const press = (page: Page, name: string): Promise<void> => page.getByRole('button', { name, exact: true }).click();
/** What was asked for, without what a message has besides. */
const commands = (): readonly StreamCommand[] =>
  pages.directory.commands.map(({ command }) => Object.fromEntries(Object.entries(command).filter(([name]) => name !== 'type' && name !== 'stream')) as unknown as StreamCommand);
const motion = (page: Page): Promise<string | null> => page.locator('.replay-bar').getAttribute('data-motion');

async function showsTime(page: Page, time: string): Promise<void> {
  await until(async () => (await page.locator('.replay-position').textContent()) === time, { what: `the time ${time}` });
}
/** Waits until the picture on the screen is the nth of the recording, and the time beside it says so. */
async function showsFrame(page: Page, frame: number): Promise<void> {
  const header = async (): Promise<{ positionMs?: number }> => JSON.parse((await page.locator('.stream-view canvas[role="img"]').getAttribute('data-header')) ?? '{}') as { positionMs?: number };
  await until(async () => (await header()).positionMs === frame * INTERVAL_MS, { what: `frame ${String(frame)}` });
  const ms = frame * INTERVAL_MS;
  await showsTime(page, `0:${String(Math.floor(ms / 1000)).padStart(2, '0')}.${String(ms % 1000).padStart(3, '0')}`);
}
async function placeOf(page: Page, share: number): Promise<{ x: number; y: number }> {
  const box = await page.locator('.timeline-track').boundingBox();
  if (box === null) throw new Error('no timeline');
  return { x: box.x + box.width * share, y: box.y + box.height / 2 };
}

describe('the controls of a recording', () => {
  it('play, pause, go a frame or five seconds on and back, and change the speed', async () => {
    const page = await open();
    await press(page, 'One frame forward');
    await showsFrame(page, 1);
    await press(page, 'One frame back');
    await showsFrame(page, 0);
    await press(page, 'Forward 5 seconds');
    await showsFrame(page, 125);
    await press(page, 'Back 5 seconds');
    await showsFrame(page, 0);
    await page.getByLabel('Speed').selectOption('4×');
    await press(page, 'Play');
    await until(() => replay.frame > 20);
    expect(await motion(page)).toBe('playing');
    await press(page, 'Pause');
    await showsFrame(page, replay.frame);
    await page.getByLabel('Speed').selectOption('max');
    expect(commands()).toEqual([
      { action: 'step', frames: 1 }, { action: 'step', frames: -1 }, { action: 'seek', positionMs: 5_000 }, { action: 'seek', positionMs: 0 },
      { action: 'speed', speed: 4 }, { action: 'play' }, { action: 'pause' }, { action: 'speed', speed: 'max' },
    ]);
    expect(watched.problems).toEqual([]);
  });

  it('stop what plays before a single frame, and stay within the recording', async () => {
    const page = await open();
    await press(page, 'Play');
    await until(() => replay.frame > 2);
    await press(page, 'One frame forward');
    await until(() => commands().length === 3);
    expect(commands()).toEqual([{ action: 'play' }, { action: 'pause' }, { action: 'step', frames: 1 }]);
    await showsFrame(page, replay.frame);
    await press(page, 'Back 5 seconds');
    await showsFrame(page, 0);
    await slider(page).press('End');
    await showsFrame(page, 999);
    await press(page, 'Forward 5 seconds');
    expect(commands().at(-1)).toEqual({ action: 'seek', positionMs: 40_000 });
  });

  it('offer to play again what has ended', async () => {
    const page = await open(undefined, { frames: 50 });
    await slider(page).press('End');
    await until(async () => (await motion(page)) === 'ended');
    await press(page, 'Play again');
    await until(async () => (await motion(page)) === 'playing' && replay.shown.slice(-5).some((frame) => frame < 10));
  });

  it('show what others did, also a speed that is not in the menu', async () => {
    const page = await open();
    pages.directory.setStatus('clip', { state: 'running', speed: 3 });
    await until(async () => (await motion(page)) === 'playing' && (await page.getByLabel('Speed').inputValue()) === '3');
    pages.directory.setStatus('clip', { state: 'paused', speed: 0.5 });
    await until(async () => (await motion(page)) === 'paused' && (await page.getByLabel('Speed').inputValue()) === '0.5');
  });

  it('show what was asked for at once, and the truth again when it does not come', async () => {
    const page = await open(undefined, { deaf: true });
    await press(page, 'Play');
    expect(await motion(page)).toBe('playing');
    await slider(page).press('ArrowRight');
    expect(await page.locator('.replay-position').textContent()).toBe('0:05.000');
    await page.getByLabel('Speed').selectOption('8×');
    // A status that was on its way says nothing of what was asked for since.
    pages.directory.setStatus('clip', { measuredFps: 3 });
    expect([await motion(page), await page.getByLabel('Speed').inputValue()]).toEqual(['playing', '8']);
    await until(async () => (await motion(page)) === 'paused' && (await page.getByLabel('Speed').inputValue()) === '1', { timeoutMs: 3_000 });
    await showsTime(page, '0:00.000');
  });

  it('show the place of the picture on the screen, not of the newest at the server', async () => {
    const page = await open(undefined, { deaf: true });
    pages.directory.setStatus('clip', { positionMs: 20_000 });
    await showsTime(page, '0:00.000');
    expect(await page.locator('.replay-duration').textContent()).toBe('0:40.000');
  });

  it('say what the server refuses', async () => {
    const page = await open();
    pages.directory.controlError = new Error('broken');
    await press(page, 'Play');
    await until(async () => ((await page.locator('[data-notice]').textContent()) ?? '').includes('The command failed'));
    pages.directory.controlError = null;
  });
});

describe('the keys of a recording', () => {
  it('are space, the arrows, comma and full stop, in the large view only', async () => {
    const page = await open();
    await page.keyboard.press('.');
    await showsFrame(page, 1);
    await page.keyboard.press('ArrowRight');
    await showsFrame(page, 126);
    await page.keyboard.press(',');
    await showsFrame(page, 125);
    await page.keyboard.press('ArrowLeft');
    await showsFrame(page, 0);
    await page.keyboard.press(' ');
    await until(() => replay.frame > 3);
    await page.keyboard.press(' ');
    await showsFrame(page, replay.frame);
    const sent = commands().length;
    await page.keyboard.press('Escape');
    await page.locator('.tile').first().waitFor();
    for (const key of [' ', 'ArrowLeft', ',', '.']) await page.keyboard.press(key);
    await page.keyboard.press('?');
    await until(async () => ((await page.locator('dialog').textContent()) ?? '').includes('one frame back and forward'));
    expect(commands()).toHaveLength(sent);
  });

  it('press what is in focus with space, and leave the speed to its menu', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'One frame forward' }).focus();
    await page.keyboard.press(' ');
    await showsFrame(page, 1);
    await page.getByLabel('Speed').focus();
    await page.keyboard.press('ArrowDown');
    await until(() => commands().length === 2);
    expect(commands()).toEqual([{ action: 'step', frames: 1 }, { action: 'speed', speed: 2 }]);
    await slider(page).focus();
    await page.keyboard.press(' ');
    await until(() => commands().length === 3);
    expect(commands()[2]).toEqual({ action: 'play' });
  });

  it('move the timeline in focus by five seconds, one, a tenth, and to both ends', async () => {
    const page = await open();
    const steps = [['ArrowRight', 125], ['Shift+ArrowRight', 150], ['ArrowUp', 175], ['ArrowDown', 150], ['PageUp', 275], ['PageDown', 150], ['ArrowLeft', 25], ['End', 999], ['Home', 0]] as const;
    for (const [key, frame] of steps) {
      await slider(page).press(key);
      await showsFrame(page, frame);
    }
    // One command a key: the page's own keys do not act too.
    expect(commands()).toHaveLength(steps.length);
  });

  it('add up when they are faster than the picture', async () => {
    const page = await open(undefined, { deaf: true });
    for (let n = 0; n < 3; n += 1) await page.keyboard.press('ArrowRight');
    expect(await page.locator('.replay-position').textContent()).toBe('0:15.000');
    expect(commands()).toEqual([{ action: 'seek', positionMs: 5_000 }]);
    replay.deaf = false;
    pages.directory.offer('clip', { ptsMs: 5_000 });
    await showsFrame(page, 375);
    expect(commands()).toEqual([{ action: 'seek', positionMs: 5_000 }, { action: 'seek', positionMs: 15_000 }]);
  });
});

describe('the timeline', () => {
  it('sends the recording where it is clicked, and says the time under the pointer', async () => {
    const page = await open();
    const at = await placeOf(page, 0.5);
    await page.mouse.move(at.x, at.y);
    await until(async () => /^0:(?:19\.9|20\.0)\d\d/u.test((await page.locator('.timeline-hover').textContent()) ?? ''));
    expect(await page.locator('.timeline-hover').isVisible()).toBe(true);
    await page.mouse.click(at.x, at.y);
    await until(() => Math.abs(replay.frame - 500) <= 2);
    await showsFrame(page, replay.frame);
    expect(commands()).toHaveLength(1);
    await page.mouse.move(10, 10);
    await until(async () => !(await page.locator('.timeline-hover').isVisible()));
  });

  it('is dragged with the picture behind it, one seek at a time, the newest next', async () => {
    const page = await open(undefined, { deaf: true });
    const [from, to] = [await placeOf(page, 0.2), await placeOf(page, 0.8)];
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 20 });
    // The server has not shown anything yet.
    expect(commands()).toHaveLength(1);
    const first = commands()[0];
    if (first?.action !== 'seek') throw new Error('no seek');
    expect(first.positionMs).toBeCloseTo(8_000, -2);
    await showsTime(page, (await page.locator('.timeline-hover').textContent()) ?? '');
    replay.deaf = false;
    pages.directory.offer('clip', { ptsMs: first.positionMs });
    await until(() => commands().length === 2);
    await until(() => Math.abs(replay.frame - 800) <= 2);
    await showsFrame(page, replay.frame);
    await page.mouse.move(from.x, from.y, { steps: 30 });
    await page.mouse.up();
    await until(() => Math.abs(replay.frame - 200) <= 2);
    await showsFrame(page, replay.frame);
    expect(await motion(page)).toBe('paused');
    // Not one of the places between was asked for twice, and it went back without detours.
    expect(replay.shown.slice(1)).toEqual([...replay.shown.slice(1)].sort((a, b) => b - a));
  });

  it('holds what plays for as long as it is dragged, and lets it go on', async () => {
    const page = await open();
    await press(page, 'Play');
    await until(() => replay.frame > 3);
    const [from, to] = [await placeOf(page, 0.3), await placeOf(page, 0.6)];
    await page.mouse.move(from.x, from.y);
    await page.mouse.down();
    await page.mouse.move(to.x, to.y, { steps: 10 });
    await until(() => Math.abs(replay.frame - 600) <= 2);
    expect(await motion(page)).toBe('paused');
    await page.mouse.up();
    await until(() => replay.frame > 605);
    expect(await motion(page)).toBe('playing');
    expect(commands().filter(({ action }) => action !== 'seek')).toEqual([{ action: 'play' }, { action: 'pause' }, { action: 'play' }]);
  });

  it('works with a finger', async () => {
    const page = await open({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
    const at = await placeOf(page, 0.25);
    await page.touchscreen.tap(at.x, at.y);
    await until(() => Math.abs(replay.frame - 250) <= 5);
    const touch = await page.context().newCDPSession(page);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [at] });
    for (let step = 1; step <= 10; step += 1) {
      await touch.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [await placeOf(page, 0.25 + step * 0.05)] });
    }
    expect(await page.locator('.timeline-hover').isVisible()).toBe(true);
    await touch.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await until(() => Math.abs(replay.frame - 750) <= 5);
    await showsFrame(page, replay.frame);
    expect(await page.locator('.timeline-hover').isVisible()).toBe(false);
    const sizes = await page.locator('.replay-keys button, .speed, .timeline').evaluateAll((all) => all.map((each) => each.getBoundingClientRect()).map(({ width, height }) => [width, height]));
    for (const [width = 0, height = 0] of sizes) expect(Math.min(width, height)).toBeGreaterThanOrEqual(44);
    expect(await page.evaluate(() => [...document.querySelectorAll('html, body, main')].some((element) => element.scrollWidth > element.clientWidth))).toBe(false);
  });

  it('marks what was found, in the colours of the classes: what the server counted, and at once what is shown here', async () => {
    const page = await open();
    const columns = (): Promise<string[]> => page.locator('.timeline-marks').evaluate((canvas: HTMLCanvasElement) => {
      const context = canvas.getContext('2d');
      return [0.125, 0.375, 0.625, 0.875].map((share) => {
        const [red = 0, green = 0, blue = 0, alpha = 0] = context?.getImageData(Math.floor(canvas.width * share), canvas.height - 2, 1, 1).data ?? [];
        return alpha === 0 ? '' : `#${[red, green, blue].map((value) => value.toString(16).padStart(2, '0')).join('')}`;
      });
    });
    pages.directory.timelines.set('clip', { durationMs: 40_000, bucketMs: 10_000, buckets: [{ index: 1, classes: { clock: 20 } }], classIds: { clock: 85 } });
    // A seek has the server asked again.
    await slider(page).press('ArrowRight');
    await until(async () => (await columns()).join(',') === ['', classColour(85), '', ''].join(','));
    const heights = await page.locator('.timeline-marks').evaluate((canvas: HTMLCanvasElement) => canvas.getContext('2d')?.getImageData(Math.floor(canvas.width * 0.375), 0, 1, 1).data[3]);
    expect(heights).toBe(255);
    pages.directory.offer('clip', { ptsMs: 25_000 });
    await until(async () => (await columns()).join(',') === ['', classColour(85), classColour(1), ''].join(','));
    const at = await placeOf(page, 0.3);
    await page.mouse.move(at.x, at.y);
    await until(async () => ((await page.locator('.timeline-hover').textContent()) ?? '').endsWith('clock'));
  });

  it('is asked for while it plays, and not while the page is hidden', async () => {
    const page = await open(undefined, {}, (blank) => blank.clock.install());
    let asked = 0;
    page.on('request', (request) => { if (request.url().endsWith('/timeline')) asked += 1; });
    await press(page, 'Play');
    await until(() => replay.frame > 2);
    const setHidden = (hidden: boolean): Promise<void> => page.evaluate((value) => {
      Object.defineProperty(document, 'hidden', { value, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }, hidden);
    for (const round of [1, 2]) {
      await page.clock.fastForward(5_000);
      await until(() => asked === round);
    }
    await setHidden(true);
    for (let round = 0; round < 3; round += 1) await page.clock.fastForward(5_000);
    expect(asked).toBe(2);
    await setHidden(false);
    await until(() => asked === 3);
  });
});

describe('assistive technology', () => {
  it('is told of every control by name, and of the time in words', async () => {
    const page = await open();
    const names = await page.locator('.replay-bar').evaluate((bar) => [...bar.querySelectorAll('button, select, [role="slider"]')].map((each) => each.getAttribute('aria-label')));
    expect(names).toEqual(['Back 5 seconds', 'One frame back', 'Play', 'One frame forward', 'Forward 5 seconds', 'Speed', 'Position in the recording']);
    await slider(page).press('ArrowRight');
    await showsFrame(page, 125);
    const attributes = await slider(page).evaluate((each) => ['aria-valuemin', 'aria-valuenow', 'aria-valuemax', 'aria-valuetext'].map((name) => each.getAttribute(name)));
    expect(attributes).toEqual(['0', '5000', '40000', '0:05.000 of 0:40.000']);
    await press(page, 'Play');
    const texts = new Set<string | null>();
    await until(async () => {
      texts.add(await slider(page).getAttribute('aria-valuetext'));
      return replay.frame > 160;
    });
    // It is not told of every frame.
    expect([...texts].filter((text) => text !== '0:05.000 of 0:40.000').every((text) => /^0:\d\d\.000 of/u.test(text ?? ''))).toBe(true);
  });

  it('reaches all of it by Tab with a visible focus', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Back 5 seconds' }).focus();
    const seen: string[] = [];
    for (let step = 0; step < 6; step += 1) {
      await page.keyboard.press('Tab');
      seen.push(await page.evaluate(() => `${document.activeElement?.getAttribute('aria-label') ?? ''} ${document.activeElement === null ? '' : getComputedStyle(document.activeElement).outlineStyle}`));
    }
    expect(seen).toEqual(['One frame back solid', 'Play solid', 'One frame forward solid', 'Forward 5 seconds solid', 'Speed solid', 'Position in the recording solid']);
  });
});

describe('a viewer without the right to control', () => {
  it('sees where the recording is and what was found, and nothing that acts', async () => {
    replay = new FakeReplay(pages.directory);
    pages.directory.addStream('door');
    watched = await pages.open({ viewport: { width: 1280, height: 720 } });
    const { page } = watched;
    await page.route('**/api/session', (route) => route.fulfill({ json: { required: true, name: 'wall', role: 'viewer', streams: null, expiresAtMs: null } }));
    await page.goto(`${pages.server.url}#/stream/clip`);
    await until(async () => (await slider(page).getAttribute('aria-readonly')) === 'true');
    await showsTime(page, '0:00.000');
    expect(await page.locator('.replay-bar').getByRole('button').count()).toBe(0);
    expect(await page.getByLabel('Speed').count() === 0 || !(await page.getByLabel('Speed').isVisible())).toBe(true);
    expect(await page.locator('.speed-text').textContent()).toBe('1×');
    expect(await slider(page).evaluate((each) => document.getElementById(each.getAttribute('aria-describedby') ?? '')?.textContent)).toBe('Only operators can control this recording.');
    const at = await placeOf(page, 0.5);
    await page.mouse.click(at.x, at.y);
    await slider(page).press('End');
    for (const key of [' ', 'ArrowRight', '.']) await page.keyboard.press(key);
    pages.directory.offer('clip', { ptsMs: 12_000 });
    await showsTime(page, '0:12.000');
    expect(commands()).toEqual([]);
    await page.goto(`${pages.server.url}#/stream/door`);
    await until(async () => (await page.locator('.stream-view').getAttribute('data-stream')) === 'door');
    expect(await page.getByRole('button', { name: 'Stop the source, for everybody' }).count()).toBe(0);
  });
});

describe('a live stream', () => {
  it('has no bar, and its source can be stopped and started', async () => {
    replay = new FakeReplay(pages.directory);
    pages.directory.addStream('door');
    watched = await pages.open();
    const { page } = watched;
    await page.goto(`${pages.server.url}#/stream/door`);
    await press(page, 'Stop the source, for everybody');
    await until(() => pages.directory.commands.length === 1);
    pages.directory.setStatus('door', { state: 'paused' });
    await press(page, 'Start the source again');
    await until(() => pages.directory.commands.length === 2);
    await page.locator('h1').focus();
    await page.keyboard.press(' ');
    await page.keyboard.press('.');
    expect(commands()).toEqual([{ action: 'pause' }, { action: 'play' }]);
    expect(await page.locator('.replay-bar').isVisible()).toBe(false);
    expect(watched.problems).toEqual([]);
  });
});

describe('full screen', () => {
  it('has the controls below the picture', async () => {
    const page = await open();
    await page.keyboard.press('f');
    await until(() => page.evaluate(() => document.fullscreenElement !== null));
    await until(async () => {
      const [picture, bar, height] = await page.evaluate(() => [...['.stage', '.replay-bar'].map((each) => document.querySelector(each)?.getBoundingClientRect().toJSON() as DOMRect), innerHeight] as [DOMRect, DOMRect, number]);
      return picture.top === 0 && picture.height > height * 0.7 && Math.abs(picture.bottom - bar.top) < 1 && Math.abs(bar.bottom - height) < 1;
    }, { what: 'picture and bar to fill the screen' });
    await page.keyboard.press('.');
    await showsFrame(page, 1);
  });
});
