import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { SourceNotAllowedError, SourceOpenError, SourceUnauthorizedError } from '../../../src/core/errors.js';
import { freePort } from '../../helpers/rtsp-camera.js';
import { page, redirect, webLogin } from '../../helpers/scripted-web.js';
import { until } from '../../helpers/until.js';
import { gatewayHarness } from './gateway-harness.js';
import { ask, proxyOf, sendRaw } from './proxy-client.js';

const { web, canary, open } = gatewayHarness();

describe('the route to a web server', () => {
  it('tells ffmpeg neither login nor query, and reads no list of exceptions', async () => {
    const { authority } = await web();
    const route = await open(`http://user:Zq7secret@${authority}/a/b.mp4?token=Zq7query#Zq7part`);
    expect(route.input).toBe(`http://${authority}/a/b.mp4`);
    expect(route.environment).toEqual({ http_proxy: expect.stringMatching(/^http:\/\/sightline:[\w-]{24}@127\.0\.0\.1:\d+\/$/u) as string, no_proxy: null, NO_PROXY: null });
    expect([route.failure(), route.targetDurationMs()]).toEqual([null, null]);
  });

  it.each([
    ['', '/', '/'],
    ['/a.mp4', '/a.mp4', '/a.mp4'],
    ['/a.mp4?x=1&y=%20', '/a.mp4', '/a.mp4?x=1&y=%20'],
    ['?x=1', '/', '/?x=1'],
    ['/tür?ö', '/t%C3%BCr', '/t%C3%BCr?%C3%B6'],
  ])('asks the server for %s', async (path, given, asked) => {
    const server = await web();
    const route = await open(`http://${server.authority}${path}`);
    expect(route.input).toBe(`http://${server.authority}${given}`);
    expect(await ask(route, undefined, { headers: { 'user-agent': 'Lavf', range: 'bytes=0-' } })).toMatchObject({ status: 200, body: 'hello', complete: true });
    expect(server.requests).toMatchObject([{ method: 'GET', target: asked, headers: { host: server.authority, 'user-agent': 'Lavf', range: 'bytes=0-', connection: 'close' } }]);
    expect(JSON.stringify(server.requests)).not.toMatch(/proxy|whatever/u);
    // Only the very address has a query of its own.
    await ask(route, `http://${server.authority}/other.ts?z=1#part`);
    expect(server.requests[1]?.target).toBe('/other.ts?z=1');
  });

  it('speaks TLS with a server that ffmpeg thinks is a plain one', async () => {
    const server = await web(undefined, { tls: true });
    const route = await open(`https://${server.authority}/a?b`);
    expect(route.input).toBe(`http://${server.authority}/a`);
    expect(await ask(route)).toMatchObject({ status: 200, body: 'hello' });
    expect(server.requests).toMatchObject([{ target: '/a?b', headers: { host: server.authority } }]);
  });

  it.each([['http://10.0.0.1/a', 'http://10.0.0.1/a'], ['https://10.0.0.1/a', 'http://10.0.0.1:443/a'], ['http://[fd00::1]:8080/a', 'http://[fd00::1]:8080/a']])('gives %s to ffmpeg as %s', async (url, input) => {
    expect((await open(url, { policy: { kind: 'configured' } })).input).toBe(input);
  });

  it('is not opened to where the policy does not let a source be', async () => {
    const trap = await canary();
    await expect(open(`http://${trap.authority}/`)).rejects.toThrow(SourceNotAllowedError);
    expect(trap.hits).toBe(0);
  });

  it('says that nobody listens', async () => {
    const route = await open(`http://u:Zq7@127.0.0.1:${String(await freePort())}/`);
    expect(await ask(route)).toMatchObject({ status: 502 });
    expect(route.failure()).toBeInstanceOf(SourceOpenError);
    expect(route.failure()?.message).toMatch(/^http:\/\/\*\*\*@127\.0\.0\.1:\d+\/: connection refused/u);
  });
});

