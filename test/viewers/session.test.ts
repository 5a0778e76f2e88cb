import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { until } from '../helpers/until.js';
import { TestViewer } from './support/client.js';
import { rawUpgrade } from './support/raw-http.js';
import { startServer, type RunningServer } from './support/server.js';
import { bearer, tokenFor } from './support/tokens.js';

const SOON = '2999-01-01T00:00:00.000Z';
const tokens = [tokenFor('boss', { role: 'operator' }), tokenFor('guest', { streams: ['door'], expires: SOON }), tokenFor('old', { expires: '2020-01-01' })];

type Answer = { readonly status: number; readonly body: unknown; readonly cookies: readonly string[]; readonly headers: Headers };

async function ask({ base }: RunningServer, method: string, path: string, options: { readonly json?: unknown; readonly headers?: Record<string, string> } = {}): Promise<Answer> {
  const { json, headers = {} } = options;
  const response = await fetch(base + path, { method, headers: { ...(json === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers }, ...(json === undefined ? {} : { body: JSON.stringify(json) }) });
  const text = await response.text();
  return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown), cookies: response.headers.getSetCookie(), headers: response.headers };
}

const codeOf = ({ body }: Answer): string => (body as { error: { code: string } }).error.code;
const guest = { required: true, name: 'guest', role: 'viewer', streams: ['door'], expiresAtMs: Date.parse(SOON) };
const boss = { required: true, name: 'boss', role: 'operator', streams: null, expiresAtMs: null };

/** Logs in and gives the cookie as a browser sends it back. */
async function logIn(server: RunningServer, name: string): Promise<string> {
  const { status, cookies } = await ask(server, 'POST', '/api/session', { json: { token: `${name}-token` } });
  expect([status, cookies.length]).toEqual([200, 1]);
  return cookies[0]?.split(';', 1)[0] ?? '';
}

