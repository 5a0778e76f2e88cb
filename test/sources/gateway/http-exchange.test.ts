import { request } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SourceNotAllowedError, SourceOpenError } from '../../../src/core/errors.js';
import { page, redirect } from '../../helpers/scripted-web.js';
import { until } from '../../helpers/until.js';
import { gatewayHarness } from './gateway-harness.js';
import { ask, proxyOf } from './proxy-client.js';

const { web, canary, open } = gatewayHarness();

describe('a redirect', () => {
  it('to where a source may be is followed by ffmpeg, through the proxy', async () => {
    const other = await web(() => page('there'), { host: '127.0.0.2' });
    const server = await web(() => redirect(`http://${other.authority}/there?a=b`, '307 Temporary Redirect'));
    const route = await open(`http://${server.authority}/`);
    const { status, headers } = await ask(route);
    expect([status, headers['location']]).toEqual([307, `http://${other.authority}/there?a=b`]);
    expect(await ask(route, String(headers['location']))).toMatchObject({ status: 200, body: 'there' });
    expect(route.failure()).toBeNull();
  });

  it('to where no source may be is refused when ffmpeg follows it, whatever the spelling', async () => {
    const trap = await canary();
    const server = await web(() => redirect('http://localhost/'));
    for (const host of ['127.0.0.9', '0x7f.9', '2130706441', '127.9', '[::ffff:7f00:9]', '[::ffff:127.0.0.9]']) {
      const route = await open(`http://u:Zq7@${server.authority}/`);
      await ask(route);
      expect([host, await ask(route, `http://${host}:${String(trap.port)}/latest`)]).toMatchObject([host, { status: 403, body: '' }]);
      expect(route.failure()).toBeInstanceOf(SourceNotAllowedError);
      expect(route.failure()?.message).toMatch(/^http:\/\/\*\*\*@127\.0\.0\.1:\d+\/: .*: the host .* is not one that a source added at run time may reach \(allowed: 127\.0\.0\.1\/32, 127\.0\.0\.2\/32\)/u);
      // A refusal stays, whatever comes after it.
      expect(await ask(route)).toMatchObject({ status: 302 });
      expect(route.failure()).toBeInstanceOf(SourceNotAllowedError);
    }
    expect(trap.hits).toBe(0);
  });

  it('to a metadata service is refused also where the operator has named the source', async () => {
    const server = await web(() => redirect('http://169.254.169.254/latest'));
    const route = await open(`http://${server.authority}/`, { policy: { kind: 'configured' } });
    for (const host of ['169.254.169.254', '[fd00:ec2::254]', '[::ffff:a9fe:a9fe]', '2852039166']) expect(await ask(route, `http://${host}/latest`)).toMatchObject({ status: 403 });
    expect(route.failure()?.message).toMatch(/metadata service of a cloud/u);
  });

  it('to another server with TLS is given to ffmpeg as one to a plain one, for which TLS is spoken', async () => {
    const other = await web(() => redirect('//127.0.0.1:1/x'), { host: '127.0.0.2', tls: true });
    const server = await web(() => redirect(` HTTPS://u:p@${other.authority}/there?a=b`));
    const route = await open(`http://${server.authority}/`);
    const { location } = (await ask(route)).headers;
    expect(location).toBe(`http://u:p@${other.authority}/there?a=b`);
    expect((await ask(route, `http://${other.authority}/there?a=b`)).headers['location']).toBe('http://127.0.0.1:1/x');
    expect(other.requests).toMatchObject([{ target: '/there?a=b', headers: { host: other.authority } }]);
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/', 'rtsp://127.0.0.1/', 'httpproxy://127.0.0.1:1/', 'HttpProxy:127.0.0.1', 'tcp://127.0.0.1:1'])('to %s is refused', async (location) => {
    const server = await web(() => redirect(location));
    const route = await open(`http://${server.authority}/`);
    expect(await ask(route)).toMatchObject({ status: 403 });
    expect(route.failure()).toMatchObject({ code: 'source-not-allowed', message: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/: leads to something that is not http:\/\/ or https:\/\//u) as string });
  });
});

describe('an answer', () => {
  it('goes on with its headers, but for those between two neighbours and those that change what ffmpeg reads', async () => {
    const server = await web(() => page('hello', { headers: { 'Content-Type': 'video/mp4', 'Set-Cookie': 'a=b', 'X-Secret-Hop': '1', Connection: 'close, X-Secret-Hop', 'Keep-Alive': 'x', 'Proxy-Authenticate': 'Basic', Upgrade: 'h2c', Trailer: 'x', 'icy-metaint': '1', 'Icy-Name': 'x' } }));
    const { headers } = await ask(await open(`http://${server.authority}/`), undefined, { headers: { 'icy-metadata': '1', 'accept-encoding': 'gzip', te: 'trailers', cookie: 'a=b', connection: 'close, x-hop', 'x-hop': '1' } });
    expect(headers).toMatchObject({ 'content-type': 'video/mp4', 'content-length': '5', 'set-cookie': ['a=b'] });
    expect(Object.keys(headers).sort()).toEqual(['connection', 'content-length', 'content-type', 'date', 'set-cookie']);
    expect(Object.keys(server.requests[0]?.headers ?? {}).sort()).toEqual(['accept-encoding', 'connection', 'cookie', 'host']);
    expect(server.requests[0]?.headers).toMatchObject({ 'accept-encoding': 'identity', cookie: 'a=b' });
  });

  it('in part goes on as such', async () => {
    const server = await web(() => page('llo', { status: '206 Partial Content', headers: { 'Content-Range': 'bytes 2-4/5' } }));
    expect(await ask(await open(`http://${server.authority}/`), undefined, { headers: { range: 'bytes=2-' } })).toMatchObject({ status: 206, headers: { 'content-range': 'bytes 2-4/5', 'content-length': '3' }, body: 'llo' });
    expect(server.requests[0]?.headers['range']).toBe('bytes=2-');
  });

  it('that is packed is not unpacked behind our back', async () => {
    const packed = gzipSync('#EXTM3U\nhttpproxy://127.0.0.9/');
    const server = await web(() => page(packed, { headers: { 'Content-Encoding': 'gzip' } }));
    const { headers, body } = await ask(await open(`http://${server.authority}/`));
    expect(headers).not.toHaveProperty('content-encoding');
    expect(body).toBe(packed.toString('latin1'));
  });

  it.each<[string, string, Partial<Awaited<ReturnType<typeof ask>>> | null]>([
    ['in pieces', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', { status: 200, body: 'hello', complete: true }],
    ['in pieces and with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n', { status: 200, body: 'hello', complete: true }],
    ['without a length', 'HTTP/1.0 200 OK\r\n\r\nhello', { status: 200, body: 'hello', complete: true }],
    ['with no body', 'HTTP/1.1 204 No Content\r\n\r\n', { status: 204, body: '' }],
    ['after a hint', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', { status: 200, body: 'hello' }],
    ['with odd bytes in a header', 'HTTP/1.1 200 OK\r\nX-Odd: a\u0001\u00ffb\r\nContent-Length: 5\r\n\r\nhello', { status: 200, body: 'hello' }],
    ['with a line break of its own in a header', 'HTTP/1.1 200 OK\r\nX: a\nY: b\r\nContent-Length: 5\r\n\r\nhello', null],
    ['that wants to change the protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nhello', { status: 502 }],
    ['with a status that is none', 'HTTP/1.1 099 No\r\nContent-Length: 5\r\n\r\nhello', null],
    ['of another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', { status: 502 }],
    ['with a huge head', `HTTP/1.1 200 OK\r\n${'X: yyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(2_000)}\r\nhello`, { status: 502 }],
    ['that is none', '', { status: 502 }],
  ])('%s', async (_name, answer, expected) => {
    const server = await web(() => Buffer.from(answer, 'latin1'));
    const route = await open(`http://${server.authority}/`);
    const got = await ask(route).catch((error: unknown) => error);
    if (expected !== null) expect(got).toMatchObject(expected);
    if (expected?.status === 502) expect(route.failure()).toMatchObject({ code: 'source-open', retryable: true });
    expect(JSON.stringify(got)).not.toMatch(/\\r|\\n/u);
    await until(() => server.open === 0);
  });
});

describe('a server in trouble', () => {
  it.each([
    ['says nothing at all', '', 502],
    ['stops in its head', 'HTTP/1.1 200 OK\r\nContent-Le', 502],
    ['stops after its head', 'HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\n', null],
    ['stops in the middle', 'HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\nhello world', 200],
  ])('that %s is given up in time', async (_name, bytes, status) => {
    const server = await web((_request, socket) => {
      socket.write(bytes);
      return null;
    });
    const route = await open(`http://u:Zq7@${server.authority}/`, { timeoutMs: 200 });
    const startMs = performance.now();
    const answer = await ask(route).catch(() => null);
    expect(answer).toEqual(status === null ? null : expect.objectContaining(status === 200 ? { status, body: 'hello world', complete: false } : { status }));
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(route.failure()).toBeInstanceOf(SourceOpenError);
    expect(route.failure()?.message).toBe(`http://***@${server.authority}/: the server fell silent`);
    await until(() => server.open === 0);
  });

  it.each([
    ['hangs up', (socket: Socket) => { socket.end(); }],
    ['resets the connection', (socket: Socket) => { socket.resetAndDestroy(); }],
  ])('that %s in the middle is told of', async (_name, act) => {
    const server = await web((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 50000\r\n\r\nhello world', () => { act(socket); });
      return null;
    });
    const route = await open(`http://${server.authority}/`);
    const answer = await ask(route).catch(() => ({ complete: false }));
    expect(answer.complete).toBe(false);
    await until(() => route.failure() !== null);
    expect(route.failure()).toMatchObject({ code: 'source-open', retryable: true, message: expect.stringMatching(/reset/u) as string });
  });

  it.each([[404, /not found on the server \(404\)/u], [403, /access refused \(403\)/u], [500, /the server answered with 500/u]])('that answers %d is told of, until it answers well', async (status, words) => {
    const server = await web(() => page('', { status: String(status) }));
    const route = await open(`http://${server.authority}/`);
    expect(await ask(route)).toMatchObject({ status });
    expect(route.failure()?.message).toMatch(words);
    server.script = () => page('hello');
    expect(await ask(route)).toMatchObject({ status: 200 });
    expect(route.failure()).toBeNull();
  });
});

describe('ffmpeg', () => {
  const TOTAL = 128 * 1024 * 1024;

  it('that reads slowly keeps the server from sending more, and that is no silence', async () => {
    let flushed = 0;
    const piece = Buffer.alloc(256 * 1024, 7);
    const server = await web((_request, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${String(TOTAL)}\r\n\r\n`);
      for (let sent = 0; sent < TOTAL; sent += piece.length) socket.write(piece, (error) => { flushed += error == null ? piece.length : 0; });
      return null;
    });
    const route = await open(`http://${server.authority}/`, { timeoutMs: 300 });
    const { host, port, authorization } = proxyOf(route);
    let got = 0;
    const answer = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
      request({ host, port, path: route.input, agent: false, headers: { 'proxy-authorization': authorization } }, resolve).on('error', reject).end();
    });
    const [sinceMs, before] = [performance.now(), process.memoryUsage().arrayBuffers];
    await until(() => performance.now() - sinceMs > 1_000);
    expect(flushed).toBeLessThan(40 * 1024 * 1024);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(40 * 1024 * 1024);
    answer.on('data', (chunk: Buffer) => { got += chunk.length; });
    await until(() => got === TOTAL, { timeoutMs: 30_000 });
    expect(route.failure()).toBeNull();
  });

  it('that hangs up ends the connection to the server, which is no failure', async () => {
    const server = await web((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhello world');
      return null;
    });
    const route = await open(`http://${server.authority}/`);
    const { host, port, authorization } = proxyOf(route);
    const sent = request({ host, port, path: route.input, agent: false, headers: { 'proxy-authorization': authorization } }, (answer) => {
      answer.on('error', () => undefined);
      answer.once('data', () => { sent.destroy(); });
    });
    sent.on('error', () => undefined).end();
    await until(() => server.sockets.length === 1 && server.open === 0);
    expect(route.failure()).toBeNull();
  });
});