describe('the login', () => {
  it.each([['basic', false], ['digest', false], ['digest', true]] as const)('is made for ffmpeg, which sees no challenge: %s, TLS %s', async (scheme, tls) => {
    const [user, password] = ['jürgen "j"', `Zq7 :@/?#%"'ü\\€`];
    const server = await web(webLogin({ scheme, user, password }, () => page('hello', { headers: { 'WWW-Authenticate': 'Basic', 'Authentication-Info': 'x' } })), { tls });
    const route = await open(`http${tls ? 's' : ''}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${server.authority}/a?b`);
    for (let count = 0; count < 2; count += 1) {
      const answer = await ask(route, undefined, { headers: { authorization: 'Basic made-by-ffmpeg' } });
      expect(answer).toMatchObject({ status: 200, body: 'hello' });
      expect(JSON.stringify(answer.headers)).not.toMatch(/auth/iu);
    }
    expect(server.requests).toHaveLength(3);
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization');
    expect(route.failure()).toBeNull();
  });

  it('is tried once with a wrong password, and asked for where there is none', async () => {
    const server = await web(webLogin({ scheme: 'digest', user: 'admin', password: 'right' }, () => page('hello')));
    for (const [login, requests] of [['admin:Zq7wrong@', 2], ['', 3]] as const) {
      const route = await open(`http://${login}${server.authority}/`);
      expect(await ask(route)).toMatchObject({ status: 401 });
      expect(server.requests).toHaveLength(requests);
      expect(route.failure()).toBeInstanceOf(SourceUnauthorizedError);
      expect(route.failure()?.message).toMatch(/: user or password refused \(401\)$/u);
      expect(route.failure()?.message).not.toMatch(/Zq7/u);
    }
  });

  it('is for the configured server alone', async () => {
    const other = await web(webLogin({ scheme: 'basic', user: 'admin', password: 'x' }, () => page('hello')), { host: '127.0.0.2' });
    const server = await web(webLogin({ scheme: 'basic', user: 'admin', password: 'x' }, () => redirect(`http://thief:y@${other.authority}/`)));
    const route = await open(`http://admin:x@${server.authority}/`);
    expect(await ask(route)).toMatchObject({ status: 302, headers: { location: `http://thief:y@${other.authority}/` } });
    expect(await ask(route, `http://thief:y@${other.authority}/`)).toMatchObject({ status: 401 });
    expect(JSON.stringify(other.requests)).not.toMatch(/authorization/iu);
  });
});

describe('a stranger on this machine', () => {
  it.each([['nothing', null], ['a wrong password', `Basic ${Buffer.from('sightline:wrong').toString('base64')}`], ['an empty one', ''], ['another scheme', 'Bearer x']])('with %s gets no further than the proxy', async (_name, authorization) => {
    const server = await web();
    const route = await open(`http://admin:x@${server.authority}/`);
    expect(await ask(route, undefined, { authorization })).toMatchObject({ status: 407, headers: { 'proxy-authenticate': 'Basic realm="sightline"' }, body: '' });
    expect(await sendRaw(route, `CONNECT ${server.authority} HTTP/1.1\r\nHost: x\r\n${authorization === null ? '' : `Proxy-Authorization: ${authorization}\r\n`}\r\n`)).toMatch(/^HTTP\/1\.1 407 [^]*Proxy-Authenticate: Basic/u);
    expect(server.sockets).toHaveLength(0);
    expect(route.failure()).toBeNull();
  });
});