describe('the session', () => {
  it('is everybody\'s where no tokens are configured, and takes any token without keeping it', async () => {
    const server = await startServer();
    const anybody = { required: false, name: 'anybody', role: 'operator', streams: null, expiresAtMs: null };
    expect(await ask(server, 'GET', '/api/session')).toMatchObject({ status: 200, body: anybody });
    expect(await ask(server, 'POST', '/api/session', { json: { token: 'x' } })).toMatchObject({ status: 200, body: anybody, cookies: [] });
    expect(await ask(server, 'DELETE', '/api/session')).toMatchObject({ status: 204, body: null });
  });

  it('tells whose a Bearer token is', async () => {
    const server = await startServer({ tokens });
    expect((await ask(server, 'GET', '/api/session', { headers: bearer('guest') })).body).toEqual(guest);
    expect((await ask(server, 'GET', '/api/session', { headers: bearer('boss') })).body).toEqual(boss);
  });

  it.each([
    ['none', {}],
    ['a wrong one', bearer('nobody')],
    ['an expired one', bearer('old')],
  ])('is refused with 401 for %s', async (_what, headers) => {
    const server = await startServer({ tokens });
    const answer = await ask(server, 'GET', '/api/session', { headers });
    expect([answer.status, codeOf(answer), answer.headers.get('www-authenticate'), answer.headers.get('cache-control')]).toEqual([401, 'unauthorized', 'Bearer', 'no-store']);
  });

  it('is kept in a cookie of this port that scripts cannot read and other sites do not send', async () => {
    const server = await startServer({ tokens });
    const answer = await ask(server, 'POST', '/api/session', { json: { token: 'guest-token' } });
    expect([answer.status, answer.body]).toEqual([200, guest]);
    expect(answer.cookies).toEqual([`sightline-${String(server.port)}=guest-token; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict`]);
    expect(answer.headers.get('cache-control')).toBe('no-store');
  });

  it('lasts no longer than its token', async () => {
    const server = await startServer({ tokens: [tokenFor('short', { expires: new Date(Date.now() + 3_600_500).toISOString() })] });
    const { cookies } = await ask(server, 'POST', '/api/session', { json: { token: 'short-token' } });
    expect(Number(/Max-Age=(\d+)/.exec(cookies[0] ?? '')?.[1])).toBeGreaterThan(3590);
    expect(Number(/Max-Age=(\d+)/.exec(cookies[0] ?? '')?.[1])).toBeLessThanOrEqual(3601);
  });

  it('opens API, pictures and WebSocket to who has the cookie, as far as the token goes', async () => {
    const server = await startServer({ tokens });
    server.directory.addStream('yard');
    server.directory.offer('door');
    const headers = { Cookie: `other=1; ${await logIn(server, 'guest')}; sightline-1=x` };
    expect(await ask(server, 'GET', '/api/session', { headers })).toMatchObject({ status: 200, body: guest });
    expect((await ask(server, 'GET', '/api/streams/door', { headers })).status).toBe(200);
    expect((await ask(server, 'GET', '/api/streams/yard', { headers })).status).toBe(403);
    expect((await ask(server, 'POST', '/api/streams/door/control', { headers, json: { action: 'pause' } })).status).toBe(403);
    expect((await fetch(`${server.base}/api/streams/door/snapshot.jpg`, { headers })).status).toBe(200);
    const viewer = await TestViewer.connect(server.port, { headers });
    viewer.send({ type: 'subscribe', stream: 'yard' });
    expect((await viewer.next('error')).code).toBe('forbidden');
  });

  it('outlives a restart of the service', async () => {
    const first = await startServer({ tokens });
    const cookie = await logIn(first, 'boss');
    await first.close();
    const second = await startServer({ tokens, port: first.port });
    expect((await ask(second, 'GET', '/api/session', { headers: { Cookie: cookie } })).body).toEqual(boss);
  });

  it('is not opened by the cookie of another port', async () => {
    const [one, other] = [await startServer({ tokens }), await startServer({ tokens })];
    expect((await ask(other, 'GET', '/api/session', { headers: { Cookie: await logIn(one, 'boss') } })).status).toBe(401);
  });

  it.each(['%', '%zz', 'boss-toke', '"boss-token"', ''])('is not opened by the cookie %j', async (value) => {
    const server = await startServer({ tokens });
    expect((await ask(server, 'GET', '/api/streams', { headers: { Cookie: `sightline-${String(server.port)}=${value}` } })).status).toBe(401);
  });

  it('is the one that is bound to TLS where there are two, in whatever order: the other may have been planted', async () => {
    const server = await startServer({ tokens });
    const [bound, plain] = [`__Host-sightline-${String(server.port)}=guest-token`, `sightline-${String(server.port)}=boss-token`];
    for (const pairs of [[bound, plain], [plain, bound]]) expect((await ask(server, 'GET', '/api/session', { headers: { Cookie: pairs.join('; ') } })).body).toEqual(guest);
  });

  it('carries a token of any characters', async () => {
    const text = 'a;b=c,"d" é%';
    const server = await startServer({ tokens: [{ name: 'odd', sha256: createHash('sha256').update(text).digest('hex'), role: 'viewer' }] });
    const { cookies } = await ask(server, 'POST', '/api/session', { json: { token: text } });
    expect((await ask(server, 'GET', '/api/session', { headers: { Cookie: cookies[0]?.split(';', 1)[0] ?? '' } })).body).toMatchObject({ name: 'odd' });
  });

  it('is forgotten when asked, with a token or without', async () => {
    const server = await startServer({ tokens });
    const answer = await ask(server, 'DELETE', '/api/session');
    expect([answer.status, answer.body, answer.cookies]).toEqual([204, null, [`sightline-${String(server.port)}=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict`]]);
  });

  it('is Secure where a proxy speaks TLS for us', async () => {
    const server = await startServer({ tokens, hosts: ['watch.example.com'] });
    const headers = { Origin: 'https://watch.example.com' };
    const { cookies } = await ask(server, 'POST', '/api/session', { json: { token: 'boss-token' }, headers });
    expect(cookies).toEqual([`__Host-sightline-${String(server.port)}=boss-token; Path=/; Max-Age=34560000; HttpOnly; SameSite=Strict; Secure`]);
    expect((await ask(server, 'GET', '/api/session', { headers: { Cookie: cookies[0]?.split(';', 1)[0] ?? '' } })).body).toEqual(boss);
    expect((await ask(server, 'DELETE', '/api/session', { headers })).cookies).toHaveLength(2);
  });

  it.each([
    ['no JSON by type', 415, 'unsupported-media-type', { headers: { 'Content-Type': 'text/plain' }, json: { token: 'boss-token' } }],
    ['no JSON', 400, 'bad-json', { headers: { 'Content-Type': 'application/json' } }],
    ['no token', 400, 'bad-login', { json: {} }],
    ['a number', 400, 'bad-login', { json: { token: 7 } }],
    ['an empty one', 400, 'bad-login', { json: { token: '' } }],
    ['one too long', 400, 'bad-login', { json: { token: 'x'.repeat(1025) } }],
    ['something beside it', 400, 'bad-login', { json: { token: 'boss-token', role: 'operator' } }],
    ['a wrong one', 401, 'unauthorized', { json: { token: 'x' } }],
    ['an expired one', 401, 'unauthorized', { json: { token: 'old-token' } }],
    ['another site\'s page', 403, 'foreign-origin', { json: { token: 'boss-token' }, headers: { Origin: 'http://evil.example' } }],
    ['no place', 403, 'foreign-origin', { json: { token: 'boss-token' }, headers: { Origin: 'null' } }],
  ])('is not opened by %s: %d %s', async (_what, status, code, options) => {
    const answer = await ask(await startServer({ tokens }), 'POST', '/api/session', options);
    expect([answer.status, codeOf(answer), answer.cookies]).toEqual([status, code, []]);
    expect(JSON.stringify(answer.body)).not.toContain('boss-token');
  });

  it.each([['PUT', '/api/session'], ['GET', '/api/tickets'], ['DELETE', '/api/tickets']])('%s %s is answered with 405', async (method, path) => {
    expect((await ask(await startServer(), method, path)).status).toBe(405);
  });
});

