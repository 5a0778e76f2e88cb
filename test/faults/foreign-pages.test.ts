import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launchBrowser, openPage, type WatchedPage } from '../helpers/browser.js';
import { until } from '../helpers/until.js';
import { makeWebRoot, startServer, type RunningServer } from '../viewers/support/server.js';
import { tokenFor } from '../viewers/support/tokens.js';
import { report } from './report.js';

/** F29: a page of another port of this host, in a browser that is logged in: the cookie goes along, as ports are one site. */

/** Two fetches, two images and a frame; a WebSocket beside them. */
const REQUESTS = 5;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** Serves a page without anything in it on a port of its own. */
async function foreignSite(): Promise<string> {
  const server = createServer((_request, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Another</title>'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

/** A browser that is logged in, on the service's own page. */
async function loggedIn(server: RunningServer): Promise<WatchedPage> {
  const watched = await openPage(browser);
  onTestFinished(() => watched.page.context().close());
  await watched.page.goto(server.url);
  const status = await watched.page.evaluate(async () => (await fetch('/api/session', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"token":"boss-token"}' })).status);
  expect(status).toBe(200);
  return watched;
}

type Gained = { readonly socket: string; readonly messages: number; readonly fetched: string; readonly fetchedBlind: number; readonly image: number; readonly pictures: number; readonly frame: string };

/** Tries from within a page all that a page can do with an address; tells what it got. */
function tryAll(page: Page, base: string): Promise<Gained> {
  return page.evaluate(async (target) => {
    const socket = new WebSocket(`${target.replace('http', 'ws')}/ws`, 'sightline.v1');
    let messages = 0;
    const socketEnd = await new Promise<string>((resolve) => {
      socket.onmessage = () => { messages += 1; resolve('a message'); };
      socket.onclose = ({ code }) => { resolve(`closed with ${String(code)}`); };
    });
    socket.close();
    const snapshot = `${target}/api/streams/door/snapshot.jpg`;
    const fetched = await fetch(snapshot, { credentials: 'include' }).then(({ status }) => String(status), () => 'failed');
    // An answer that may not be read is one of 0 bytes to the page, but it came; CORP makes it an error.
    const fetchedBlind = await fetch(snapshot, { credentials: 'include', mode: 'no-cors' }).then(async (response) => (await response.arrayBuffer()).byteLength, () => 0);
    const widthOf = (source: string): Promise<number> => new Promise((resolve) => {
      const image = new Image();
      image.onerror = () => { resolve(0); };
      // An endless answer is never loaded; its first picture has a size all the same.
      const look = (): void => { if (image.naturalWidth > 0) resolve(image.naturalWidth); else requestAnimationFrame(look); };
      requestAnimationFrame(look);
      image.src = source;
    });
    const [image, pictures] = [await widthOf(snapshot), await widthOf(`${target}/api/streams/door/mjpeg`)];
    const frame = document.createElement('iframe');
    const loaded = new Promise((resolve) => { frame.onload = resolve; });
    frame.src = `${target}/api/streams`;
    document.body.append(frame);
    await loaded;
    let text = 'out of reach';
    try { text = frame.contentDocument?.body.textContent ?? text; } catch { /* it is of another origin */ }
    return { socket: socketEnd, messages, fetched, fetchedBlind, image, pictures, frame: text };
  }, base);
}

describe('a page of another port (F29)', () => {
  it('gets nothing, whatever it tries with the cookie of who looks at it, and is refused before the upgrade', async () => {
    const server = await startServer({ webRoot: makeWebRoot(), tokens: [tokenFor('boss', { role: 'operator' })] });
    server.directory.offer('door');
    const { page, problems } = await loggedIn(server);
    await page.goto(await foreignSite());
    // What went over the wire, of requests that the browser keeps from the page too.
    const wire = await page.context().newCDPSession(page);
    const statuses: number[] = [];
    let withCookie = 0;
    wire.on('Network.responseReceivedExtraInfo', ({ statusCode }) => statuses.push(statusCode));
    wire.on('Network.requestWillBeSentExtraInfo', ({ headers }) => (withCookie += Object.values(headers).some((value) => value.includes('boss-token')) ? 1 : 0));
    await wire.send('Network.enable');
    const gained = await tryAll(page, server.base);
    expect(gained).toEqual({ socket: 'closed with 1006', messages: 0, fetched: 'failed', fetchedBlind: 0, image: 0, pictures: 0, frame: 'out of reach' });
    expect(problems.join('\n')).toMatch(/WebSocket connection .* failed: .*403/u);
    await until(() => statuses.length >= REQUESTS, { what: 'the answers' });
    expect(new Set(statuses)).toEqual(new Set([403]));
    // Else this would show nothing but that the browser keeps its cookies to itself.
    expect(withCookie).toBeGreaterThanOrEqual(REQUESTS - 1);
    expect((await server.metrics.viewers.get()).values[0]?.value ?? 0).toBe(0);
    expect(server.directory.watchers('door')).toBe(0);
    report('F29', { requests: statuses.length, 'with the cookie': withCookie, 'answered with 403': statuses.filter((status) => status === 403).length, 'messages and pictures': gained.messages + gained.image + gained.pictures, target: 0 });
  });

  it('gets nothing where no tokens are needed either', async () => {
    const server = await startServer({ webRoot: makeWebRoot() });
    server.directory.offer('door');
    const { page } = await openPage(browser);
    onTestFinished(() => page.context().close());
    await page.goto(await foreignSite());
    expect(await tryAll(page, server.base)).toMatchObject({ socket: 'closed with 1006', messages: 0, fetched: 'failed', fetchedBlind: 0, image: 0, pictures: 0, frame: 'out of reach' });
  });

  it('differs in nothing else from the service\'s own page, which gets all of it but the frame', async () => {
    const server = await startServer({ webRoot: makeWebRoot(), tokens: [tokenFor('boss', { role: 'operator' })] });
    server.directory.offer('door');
    const { page } = await loggedIn(server);
    // A browser shows a picture of an endless answer when the next begins.
    const timer = setInterval(() => server.directory.offer('door'), 100);
    onTestFinished(() => { clearInterval(timer); });
    const { fetchedBlind, image, pictures, ...rest } = await tryAll(page, server.base);
    expect(rest).toEqual({ socket: 'a message', messages: 1, fetched: '200', frame: 'out of reach' });
    expect(Math.min(fetchedBlind, image, pictures)).toBeGreaterThan(0);
  });
});
