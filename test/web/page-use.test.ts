import { readFile } from 'node:fs/promises';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchedPage } from '../helpers/browser.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { shownSeq } from '../helpers/viewer-page.js';

const pages = usePage();
let watched: WatchedPage;

beforeEach(() => {
  for (const id of ['door', 'yard', 'gate']) {
    pages.directory.addStream(id, { name: `The ${id}` });
    pages.directory.play(id, 5);
  }
});

async function open(options: BrowserContextOptions, hash = ''): Promise<Page> {
  watched = await pages.open(options);
  await watched.page.goto(pages.server.url + hash);
  await until(async () => (await watched.page.locator('[data-stream]').count()) > 0);
  return watched.page;
}
/** What a browser remembers in which it was chosen who draws the boxes. */
function drawnBy(drawing: string): { cookies: []; origins: { origin: string; localStorage: { name: string; value: string }[] }[] } {
  return { cookies: [], origins: [{ origin: new URL(pages.server.url).origin, localStorage: [{ name: 'sightline-drawing', value: drawing }] }] };
}

/** Waits until the large view shows a stream: a new address is acted on a moment after the key. */
async function showsLarge(page: Page, stream: string): Promise<void> {
  await until(async () => (await page.locator('.stream-view').getAttribute('data-stream', { timeout: 2000 })) === stream, { what: `the large view of ${stream}` });
}

describe('the keyboard', () => {
  it('opens streams, goes back and forth, and returns to where it was', async () => {
    const page = await open({ viewport: { width: 1000, height: 700 } });
    await page.keyboard.press('2');
    await showsLarge(page, 'yard');
    expect(page.url()).toMatch(/#\/stream\/yard$/);
    await until(async () => (await page.title()) === 'The yard · Sightline');
    await page.keyboard.press(']');
    await showsLarge(page, 'gate');
    await page.keyboard.press(']');
    await showsLarge(page, 'door');
    await page.keyboard.press('[');
    await showsLarge(page, 'gate');
    await page.keyboard.press('9');
    await showsLarge(page, 'gate');
    await page.keyboard.press('Escape');
    await until(async () => (await page.locator('.tile').count()) === 3);
    await until(() => page.locator('.tile[data-stream="gate"]').evaluate((tile) => tile === document.activeElement));
    await page.keyboard.press('Enter');
    await showsLarge(page, 'gate');
    await page.goBack();
    await until(async () => (await page.locator('.tile').count()) === 3);
    expect(watched.problems).toEqual([]);
  });

  it('reaches everything by Tab, in order, with a visible focus', async () => {
    const page = await open({ viewport: { width: 1000, height: 700 } });
    const seen: string[] = [];
    for (let step = 0; step < 7; step += 1) {
      await page.keyboard.press('Tab');
      seen.push(
        await page.evaluate(() => {
          const focused = document.activeElement;
          if (focused === null) return 'nothing';
          const ring = getComputedStyle(focused).outlineStyle !== 'none' || getComputedStyle(focused, '::after').borderTopStyle === 'solid';
          return `${focused.getAttribute('aria-label') ?? focused.getAttribute('data-stream') ?? focused.textContent}${ring ? '' : ' without a ring'}`;
        }),
      );
    }
    expect(seen).toEqual(['Sightline', 'Add a stream', 'Change between dark and light', 'Help and keys', 'door', 'yard', 'gate']);
  });

  it('shows help with ?, and leaves the page alone while it is open', async () => {
    const page = await open({});
    await page.keyboard.press('?');
    await until(() => page.locator('dialog').isVisible());
    await page.keyboard.press('1');
    await page.keyboard.press('Escape');
    await until(async () => !(await page.locator('dialog').isVisible()));
    expect(await page.locator('.stream-view').count()).toBe(0);
  });

  it('saves the very picture on the screen with s, as it came where the server drew the boxes', async () => {
    const page = await open({ acceptDownloads: true, storageState: drawnBy('server') }, '#/stream/door');
    pages.directory.pause('door');
    await until(async () => (await shownSeq(page, 'door')) === pages.directory.frames.findLast((frame) => frame.streamId === 'door')?.seq);
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('s')]);
    const seq = await shownSeq(page, 'door');
    expect(download.suggestedFilename()).toBe(`door-${String(seq)}.jpg`);
    const shown = await pages.directory.frames.find((frame) => frame.streamId === 'door' && frame.seq === seq)?.render({ maxWidthPx: null, drawn: true });
    expect((await readFile(await download.path())).equals(shown?.jpeg ?? Buffer.alloc(0))).toBe(true);
    expect(watched.problems).toEqual([]);
  });
});

