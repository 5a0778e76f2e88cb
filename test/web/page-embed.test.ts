import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Frame, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Token } from '../../src/viewers/tokens.js';
import type { ViewerServer } from '../../src/viewers/viewer-server.js';
import type { WatchedPage } from '../helpers/browser.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { serveViewers, shownSeq } from '../helpers/viewer-page.js';
import { tokenFor } from '../viewers/support/tokens.js';

const pages = usePage();
let watched: WatchedPage;
let host: Server;
let hostOrigin: string;
let server: ViewerServer;

beforeEach(async () => {
  // `localhost` is another site than 127.0.0.1, not only another origin.
  host = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html');
    response.end(`<!doctype html><link rel="icon" href="data:,"><body style="margin:0"><div style="height:${new URL(request.url ?? '', 'http://x').searchParams.get('above') ?? '0'}px"></div></body>`);
  });
  await new Promise<void>((resolve) => host.listen(0, '127.0.0.1', resolve));
  hostOrigin = `http://localhost:${String((host.address() as AddressInfo).port)}`;
  pages.directory.addStream('door', { name: 'Front door' });
  pages.directory.play('door', 10);
});
afterEach(async () => {
  await server.close();
  host.closeAllConnections();
  await new Promise((resolve) => host.close(resolve));
});

/** Serves the page to be framed by the given origins. */
async function serve(embedOrigins: readonly string[], tokens: readonly Token[] = [], port = 0): Promise<void> {
  server = await serveViewers(pages.directory, pages.folder, port, { embedOrigins, tokens });
}

/** Opens the other site's page and puts the tile into it. */
async function embed(address = 'embed/door', path = '/'): Promise<Page> {
  watched = await pages.open({ viewport: { width: 800, height: 600 } });
  const { page } = watched;
  await page.goto(hostOrigin + path);
  await addFrame(page, address);
  return page;
}

async function addFrame(page: Page, address: string): Promise<void> {
  await page.evaluate((src) => {
    const frame = document.createElement('iframe');
    frame.src = src;
    frame.width = '480';
    frame.height = '302';
    document.body.append(frame);
  }, server.url + address);
}

async function tileOf(page: Page): Promise<Frame> {
  const frame = await until(() => page.frames().find((each) => each.url().startsWith(server.url)), { what: 'the frame' });
  await frame.waitForLoadState();
  return frame;
}

const seqIn = (frame: Frame): Promise<number> => shownSeq(frame as unknown as Page, 'door');
const textIn = async (frame: Frame): Promise<string> => (await frame.locator('main').textContent()) ?? '';