describe('wrong tokens', () => {
  it('are refused unseen after a few, right ones too, but for who was in before', async () => {
    const server = await startServer({ tokens, limits: { wrongTriesPerMinute: 3 } });
    expect((await ask(server, 'GET', '/api/session', { headers: bearer('boss') })).status).toBe(200);
    const tries = [await ask(server, 'POST', '/api/session', { json: { token: 'guess 1' } }), await ask(server, 'GET', '/api/streams', { headers: bearer('guess-2') }), await ask(server, 'GET', '/api/streams', { headers: { Cookie: `sightline-${String(server.port)}=guess-3` } })];
    expect(tries.map(({ status }) => status)).toEqual([401, 401, 401]);
    const locked = [await ask(server, 'POST', '/api/session', { json: { token: 'guess 4' } }), await ask(server, 'POST', '/api/session', { json: { token: 'guest-token' } }), await ask(server, 'GET', '/api/streams', { headers: bearer('guest') })];
    for (const answer of locked) {
      expect([answer.status, codeOf(answer), answer.cookies]).toEqual([429, 'too-many-tries', []]);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(Number(answer.headers.get('retry-after'))).toBeLessThanOrEqual(20);
    }
    expect((await rawUpgrade(server.port, { Authorization: 'Bearer guest-token' })).status).toBe(429);
    expect((await ask(server, 'GET', '/api/session', { headers: bearer('boss') })).status).toBe(200);
    expect((await ask(server, 'GET', '/healthz')).status).toBe(200);
  });

  it('are told in the log with their address, without the token', async () => {
    const server = await startServer({ tokens });
    await ask(server, 'POST', '/api/session', { json: { token: 'the-guess' } });
    const line = server.logLines.find((each) => each.includes('wrong token'));
    expect(line).toContain('127.0.0.1');
    expect(server.logLines.join('')).not.toContain('the-guess');
  });

  it('do not lock anybody out when it is always the same one, or one that has expired', async () => {
    const server = await startServer({ tokens, limits: { wrongTriesPerMinute: 2 } });
    for (let count = 0; count < 5; count += 1) {
      await ask(server, 'GET', '/api/streams', { headers: bearer('withdrawn') });
      await ask(server, 'GET', '/api/streams', { headers: bearer('old') });
    }
    expect((await ask(server, 'GET', '/api/streams', { headers: bearer('boss') })).status).toBe(200);
  });
});

describe('a ticket', () => {
  const open = (server: RunningServer, ticket: string): Promise<number> => rawUpgrade(server.port, {}, `/ws?ticket=${ticket}`).then(({ status }) => status);

  it('opens one WebSocket with the rights of its holder, and stands in no log line', async () => {
    const server = await startServer({ tokens });
    const { status, body, headers } = await ask(server, 'POST', '/api/tickets', { headers: bearer('guest') });
    const { ticket, expiresAtMs } = body as { ticket: string; expiresAtMs: number };
    expect([status, headers.get('cache-control')]).toEqual([201, 'no-store']);
    expect(Math.abs(expiresAtMs - Date.now() - 30_000)).toBeLessThan(2000);
    const viewer = new TestViewer(server.port, {}, `/ws?ticket=${ticket}`);
    expect((await viewer.next('hello')).streams.map(({ id }) => id)).toEqual(['door']);
    viewer.send({ type: 'control', stream: 'door', action: 'pause' });
    expect((await viewer.next('error')).code).toBe('forbidden');
    expect([await open(server, ticket), await open(server, ''), await open(server, 'x'.repeat(43))]).toEqual([401, 401, 401]);
    expect(server.logLines.join('')).not.toContain(ticket);
  });

  it('is only for who has a token, and not used up by who is refused for something else', async () => {
    const server = await startServer({ tokens });
    expect((await ask(server, 'POST', '/api/tickets')).status).toBe(401);
    const { ticket } = (await ask(server, 'POST', '/api/tickets', { headers: bearer('guest') })).body as { ticket: string };
    expect((await rawUpgrade(server.port, { Origin: 'http://evil.example' }, `/ws?ticket=${ticket}`)).status).toBe(403);
    expect((await rawUpgrade(server.port, { Host: 'evil.example' }, `/ws?ticket=${ticket}`)).status).toBe(403);
    await new TestViewer(server.port, {}, `/ws?ticket=${ticket}`).next('hello');
  });

  it('opens nothing but a WebSocket', async () => {
    const server = await startServer({ tokens });
    const { ticket } = (await ask(server, 'POST', '/api/tickets', { headers: bearer('boss') })).body as { ticket: string };
    expect((await ask(server, 'GET', `/api/streams?ticket=${ticket}`)).status).toBe(401);
  });

  it('is made where no tokens are needed too', async () => {
    const server = await startServer();
    const { ticket } = (await ask(server, 'POST', '/api/tickets')).body as { ticket: string };
    await new TestViewer(server.port, {}, `/ws?ticket=${ticket}`).next('hello');
    expect(await open(server, ticket)).toBe(401);
  });
});

