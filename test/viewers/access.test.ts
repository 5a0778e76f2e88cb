import { describe, expect, it } from 'vitest';
import { securityHeaders } from '../../src/viewers/security-headers.js';
import { rawGet, rawRequest, rawUpgrade } from './support/raw-http.js';
import { makeWebRoot, startServer } from './support/server.js';

describe('names that the server is reached under', () => {
  const hosts = ['Watch.Example.com', 'cams.example:8443', '10.1.2.3', '[2001:db8::5]:443'];

  it.each([
    ['watch.example.com', 200],
    ['WATCH.example.com', 200],
    ['watch.example.com:443', 200],
    ['watch.example.com:80', 200],
    ['watch.example.com:PORT', 200],
    ['watch.example.com:8443', 403],
    ['cams.example:8443', 200],
    ['cams.example', 403],
    ['10.1.2.3', 200],
    ['[2001:db8::5]', 200],
    ['[2001:db8::5]:443', 200],
    ['[2001:db8::5]:PORT', 403],
    ['evil.watch.example.com', 403],
    ['watch.example.com.evil.example', 403],
    ['127.0.0.1:PORT', 200],
  ])('Host %s is answered with %d', async (host, status) => {
    const { port } = await startServer({ hosts });
    expect((await rawGet(port, '/healthz', { Host: host.replace('PORT', String(port)) })).status).toBe(status);
  });

  it.each([
    ['https://watch.example.com', 200],
    ['http://watch.example.com', 200],
    ['https://watch.example.com:PORT', 200],
    ['https://watch.example.com:9443', 403],
    ['https://cams.example:8443', 200],
    ['https://cams.example', 403],
    ['https://watch.example.com.evil.example', 403],
    ['ftp://watch.example.com', 403],
  ])('Origin %s is answered with %d, whatever Host a proxy sends', async (origin, status) => {
    const { port } = await startServer({ hosts });
    const headers = { Host: `127.0.0.1:${String(port)}`, Origin: origin.replace('PORT', String(port)) };
    expect((await rawGet(port, '/api/streams', headers)).status).toBe(status);
    expect((await rawUpgrade(port, headers, '/nothing')).status).toBe(status === 200 ? 404 : 403);
  });
});

