import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigError, PortInUseError } from '../../src/core/errors.js';
import { until } from '../helpers/until.js';
import { openSocket, rawGet, rawRequest, type RawResponse } from './support/raw-http.js';
import { makeWebRoot, startServer } from './support/server.js';

const JPEG_START = Buffer.from([0xff, 0xd8, 0xff]);

async function errorCode(response: Response): Promise<string> {
  return ((await response.json()) as { error: { code: string; message: string } }).error.code;
}

describe('viewer HTTP', () => {
  it('lists the streams and tells about one', async () => {
    const { base, directory } = await startServer();
    directory.addStream('yard', { state: 'reconnecting' });
    const list = (await (await fetch(`${base}/api/streams`)).json()) as { streams: { id: string }[] };
    expect(list.streams.map((stream) => stream.id)).toEqual(['door', 'yard']);
    const one = await fetch(`${base}/api/streams/yard`);
    expect(one.headers.get('content-type')).toContain('application/json');
    expect(await one.json()).toEqual(directory.get('yard'));
  });

  it('gives the newest frame as a JPEG that nobody caches', async () => {
    const { base, directory } = await startServer();
    directory.offer('door');
    const frame = directory.offer('door');
    const response = await fetch(`${base}/api/streams/door/snapshot.jpg`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const bytes = Buffer.from(await response.arrayBuffer());
    expect(bytes.subarray(0, 3)).toEqual(JPEG_START);
    expect(frame.renders).toEqual(['null|true']);
    expect(directory.heldFrames).toBe(0);
  });

  it('says 503 for a snapshot of a stream without a frame or with one that cannot be drawn', async () => {
    const { base, directory, logLines } = await startServer();
    const empty = await fetch(`${base}/api/streams/door/snapshot.jpg`);
    expect([empty.status, await errorCode(empty)]).toEqual([503, 'no-frame']);
    directory.offer('door', { renderError: new Error('no ink') });
    const broken = await fetch(`${base}/api/streams/door/snapshot.jpg`);
    expect([broken.status, await errorCode(broken)]).toEqual([503, 'annotation']);
    expect(logLines.join('')).toContain('no ink');
    expect(directory.heldFrames).toBe(0);
  });

  it.each([
    ['GET', '/api/streams/nobody', 404, 'unknown-stream'],
    ['GET', '/api/streams/nobody/snapshot.jpg', 404, 'unknown-stream'],
    ['GET', '/api/streams/nobody/mjpeg', 404, 'unknown-stream'],
    ['GET', '/api/streams/a%20b', 400, 'bad-id'],
    ['GET', `/api/streams/${'x'.repeat(65)}`, 400, 'bad-id'],
    ['GET', '/api/streams/%zz', 400, 'bad-id'],
    ['GET', '/api/streams/door/mjpeg?maxFps=-1', 400, 'bad-query'],
    ['GET', '/api/streams/door/snapshot.jpg?maxWidthPx=wide', 400, 'bad-query'],
    ['GET', '/api/nothing', 404, 'not-found'],
    ['GET', '/nothing.js', 404, 'not-found'],
    ['GET', '/ws', 400, 'upgrade-expected'],
    ['POST', '/api/streams', 415, 'unsupported-media-type'],
    ['PUT', '/api/streams', 405, 'method-not-allowed'],
    ['PUT', '/api/streams/door', 405, 'method-not-allowed'],
    ['DELETE', '/api/streams/door', 404, 'not-found'],
    ['DELETE', '/api/streams/nobody', 404, 'unknown-stream'],
    ['GET', '/api/streams/door/control', 405, 'method-not-allowed'],
    ['POST', '/api/backends', 405, 'method-not-allowed'],
    ['PUT', '/healthz', 405, 'method-not-allowed'],
    ['POST', '/', 405, 'method-not-allowed'],
  ])('%s %s is answered with %d %s', async (method, path, status, code) => {
    const { base } = await startServer();
    const response = await fetch(base + path, { method });
    expect(response.status).toBe(status);
    expect(await errorCode(response)).toBe(code);
    if (status === 405) expect(response.headers.get('allow')).not.toContain(method);
  });

  it('says in one line what is wrong with a query', async () => {
    const { base } = await startServer();
    const response = await fetch(`${base}/api/streams/door/snapshot.jpg?maxWidthPx=wide&maxFps=-1`);
    const { error } = (await response.json()) as { error: { message: string } };
    expect(error.message).toMatch(/^maxWidthPx: [^\n]+; maxFps: [^\n]+$/);
  });

  it('refuses a body of more than 64 KiB and takes one of 64 KiB', async () => {
    const { base, port } = await startServer();
    const post = (bytes: number): Promise<Response> => fetch(`${base}/api/streams`, { method: 'POST', body: 'x'.repeat(bytes) });
    expect((await post(64 * 1024)).status).toBe(415);
    const large = await post(64 * 1024 + 1);
    expect([large.status, await errorCode(large)]).toEqual([413, 'too-large']);
    const chunk = `${(1024).toString(16)}\r\n${'x'.repeat(1024)}\r\n`;
    const chunked = (chunks: number): Promise<RawResponse> =>
      rawRequest(port, `POST /api/streams HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n${chunk.repeat(chunks)}0\r\n\r\n`);
    expect((await chunked(64)).status).toBe(415);
    expect((await chunked(65)).status).toBe(413);
  });

  it('tells health, readiness, backends and metrics', async () => {
    let ready = false;
    const { base } = await startServer({ readiness: () => ({ ready, message: 'no backend' }), backends: () => [{ endpoint: 'gpu1:8500', state: 'ok' }] });
    expect((await fetch(`${base}/healthz`)).status).toBe(200);
    const notReady = await fetch(`${base}/readyz`);
    expect(notReady.status).toBe(503);
    expect(await notReady.json()).toMatchObject({ ready: false, message: 'no backend', error: { code: 'not-ready', message: 'no backend' } });
    ready = true;
    expect((await fetch(`${base}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${base}/api/backends`)).json()).toEqual({ backends: [{ endpoint: 'gpu1:8500', state: 'ok' }] });
    const metrics = await fetch(`${base}/metrics`);
    expect(metrics.headers.get('content-type')).toContain('text/plain');
    expect(await metrics.text()).toContain('sightline_viewers 0');
  });

  it('names the address when the port is taken, and the host that cannot be bound', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await until(() => taken.listening);
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const error = await startServer({ port }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(PortInUseError);
    expect((error as Error).message).toContain(`127.0.0.1:${String(port)}`);
    await expect(startServer({ host: '203.0.113.7' })).rejects.toBeInstanceOf(ConfigError);
  });
});

describe('viewer page files', () => {
  it('serves the page and its assets with type, caching and security headers', async () => {
    const { base } = await startServer({ webRoot: makeWebRoot() });
    const page = await fetch(`${base}/`);
    expect(await page.text()).toContain('Sightline');
    expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(page.headers.get('cache-control')).toBe('no-cache');
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'self'.*img-src 'self' blob:/);
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    const again = await fetch(`${base}/`, { headers: { 'If-None-Match': page.headers.get('etag') ?? '', 'Cache-Control': 'no-cache' } });
    expect(again.status).toBe(304);
    const script = await fetch(`${base}/assets/index-BvG3x_9k.js`);
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(script.headers.get('content-encoding')).toBe('gzip');
    expect(await script.text()).toBe('export const page = 1;\n'.repeat(200));
    expect((await fetch(`${base}/assets/index-BvG3x_9k.css`)).headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect((await fetch(`${base}/assets/plain.js`)).headers.get('cache-control')).toBe('no-cache');
    expect((await fetch(`${base}/favicon.svg`)).headers.get('content-type')).toBe('image/svg+xml');
    const head = await fetch(`${base}/`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
  });

  it('says what to do when the page is not built', async () => {
    const { base } = await startServer();
    const response = await fetch(`${base}/`);
    expect(response.status).toBe(404);
    expect(await response.text()).toContain('npm run build');
  });

  it.each([
    '/../secret.txt',
    '/..%2fsecret.txt',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/%252e%252e%252fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/assets/../../secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/../web-secret/secret.txt',
    '/..%2fweb-secret%2fsecret.txt',
    '/link.txt',
    '/linked/secret.txt',
    '/.env',
    '/%2eenv',
    '/assets',
    '/assets/',
    '//secret.txt',
    '/./secret.txt',
    '/secret.txt%00.html',
    '/index.html%00',
    '/%c0%ae%c0%ae/secret.txt',
    '/%ff',
    '/%',
    '/etc/passwd',
    '//etc/passwd',
    '/file:///etc/passwd',
    `/${'a'.repeat(5000)}`,
    `/${'a/'.repeat(2000)}`,
    '/index.html/',
    '/index.html/..%2f..%2fsecret.txt',
  ])('gives nothing away for %.60s', async (path) => {
    const { port } = await startServer({ webRoot: makeWebRoot() });
    const response = await rawGet(port, path, { Host: `127.0.0.1:${String(port)}` });
    expect([400, 404]).toContain(response.status);
    expect(response.body.toString()).not.toContain('SECRET');
    expect(response.body.toString()).not.toContain('root:');
  });
});

describe('viewer MJPEG', () => {
  /** Reads parts until `count` JPEGs came. */
  async function readParts(response: Response, count: number): Promise<Buffer[]> {
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    let bytes = Buffer.alloc(0);
    const parts: Buffer[] = [];
    while (parts.length < count) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes = Buffer.concat([bytes, value]);
      for (;;) {
        const headEnd = bytes.indexOf('\r\n\r\n');
        const length = Number(/Content-Length: (\d+)/.exec(bytes.subarray(0, Math.max(0, headEnd)).toString())?.[1] ?? -1);
        if (headEnd === -1 || length === -1 || bytes.length < headEnd + 4 + length + 2) break;
        parts.push(bytes.subarray(headEnd + 4, headEnd + 4 + length));
        bytes = bytes.subarray(headEnd + 4 + length + 2);
      }
    }
    reader.releaseLock();
    return parts;
  }

  it('sends the newest frame at once, then each as it comes, and lets go of all when the client leaves', async () => {
    const { base, directory } = await startServer();
    directory.offer('door');
    const leave = new AbortController();
    const response = await fetch(`${base}/api/streams/door/mjpeg?maxWidthPx=300`, { signal: leave.signal });
    expect(response.headers.get('content-type')).toMatch(/^multipart\/x-mixed-replace; boundary=/);
    expect((await readParts(response, 1))[0]?.subarray(0, 3)).toEqual(JPEG_START);
    const frame = directory.offer('door');
    expect((await readParts(response, 1))[0]?.subarray(0, 3)).toEqual(JPEG_START);
    expect(frame.renders).toEqual(['320|true']);
    expect(directory.watchers('door')).toBe(1);
    leave.abort();
    await until(() => directory.watchers('door') === 0);
    directory.offer('door');
    await until(() => directory.heldFrames === 0);
  });

  it('sends the head before there is a frame', async () => {
    const { base, directory } = await startServer();
    const response = await fetch(`${base}/api/streams/door/mjpeg`);
    expect(response.status).toBe(200);
    directory.offer('door');
    expect(await readParts(response, 1)).toHaveLength(1);
  });

  it('answers HEAD without watching', async () => {
    const { base, directory } = await startServer();
    expect((await fetch(`${base}/api/streams/door/mjpeg`, { method: 'HEAD' })).status).toBe(200);
    expect(directory.watchers('door')).toBe(0);
  });

  it('ends when the stream is removed and goes on after a frame that cannot be drawn', async () => {
    const { base, directory } = await startServer();
    const response = await fetch(`${base}/api/streams/door/mjpeg`);
    directory.offer('door', { renderError: new Error('no ink') });
    directory.offer('door');
    expect(await readParts(response, 1)).toHaveLength(1);
    directory.removeStream('door');
    expect(await readParts(response, 1)).toHaveLength(0);
    expect(directory.heldFrames).toBe(0);
  });

  it('skips frames for a client that does not read and gives it up after a while', async () => {
    const { port, directory } = await startServer({ limits: { stallLimitMs: 300 } });
    const socket = openSocket(port);
    socket.pause();
    socket.write(`GET /api/streams/door/mjpeg HTTP/1.1\r\nHost: localhost:${String(port)}\r\n\r\n`);
    await until(() => directory.watchers('door') === 1);
    directory.play('door', 100, { jpegBytes: 1_000_000 });
    await until(() => directory.skipped('door') > 3);
    expect(directory.heldFrames).toBeLessThanOrEqual(2);
    await until(() => directory.watchers('door') === 0);
    await until(() => directory.heldFrames === 0);
  });

  it('keeps to the frame rate asked for', async () => {
    const { base, directory } = await startServer();
    const response = await fetch(`${base}/api/streams/door/mjpeg?maxFps=20`);
    directory.play('door', 100);
    const startMs = performance.now();
    await readParts(response, 11);
    expect(performance.now() - startMs).toBeGreaterThan(450);
  });
});

describe('viewer access', () => {
  it.each([
    ['127.0.0.1:PORT', 200],
    ['localhost:PORT', 200],
    ['LOCALHOST:PORT', 200],
    ['[::1]:PORT', 200],
    ['evil.example:PORT', 403],
    ['localhost.evil.example:PORT', 403],
    ['localhost', 403],
    ['127.0.0.1:1', 403],
    ['127.0.0.1.evil.example:PORT', 403],
    ['10.0.0.1:PORT', 403],
  ])('Host %s is answered with %d', async (host, status) => {
    const { port } = await startServer();
    expect((await rawGet(port, '/healthz', { Host: host.replace('PORT', String(port)) })).status).toBe(status);
  });

  it('answers a request without Host and without Origin', async () => {
    const { port } = await startServer();
    expect((await rawGet(port, '/api/streams')).status).toBe(200);
    expect((await rawRequest(port, 'GET /api/streams HTTP/1.0\r\n\r\n')).status).toBe(200);
  });

  it.each([
    ['http://127.0.0.1:PORT', 200],
    ['http://localhost:PORT', 200],
    ['http://[::1]:PORT', 200],
    ['http://localhost:1', 403],
    ['http://evil.example', 403],
    ['http://127.0.0.1:PORT.evil.example', 403],
    ['http://evil.example#127.0.0.1:PORT', 403],
    ['http://evil@127.0.0.1:PORT', 403],
    ['null', 403],
    ['file://', 403],
    ['', 403],
  ])('Origin %s is answered with %d', async (origin, status) => {
    const { port } = await startServer();
    const headers = { Host: `127.0.0.1:${String(port)}`, Origin: origin.replace('PORT', String(port)) };
    const response = await rawGet(port, '/api/streams', headers);
    expect(response.status).toBe(status);
    if (status === 403) expect(JSON.parse(response.body.toString())).toMatchObject({ error: { code: 'foreign-origin' } });
  });

  it('listening everywhere, answers to any literal address and to no name', async () => {
    const { port } = await startServer({ host: '0.0.0.0', tokens: [{ name: 'a', sha256: 'a'.repeat(64), role: 'viewer' }] });
    expect((await rawGet(port, '/healthz', { Host: '192.168.7.9:80' })).status).toBe(200);
    expect((await rawGet(port, '/healthz', { Host: 'evil.example' })).status).toBe(403);
    expect((await rawGet(port, '/healthz', { Host: '192.168.7.9', Origin: 'http://10.0.0.1' })).status).toBe(403);
    expect((await rawGet(port, '/healthz', { Host: '192.168.7.9', Origin: 'http://192.168.7.9' })).status).toBe(200);
  });

  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
  const tokens = [
    { name: 'wall', sha256: sha256('all'), role: 'viewer' as const },
    { name: 'guest', sha256: sha256('some'), role: 'viewer' as const, streams: ['door'] },
    { name: 'old', sha256: sha256('expired'), role: 'operator' as const, expires: '2020-01-01' },
    { name: 'soon', sha256: sha256('soon'), role: 'viewer' as const, expires: '2999-01-01T00:00:00Z' },
  ];

  it.each([
    ['/healthz', undefined, 200],
    ['/api/streams', undefined, 401],
    ['/', undefined, 404],
    ['/assets/page.js', undefined, 404],
    ['/assets/../api/streams', undefined, 401],
    ['/api/session', undefined, 401],
    ['/api/tickets', undefined, 401],
    ['/ws', undefined, 401],
    ['/anything.html', undefined, 401],
    ['/readyz', undefined, 401],
    ['/metrics', undefined, 401],
    ['/nothing', undefined, 401],
    ['/api/streams', 'Bearer all', 200],
    ['/api/streams', 'bearer all', 200],
    ['/api/streams', 'Bearer soon', 200],
    ['/api/streams', 'Bearer wrong', 401],
    ['/api/streams', 'Bearer expired', 401],
    ['/api/streams', 'Bearer ', 401],
    ['/api/streams', 'Basic all', 401],
    ['/api/streams', sha256('all'), 401],
    ['/api/streams/door', 'Bearer some', 200],
    ['/api/streams/yard', 'Bearer some', 403],
    ['/api/streams/yard/snapshot.jpg', 'Bearer some', 403],
    ['/api/streams/yard/mjpeg', 'Bearer some', 403],
    ['/metrics', 'Bearer some', 403],
    ['/metrics', 'Bearer all', 200],
  ])('with tokens, %s with %s is answered with %d', async (path, authorization, status) => {
    const { base, directory } = await startServer({ tokens });
    directory.addStream('yard');
    const response = await fetch(base + path, authorization === undefined ? {} : { headers: { Authorization: authorization } });
    expect(response.status).toBe(status);
    if (status === 401) expect(response.headers.get('www-authenticate')).toBe('Bearer');
  });

  it('lists only the streams that a token covers', async () => {
    const { base, directory } = await startServer({ tokens });
    directory.addStream('yard');
    const response = await fetch(`${base}/api/streams`, { headers: { Authorization: 'Bearer some' } });
    expect(((await response.json()) as { streams: { id: string }[] }).streams.map((stream) => stream.id)).toEqual(['door']);
  });

  it('refuses to start with a malformed token instead of ignoring it', async () => {
    await expect(startServer({ tokens: [{ name: 'x', sha256: 'abc', role: 'viewer' }] })).rejects.toBeInstanceOf(RangeError);
    await expect(startServer({ tokens: [{ name: 'x', sha256: sha256('x'), role: 'viewer', expires: 'soon' }] })).rejects.toBeInstanceOf(RangeError);
  });

  it('closes a connection that sends its headers too slowly', async () => {
    const { port } = await startServer();
    const startMs = performance.now();
    const response = await rawRequest(port, 'GET /healthz HTTP/1.1\r\nHost: local');
    expect(response.status).toBe(408);
    expect(performance.now() - startMs).toBeLessThan(12_500);
  });
});