describe('tokens that are replaced while the server runs', () => {
  it('close the viewers and answers of those that went or changed, at once, and no others', async () => {
    const server = await startServer({ tokens });
    const [bossViewer, guestViewer] = [await TestViewer.connect(server.port, { headers: bearer('boss') }), await TestViewer.connect(server.port, { headers: bearer('guest') })];
    const [bossPictures, guestPictures] = [await fetch(`${server.base}/api/streams/door/mjpeg`, { headers: bearer('boss') }), await fetch(`${server.base}/api/streams/door/mjpeg`, { headers: bearer('guest') })];
    const { ticket } = (await ask(server, 'POST', '/api/tickets', { headers: bearer('guest') })).body as { ticket: string };
    server.setTokens([tokenFor('boss', { role: 'operator' }), tokenFor('guest', { streams: ['yard'] })]);
    expect(await guestViewer.closed()).toBe(4401);
    expect((await guestPictures.arrayBuffer()).byteLength).toBe(0);
    await bossViewer.settle();
    expect(bossViewer.closeCode).toBeNull();
    server.directory.offer('door');
    const reader = (bossPictures.body as ReadableStream<Uint8Array>).getReader();
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
    expect((await rawUpgrade(server.port, {}, `/ws?ticket=${ticket}`)).status).toBe(401);
    expect((await ask(server, 'GET', '/api/session', { headers: bearer('guest') })).body).toMatchObject({ streams: ['yard'] });
  });

  it('close those who came without when tokens are first configured', async () => {
    const server = await startServer();
    const viewer = await TestViewer.connect(server.port);
    server.setTokens(tokens);
    expect(await viewer.closed()).toBe(4401);
    expect((await ask(server, 'GET', '/api/streams')).status).toBe(401);
  });

  it('stay when one of the new is malformed, or when none would be left on an open address', async () => {
    const server = await startServer({ tokens, host: '0.0.0.0' });
    const viewer = await TestViewer.connect(server.port, { headers: bearer('boss') });
    expect(() => server.setTokens([{ ...tokenFor('x'), sha256: 'abc' }])).toThrow(RangeError);
    expect(() => server.setTokens([])).toThrow(/sightline token/);
    await viewer.settle();
    expect((await ask(server, 'GET', '/api/streams', { headers: bearer('boss') })).status).toBe(200);
    expect((await ask(server, 'GET', '/api/streams')).status).toBe(401);
  });

  it('are needed to listen on an open address at all', async () => {
    await expect(startServer({ host: '0.0.0.0' })).rejects.toThrow(/server.tokens: .*sightline token/);
  });
});

describe('a token that expires', () => {
  it('ends pictures that nothing was sent on, too', async () => {
    const server = await startServer({ tokens: [tokenFor('short', { expires: new Date(Date.now() + 600).toISOString() })], limits: { tickMs: 50 } });
    const response = await fetch(`${server.base}/api/streams/door/mjpeg`, { headers: bearer('short') });
    expect(response.status).toBe(200);
    await response.arrayBuffer();
    expect(server.directory.watchers('door')).toBe(0);
  });

  it('is not obeyed between its end and the next look at it', async () => {
    const server = await startServer({ tokens: [tokenFor('short', { role: 'operator', expires: new Date(Date.now() + 500).toISOString() })], limits: { tickMs: 60_000 } });
    const viewer = await TestViewer.connect(server.port, { headers: bearer('short') });
    const endMs = Date.now() + 600;
    await until(() => Date.now() > endMs);
    viewer.send({ type: 'control', stream: 'door', action: 'pause' });
    expect(await viewer.closed()).toBe(4401);
    expect(server.directory.commands).toEqual([]);
  });
});