describe('the address', () => {
  it('of a stream opens that stream, and Escape leads to all', async () => {
    const page = await open({}, '#/stream/yard');
    await showsLarge(page, 'yard');
    await page.keyboard.press('Escape');
    await until(async () => (await page.locator('.tile').count()) === 3);
  });

  it('of a stream that is removed while it is open says so', async () => {
    const page = await open({}, '#/stream/yard');
    pages.directory.removeStream('yard');
    await until(async () => ((await page.locator('main').textContent()) ?? '').includes('There is no stream “yard” here'));
    await page.locator('main a').click();
    await until(async () => (await page.locator('.tile').count()) === 2);
  });
});

describe('the theme', () => {
  it('follows the system until it is chosen, and is remembered', async () => {
    const page = await open({ colorScheme: 'light' });
    const ground = (): Promise<string> => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
    const light = await ground();
    await page.keyboard.press('t');
    const dark = await ground();
    expect(dark).not.toBe(light);
    await page.reload();
    expect(await ground()).toBe(dark);
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.getByLabel('Change between dark and light').click();
    expect(await ground()).toBe(light);
  });

  it.each(['dark', 'light'] as const)('has text of contrast 4.5 or more when %s', async (colorScheme) => {
    const page = await open({ colorScheme, viewport: { width: 1200, height: 800 } }, '#/stream/door');
    pages.directory.setStatus('yard', { detector: { state: 'unavailable', message: 'gone' } });
    await until(async () => (await page.locator('.now-row').count()) > 0 && (await page.locator('.fact[data-trouble]').count()) > 0);
    const low = await page.evaluate(() => {
      const luminance = (rgb: readonly number[]): number => {
        const [r = 0, g = 0, b = 0] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
      };
      const numbers = (colour: string): number[] => (colour.match(/[\d.]+/g) ?? []).map(Number);
      const ground = (element: Element | null): number[] => {
        for (let at = element; at !== null; at = at.parentElement) {
          const colour = numbers(getComputedStyle(at).backgroundColor);
          if ((colour[3] ?? 1) > 0.6) return colour.slice(0, 3);
        }
        return [0, 0, 0];
      };
      const texts = [...document.querySelectorAll('body *')].filter((element) => element.checkVisibility() && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent !== ''));
      return texts.flatMap((element) => {
        const pair = [luminance(numbers(getComputedStyle(element).color).slice(0, 3)), luminance(ground(element))].sort((a, b) => b - a) as [number, number];
        const contrast = (pair[0] + 0.05) / (pair[1] + 0.05);
        return contrast < 4.5 ? [`${element.className || element.tagName} ${(element.textContent).slice(0, 20)} ${contrast.toFixed(2)}`] : [];
      });
    });
    expect(low).toEqual([]);
  });
});

describe('a phone, 360 px wide', () => {
  it('has one column and nothing to scroll sideways', async () => {
    const page = await open({ viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
    pages.directory.setStatus('gate', { state: 'reconnecting', name: `A${'very'.repeat(20)}long name`, error: { code: 'x', message: 'https://camera.example/'.padEnd(200, 'x') } });
    await until(async () => (await shownSeq(page, 'door')) >= 0);
    const scrollsSideways = (): Promise<boolean> => page.evaluate(() => [...document.querySelectorAll('html, body, .place, main')].some((element) => element.scrollWidth > element.clientWidth));
    expect(await scrollsSideways()).toBe(false);
    const lefts = await page.locator('.tile').evaluateAll((tiles) => tiles.map((tile) => tile.getBoundingClientRect()).map(({ left, width }) => `${String(left)} ${String(width)}`));
    expect(lefts).toEqual(['0 360', '0 360', '0 360']);

    await page.locator('[data-stream="gate"]').tap();
    await until(async () => (await page.locator('.stream-view').count()) === 1);
    expect(await scrollsSideways()).toBe(false);
    const bar = await page.locator('.stream-bar').boundingBox();
    expect((bar?.y ?? 0) + (bar?.height ?? 0)).toBeCloseTo(640, 0);

    for (const id of ['door', 'yard', 'gate']) pages.directory.removeStream(id);
    await page.goto(pages.server.url);
    await until(() => page.locator('[data-message="first-run"]').isVisible());
    expect(await scrollsSideways()).toBe(false);
    expect(watched.problems).toEqual([]);
  });
});