describe('an embedded tile', () => {
  it('shows moving pictures in a page of another site that may frame it, with its name and age', async () => {
    await serve([hostOrigin]);
    const frame = await tileOf(await embed());
    const first = await until(async () => { const seq = await seqIn(frame); return seq >= 0 ? { seq } : null; });
    await until(async () => (await seqIn(frame)) > first.seq + 3);
    await until(async () => /●Front doorlive\d+ ms/.test(await textIn(frame)));
    // As wide as the frame, in one of the server's steps, with the server's boxes.
    expect(pages.directory.frames.at(-2)?.renders).toEqual(['480|true']);
    expect(await frame.locator('a').getAttribute('href')).toBe(`${server.url}#/stream/door`);
    expect(watched.problems).toEqual([]);
  });

  it.each<[string, readonly string[]]>([
    ['nobody may', []],
    ['others may', ['https://intranet.example']],
  ])('is refused by the browser where %s', async (_title, origins) => {
    await serve(origins);
    const page = await embed();
    await until(() => watched.problems.some((problem) => problem.includes('frame-ancestors') || problem.includes('X-Frame-Options')), { what: 'the refusal' });
    expect(page.frames().some((frame) => frame.url().startsWith(server.url))).toBe(false);
    expect(pages.directory.watchers('door')).toBe(0);
  });

  it('never passes an old picture off as live, and comes back by itself', async () => {
    await serve(['*']);
    const frame = await tileOf(await embed());
    await until(async () => (await seqIn(frame)) > 1);
    pages.directory.pause('door');
    await until(async () => (await frame.locator('.picture[data-stale]').count()) === 1);
    // At first, as its age counts from when it was taken, it is late.
    await until(async () => /\d\.\d s oldNo frames are coming/.test(await textIn(frame)), { what: 'why it is old' });
    const { port } = server;
    await server.close();
    await until(async () => /Connection to the server lost/.test(await textIn(frame)));
    await serve(['*'], [], port);
    pages.directory.play('door', 10);
    await until(async () => (await frame.locator('.picture[data-stale]').count()) === 0, { timeoutMs: 20_000 });
  });

  it('says so when there is no such stream, or not any more', async () => {
    await serve(['*']);
    const missing = await tileOf(await embed('embed/gate'));
    await until(async () => (await textIn(missing)).includes('There is no stream “gate” here'));
    const frame = await tileOf(await embed());
    await until(async () => (await seqIn(frame)) >= 0);
    pages.directory.removeStream('door');
    await until(async () => (await textIn(frame)).includes('There is no stream “door” here'));
    expect(watched.problems).toEqual([]);
  });

  it('costs the server nothing while it is scrolled out of sight', async () => {
    await serve(['*']);
    const page = await embed('embed/door', '/?above=3000');
    await tileOf(page);
    await page.evaluate(() => { scrollTo(0, 0); });
    const offered = (): number => pages.directory.frames.length;
    await until(() => pages.directory.watchers('door') === 0);
    const before = offered();
    await until(() => offered() > before + 5);
    expect(pages.directory.frames.slice(before + 1).every(({ renders }) => renders.length === 0)).toBe(true);
    await page.evaluate(() => { scrollTo(0, 3000); });
    await until(() => pages.directory.watchers('door') === 1);
  });

  it('looks with the token of its address, which is in no address that is asked for', async () => {
    const wall = tokenFor('wall', { streams: ['door'] });
    await serve([hostOrigin], [wall]);
    watched = await pages.open();
    const { page } = watched;
    const asked: string[] = [];
    const sockets: string[] = [];
    page.on('websocket', (socket) => sockets.push(socket.url()));
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(hostOrigin);
    await addFrame(page, 'embed/door#token=wall-token');
    const frame = await tileOf(page);
    await until(async () => (await seqIn(frame)) >= 0);
    expect(asked).toContain(`${server.url}api/tickets`);
    expect(sockets.at(-1)).toMatch(/ws\?ticket=[\w-]{43}$/);

    // A token that counts no more takes the picture with it; each later try has a ticket of its own.
    const { port } = server;
    await server.close();
    await serve([hostOrigin], [tokenFor('other')], port);
    await until(async () => (await textIn(frame)).includes('The token in this tile’s address is not valid'), { timeoutMs: 20_000 });
    expect(await frame.locator('.picture').isVisible()).toBe(false);
    await server.close();
    await serve([hostOrigin], [wall], port);
    await until(() => frame.locator('.picture').isVisible(), { timeoutMs: 30_000 });
    expect(new Set(sockets).size).toBe(sockets.length);
    expect([...asked, ...sockets].filter((address) => address.replace(/#.*/, '').includes('wall-token'))).toEqual([]);
  });

  it.each([
    ['without one', 'embed/door', 'this tile needs a token'],
    ['with a wrong one', 'embed/door#token=wrong', 'The token in this tile’s address is not valid'],
    ['with one for other streams', 'embed/yard#token=wall-token', 'There is no stream “yard” here'],
  ])('shows nothing %s where a token is needed, and says so', async (_title, address, words) => {
    pages.directory.addStream('yard');
    pages.directory.play('yard', 10);
    await serve([hostOrigin], [tokenFor('wall', { streams: ['door'] })]);
    const frame = await tileOf(await embed(address));
    await until(async () => (await textIn(frame)).includes(words));
    expect(await frame.locator('.picture').isVisible()).toBe(false);
    expect(pages.directory.watchers('door') + pages.directory.watchers('yard')).toBe(0);
  });
});
