import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchedPage } from '../helpers/browser.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { shownSeq } from '../helpers/viewer-page.js';

const TILES = 36;
const INPUTS = 12;

const pages = usePage();
let watched: WatchedPage;
let ids: string[] = [];

beforeEach(async () => {
  ids = Array.from({ length: TILES }, (_, index) => `cam${String(index)}`);
  for (const id of ids) pages.directory.addStream(id);
  watched = await pages.open({ viewport: { width: 1920, height: 1080 } });
});

describe('a wall of 36 tiles', () => {
  it('shows moving pictures of all of them over one socket, each at its share of the page’s rate', async () => {
    const { page, problems } = watched;
    const sockets: string[] = [];
    const subscribed = new Map<string, { readonly maxFps?: number; readonly maxWidthPx?: number }>();
    page.on('websocket', (socket) => {
      sockets.push(socket.url());
      socket.on('framesent', ({ payload }) => {
        const message = JSON.parse(String(payload)) as { type: string; stream: string; maxFps?: number; maxWidthPx?: number };
        if (message.type === 'subscribe') subscribed.set(message.stream, message);
      });
    });
    for (const id of ids) pages.directory.play(id, 8);
    await page.goto(pages.server.url);
    await Promise.all(ids.map((id) => until(async () => (await shownSeq(page, id)) >= 3, { timeoutMs: 40_000, what: `pictures of ${id}` })));
    expect(sockets).toHaveLength(1);
    expect(subscribed.size).toBe(TILES);
    for (const [id, { maxFps, maxWidthPx }] of subscribed) {
      expect(maxWidthPx, id).toBe(320);
      // At most 240 frames a second for the whole page.
      expect((maxFps ?? Number.POSITIVE_INFINITY) * TILES, id).toBeLessThanOrEqual(240);
    }
    expect(problems).toEqual([]);
  }, 60_000);

  it('loses no key and no click while all of them move', async () => {
    const { page, problems } = watched;
    for (const id of ids) pages.directory.play(id, 8);
    await page.goto(pages.server.url);
    await Promise.all(ids.map((id) => until(async () => (await shownSeq(page, id)) >= 0, { timeoutMs: 40_000, what: `a picture of ${id}` })));
    const dialog = page.locator('dialog');
    const theme = (): Promise<string | undefined> => page.evaluate(() => document.documentElement.dataset['theme']);
    const seen: (string | undefined)[] = [];
    // Each is waited for until it has done what it does: one that is lost stops the test.
    for (let count = 0; count < INPUTS; count += 1) {
      const before = await theme();
      await (count % 2 === 0 ? page.keyboard.press('t') : page.getByLabel('Change between dark and light').click());
      await until(async () => (await theme()) !== before, { what: `input ${String(count)}` });
      seen.push(await theme());
    }
    expect(seen.filter((each) => each === seen[0])).toHaveLength(INPUTS / 2);
    // All of a burst arrive, in order.
    await page.evaluate(() => {
      const keys: string[] = [];
      Object.assign(window, { handledKeys: keys });
      document.addEventListener('keydown', ({ key }) => keys.push(key));
    });
    for (let count = 0; count < INPUTS; count += 1) await page.keyboard.press('t');
    await page.keyboard.press('?');
    await until(() => dialog.isVisible());
    expect(await page.evaluate(() => (window as unknown as { handledKeys: string[] }).handledKeys.join(''))).toBe(`${'t'.repeat(INPUTS)}?`);
    await page.keyboard.press('Escape');
    await page.locator('[data-stream="cam35"]').click();
    await until(async () => (await page.locator('.stream-view').getAttribute('data-stream')) === 'cam35');
    // Nobody sees the others now: none of their pictures is drawn any more.
    await until(() => ids.every((id) => pages.directory.watchers(id) === (id === 'cam35' ? 1 : 0)));
    const before = pages.directory.frames.length;
    const of = (id: string): number => pages.directory.frames.slice(before).filter(({ streamId }) => streamId === id).length;
    await until(() => of('cam0') > 3);
    expect(pages.directory.frames.slice(before).filter(({ streamId, renders }) => streamId !== 'cam35' && renders.length > 0)).toEqual([]);
    expect(problems).toEqual([]);
  }, 90_000);

  it('costs the server nothing while the tab is hidden', async () => {
    const { page } = watched;
    for (const id of ids) pages.directory.play(id, 4);
    await page.goto(pages.server.url);
    await until(() => ids.every((id) => pages.directory.watchers(id) === 1), { timeoutMs: 30_000 });
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await until(() => ids.every((id) => pages.directory.watchers(id) === 0));
    const before = pages.directory.frames.length;
    await until(() => pages.directory.frames.length > before + 3 * TILES);
    expect(pages.directory.frames.slice(before).filter(({ renders }) => renders.length > 0)).toEqual([]);
  }, 60_000);
});