describe('what browsers say about requests without Origin', () => {
  it.each([
    ['an image of our own page', { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }, 200],
    ['an address that was typed', { 'Sec-Fetch-Site': 'none', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }, 200],
    ['a link of another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' }, 200],
    ['an image of another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }, 403],
    ['an image of another port', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' }, 403],
    ['a script of another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'script' }, 403],
    ['a frame of another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }, 403],
    ['a frame of another port', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'frame' }, 403],
    ['a frame of our own page', { 'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' }, 200],
    ['an object of another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'object' }, 403],
  ])('lets %s have %j: %d', async (_what, headers, status) => {
    const { port } = await startServer();
    const response = await rawGet(port, '/api/streams', { Host: `127.0.0.1:${String(port)}`, ...headers });
    expect(response.status).toBe(status);
    if (status === 403) expect(JSON.parse(response.body.toString())).toMatchObject({ error: { code: 'foreign-origin' } });
  });

  it('lets others frame what is made to be framed, at its own path only', async () => {
    const { port } = await startServer();
    const framed = { Host: `127.0.0.1:${String(port)}`, 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' };
    const statuses = [];
    for (const path of ['/embed/door', '/embed/../api/streams', '/api/streams?/embed/', '/embedded', '//embed/door']) statuses.push((await rawGet(port, path, framed)).status);
    expect(statuses).toEqual([404, 404, 403, 403, 403]);
  });

  it('keeps a form of another site out', async () => {
    const { port } = await startServer();
    const head = `POST /api/streams HTTP/1.1\r\nHost: 127.0.0.1:${String(port)}\r\nConnection: close\r\nSec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\nContent-Length: 0\r\n\r\n`;
    expect((await rawRequest(port, head)).status).toBe(403);
  });
});

describe('how much a client may ask', () => {
  it('is limited by a rate: 429 with the time to wait, on HTTP and upgrades alike', async () => {
    const { port, base } = await startServer({ limits: { requestsPerSecond: 1, requestBurst: 3 } });
    const statuses = [];
    for (let count = 0; count < 3; count += 1) statuses.push((await fetch(`${base}/healthz`)).status);
    const late = await fetch(`${base}/healthz`);
    expect([...statuses, late.status]).toEqual([200, 200, 200, 429]);
    expect(late.headers.get('retry-after')).toBe('1');
    expect(await late.json()).toMatchObject({ error: { code: 'too-many-requests' } });
    const upgrade = await rawUpgrade(port);
    expect([upgrade.status, /Retry-After: 1/.test(upgrade.head)]).toEqual([429, true]);
  });

  it('is generous enough for a wall of snapshots', async () => {
    const { base, directory } = await startServer();
    directory.offer('door');
    for (let round = 0; round < 10; round += 1) {
      const statuses = await Promise.all(Array.from({ length: 36 }, async () => {
        const response = await fetch(`${base}/api/streams/door/snapshot.jpg?maxWidthPx=160`);
        await response.arrayBuffer();
        return response.status;
      }));
      expect(new Set(statuses)).toEqual(new Set([200]));
    }
  });

  it.each([
    [100, 200],
    [101, 431],
    [400, 431],
  ])('%d headers are answered with %d', async (count, status) => {
    const { port } = await startServer();
    const headers = Object.fromEntries(Array.from({ length: count - 2 }, (_each, index) => [`X-${String(index)}`, '1']));
    expect((await rawGet(port, '/healthz', { ...headers, Host: `127.0.0.1:${String(port)}` })).status).toBe(status);
    if (status === 431) expect((await rawUpgrade(port, headers)).status).toBe(status);
  });

  it('does not let an Origin hide behind other headers', async () => {
    const { port } = await startServer();
    const headers = Object.fromEntries(Array.from({ length: 300 }, (_each, index) => [`X-${String(index)}`, '1']));
    expect((await rawGet(port, '/api/streams', { ...headers, Origin: 'http://evil.example' })).status).toBe(431);
  });

  it('refuses headers of more than 16 KiB', async () => {
    const { port } = await startServer();
    expect((await rawGet(port, '/healthz', { 'X-Long': 'x'.repeat(16 * 1024) })).status).toBe(431);
  });
});

describe('security headers', () => {
  it('stand on every answer, allow nothing inline, and give no other site anything', async () => {
    const { base } = await startServer({ webRoot: makeWebRoot() });
    for (const path of ['/', '/api/streams', '/healthz', '/nothing', '/api/streams/nobody', '/assets/index-BvG3x_9k.js']) {
      const { headers } = await fetch(base + path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toMatch(/^default-src 'self';/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(['x-content-type-options', 'referrer-policy', 'x-frame-options', 'cross-origin-resource-policy', 'cross-origin-opener-policy'].map((name) => headers.get(name))).toEqual(['nosniff', 'no-referrer', 'DENY', 'same-origin', 'same-origin']);
      expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });
});

describe('the headers of a path', () => {
  it('let others frame it only where they are told to', () => {
    const framersOf = (path: string): string => (path.startsWith('/embed/') ? "'self' https://wall.example" : "'none'");
    const [embedded, page] = [securityHeaders('/embed/door', framersOf), securityHeaders('/', framersOf)];
    expect(embedded['Content-Security-Policy']).toMatch(/; frame-ancestors 'self' https:\/\/wall\.example$/);
    expect(embedded['X-Frame-Options']).toBeUndefined();
    expect(page).toEqual(securityHeaders('/'));
    expect([page['Content-Security-Policy'], page['X-Frame-Options']]).toEqual([expect.stringMatching(/; frame-ancestors 'none'$/), 'DENY']);
  });
});