describe('what ffmpeg may ask for', () => {
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('is not %s', async (method) => {
    const server = await web();
    expect(await ask(await open(`http://${server.authority}/`), undefined, { method })).toMatchObject({ status: 405 });
    expect(server.sockets).toHaveLength(0);
  });

  it('is also HEAD', async () => {
    const server = await web(() => 'HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n');
    expect(await ask(await open(`http://${server.authority}/`), undefined, { method: 'HEAD' })).toMatchObject({ status: 200, headers: { 'content-length': '1234' }, body: '' });
  });

  it.each(['/', '*', 'file:///etc/passwd', 'ftp://127.0.0.1/', 'https://127.0.0.1/', 'tcp://127.0.0.1/', 'http://', 'http:///', 'http://127.0.0.1:0/', 'http://127.0.0.1:99999/', 'http://a b/', 'http://u@/'])('is not %s', async (url) => {
    const server = await web();
    const route = await open(`http://${server.authority}/`);
    const heard = await sendRaw(route, `GET ${url} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: ${proxyOf(route).authorization}\r\n\r\n`, (text) => text.includes('\r\n\r\n'));
    expect(heard).toMatch(/^HTTP\/1\.1 40[03] |^$/u);
    expect(server.sockets).toHaveLength(0);
    if (heard.startsWith('HTTP/1.1 403')) expect(route.failure()).toMatchObject({ code: 'source-not-allowed', message: expect.stringMatching(/not http:\/\/ or https:\/\//u) as string });
  });

  it('is no tunnel, neither to where a source may be nor elsewhere: what goes through one cannot be looked at', async () => {
    const [server, trap] = [await web(undefined, { tls: true }), await canary()];
    for (const authority of [server.authority, trap.authority, '169.254.169.254:443', 'junk']) {
      const route = await open(`https://${server.authority}/`);
      expect(await sendRaw(route, `CONNECT ${authority} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: ${proxyOf(route).authorization}\r\n\r\nGET / HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 403 /u);
      expect(route.failure()).toBeInstanceOf(SourceNotAllowedError);
    }
    expect([server.sockets.length, trap.hits]).toEqual([0, 0]);
  });

  it('is told in one message: two of them in one are none', async () => {
    const server = await web();
    const route = await open(`http://${server.authority}/`);
    const { authorization } = proxyOf(route);
    const start = `GET ${route.input} HTTP/1.1\r\nHost: x\r\nProxy-Authorization: ${authorization}\r\n`;
    for (const headers of ['Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', 'Content-Length: 5\r\nContent-Length: 6\r\n', 'X: a\rX-Smuggled: b\r\n', 'X : a\r\n', ' X: a\r\n', 'X\0: a\r\n', `X: ${'x'.repeat(40_000)}\r\n`]) {
      expect(await sendRaw(route, `${start}${headers}\r\n0\r\n\r\nGET ${route.input}secret HTTP/1.1\r\n\r\n`, (text) => text.includes('hello'))).not.toMatch(/200 OK/u);
    }
    expect(server.sockets).toHaveLength(0);
    // A length without a body is not passed on, so that nobody waits for one.
    expect(await sendRaw(route, `${start}Content-Length: 5\r\n\r\nabcde`, (text) => text.endsWith('hello'))).toMatch(/^HTTP\/1\.1 200 OK/u);
    expect(server.requests[0]?.text).not.toMatch(/content-length|abcde/iu);
  });
});

describe('close()', () => {
  it('leaves neither listener nor connection, and may be called again', async () => {
    const server = await web((_request, socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nhello');
      return null;
    });
    const route = await open(`http://${server.authority}/`);
    const running = ask(route);
    const { host, port } = proxyOf(route);
    const idle = connect({ host, port }).on('error', () => undefined);
    await until(() => server.requests.length === 1 && !idle.connecting);
    await Promise.all([route.close(), route.close()]);
    await route.close();
    await running.catch(() => undefined);
    await until(() => server.open === 0 && idle.destroyed);
    const refused = connect({ host, port });
    expect(await new Promise((resolve) => { refused.once('error', (error: NodeJS.ErrnoException) => { resolve(error.code); }); })).toBe('ECONNREFUSED');
    expect(route.failure()).toBeNull();
  });
});
