import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CommandNotSupportedError, ConfigError, NotWritableError, SourceNotAllowedError, StreamExistsError } from '../../src/core/errors.js';
import type { StreamAdmin } from '../../src/viewers/stream-directory.js';
import type { Token } from '../../src/viewers/tokens.js';
import { defaultStatus } from '../helpers/fake-directory.js';
import { until } from '../helpers/until.js';
import { TestViewer } from './support/client.js';
import { startServer } from './support/server.js';

type Answer = { readonly status: number; readonly code: string | undefined; readonly body: unknown };

async function send(url: string, body: unknown, { method = 'POST', headers = {} }: { method?: string; headers?: Record<string, string> } = {}): Promise<Answer> {
  const response = await fetch(url, { method, headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) });
  const text = await response.text();
  const parsed = (text === '' ? null : JSON.parse(text)) as { error?: { code: string } } | null;
  return { status: response.status, code: parsed?.error?.code, body: parsed };
}

/** An admin that does as it is told and remembers what it saw. */
function fakeAdmin(refusal: Error | null = null): StreamAdmin & { readonly seen: unknown[] } {
  const seen: unknown[] = [];
  return {
    seen,
    create: (definition) => {
      seen.push(definition);
      return refusal === null ? Promise.resolve(defaultStatus('new')) : Promise.reject(refusal);
    },
    definition: (id) => ({ definition: { id, source: 'rtsp://***@camera/' }, persisted: false }),
    change: (id, patch, { persist }) => {
      seen.push({ id, patch, persist });
      return refusal === null ? Promise.resolve(defaultStatus(id)) : Promise.reject(refusal);
    },
    testSource: () => Promise.resolve(null),
    remove: (id) => {
      seen.push(id);
      return Promise.resolve(true);
    },
  };
}

const token = (name: string, options: Partial<Token> = {}): Token => ({ name, sha256: createHash('sha256').update(name).digest('hex'), role: 'operator', ...options });
const as = (name: string): Record<string, string> => ({ authorization: `Bearer ${name}` });

describe('POST /api/streams', () => {
  it('answers 201 with the stream and where it is', async () => {
    const admin = fakeAdmin();
    const { base } = await startServer({ admin });
    const response = await fetch(`${base}/api/streams`, { method: 'POST', headers: { 'content-type': 'application/json; charset=utf-8' }, body: '{"id":"new","source":"rtsp://10.0.0.1/"}' });
    expect([response.status, response.headers.get('location'), ((await response.json()) as { id: string }).id]).toEqual([201, '/api/streams/new', 'new']);
    expect(admin.seen).toEqual([{ id: 'new', source: 'rtsp://10.0.0.1/' }]);
  });

  it.each([
    [new ConfigError([{ file: null, path: 'fps', message: 'expected > 0' }, { file: null, path: 'x', message: 'unknown' }]), 400, 'bad-stream'],
    [new SourceNotAllowedError('not there'), 403, 'source-not-allowed'],
    [new StreamExistsError('new'), 409, 'stream-exists'],
    [new NotWritableError('no folder'), 409, 'not-writable'],
    [new Error('a defect'), 500, 'internal'],
  ])('says %s as %d %s', async (refusal, status, code) => {
    const { base } = await startServer({ admin: fakeAdmin(refusal) });
    const answer = await send(`${base}/api/streams`, { id: 'new' });
    expect([answer.status, answer.code]).toEqual([status, code]);
    if (code === 'bad-stream') expect(answer.body).toMatchObject({ error: { problems: [{ path: 'fps', message: 'expected > 0' }, { path: 'x', message: 'unknown' }] } });
    if (code === 'internal') expect(JSON.stringify(answer.body)).not.toContain('a defect');
  });

  it('refuses what is no JSON, what another page could send, and what a token does not cover', async () => {
    const admin = fakeAdmin();
    const tokens = [token('boss'), token('guest', { role: 'viewer' }), token('door-keeper', { streams: ['door'] })];
    const { base, port } = await startServer({ admin, tokens });
    const url = `${base}/api/streams`;
    expect(await send(url, '{', { headers: as('boss') })).toMatchObject({ status: 400, code: 'bad-json' });
    expect(await send(url, Buffer.from([0x22, 0xff, 0x22]).toString('latin1'), { headers: { ...as('boss'), 'content-type': 'text/plain' } })).toMatchObject({ status: 415 });
    expect(await send(url, {}, { headers: { ...as('boss'), origin: 'http://evil.example' } })).toMatchObject({ status: 403, code: 'foreign-origin' });
    expect(await send(url, { id: 'a' })).toMatchObject({ status: 401 });
    expect(await send(url, { id: 'a' }, { headers: as('guest') })).toMatchObject({ status: 403, code: 'forbidden' });
    expect(await send(url, { id: 'a' }, { headers: as('door-keeper') })).toMatchObject({ status: 403, code: 'forbidden' });
    expect(await send(`${base}/api/streams/door`, '', { method: 'DELETE', headers: as('guest') })).toMatchObject({ status: 403 });
    expect(admin.seen).toEqual([]);
    expect(await send(url, { id: 'a' }, { headers: as('boss') })).toMatchObject({ status: 201 });
    expect(port).toBeGreaterThan(0);
  });

  it('removes a stream for an operator', async () => {
    const admin = fakeAdmin();
    const { base } = await startServer({ admin });
    expect((await fetch(`${base}/api/streams/door`, { method: 'DELETE' })).status).toBe(204);
    expect(admin.seen).toEqual(['door']);
  });

  it('changes a stream for an operator, and writes it back when that is asked for in so many words', async () => {
    const admin = fakeAdmin();
    const { base } = await startServer({ admin, tokens: [token('boss'), token('guest', { role: 'viewer' })] });
    const url = `${base}/api/streams/door`;
    expect(await send(url, { fps: 5 }, { method: 'PATCH', headers: as('boss') })).toMatchObject({ status: 200, body: { id: 'door' } });
    expect(await send(`${url}?persist=true`, { fps: null }, { method: 'PATCH', headers: as('boss') })).toMatchObject({ status: 200 });
    expect(await send(`${url}?persist=yes`, {}, { method: 'PATCH', headers: as('boss') })).toMatchObject({ status: 400, code: 'bad-query' });
    expect(await send(`${url}?persist=true`, {}, { method: 'PATCH', headers: as('guest') })).toMatchObject({ status: 403, code: 'forbidden' });
    expect((await fetch(`${url}/definition`, { headers: as('guest') })).status).toBe(403);
    expect(await (await fetch(`${url}/definition`, { headers: as('boss') })).json()).toEqual({ definition: { id: 'door', source: 'rtsp://***@camera/' }, persisted: false });
    expect(admin.seen).toEqual([{ id: 'door', patch: { fps: 5 }, persist: false }, { id: 'door', patch: { fps: null }, persist: true }]);
  });

  it('has an upper end', async () => {
    const { base, directory } = await startServer({ admin: fakeAdmin() });
    for (let n = 1; n < 256; n += 1) directory.addStream(`s${String(n)}`);
    expect(await send(`${base}/api/streams`, { id: 'more' })).toMatchObject({ status: 409, code: 'too-many-streams' });
  });
});

describe('control', () => {
  const good = [{ action: 'pause' }, { action: 'play' }, { action: 'seek', positionMs: 1500.5 }, { action: 'step', frames: -3 }, { action: 'speed', speed: 0.1 }, { action: 'speed', speed: 'max' }];
  const bad = [
    null, [], '"pause"', {}, { action: 'stop' }, { action: 'seek' }, { action: 'seek', positionMs: -1 }, { action: 'seek', positionMs: '1' }, { action: 'step', frames: 0 }, { action: 'step', frames: 1.5 },
    { action: 'step', frames: 10_001 }, { action: 'speed', speed: 0.05 }, { action: 'speed', speed: 17 }, { action: 'speed', speed: 'fast' }, { action: 'pause', positionMs: 5 }, { action: 'seek', positionMs: 1, frames: 2 },
  ];

  it('passes commands on in their order and answers with the status', async () => {
    const { base, directory } = await startServer();
    for (const command of good) expect(await send(`${base}/api/streams/door/control`, command)).toMatchObject({ status: 200, body: { id: 'door' } });
    expect(directory.commands).toEqual(good.map((command) => ({ id: 'door', command })));
  });

  it.each(bad.map((body) => [JSON.stringify(body), body] as const))('refuses %s', async (_name, body) => {
    const { base, directory } = await startServer();
    expect(await send(`${base}/api/streams/door/control`, body)).toMatchObject({ status: 400, code: 'bad-command' });
    expect(directory.commands).toEqual([]);
  });

  it('says what a stream cannot do, and who may not', async () => {
    const { base, directory } = await startServer({ tokens: [token('boss'), token('guest', { role: 'viewer' })] });
    directory.controlError = new CommandNotSupportedError('door is live');
    expect(await send(`${base}/api/streams/door/control`, { action: 'step', frames: 1 }, { headers: as('boss') })).toMatchObject({ status: 409, code: 'not-supported' });
    expect(await send(`${base}/api/streams/door/control`, { action: 'pause' }, { headers: as('guest') })).toMatchObject({ status: 403, code: 'forbidden' });
    expect(directory.commands).toHaveLength(1);
  });

  it('works over the socket, where mistakes and refusals are answered by an error', async () => {
    const { port, directory } = await startServer();
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'control', stream: 'door', action: 'seek', positionMs: 40 });
    await until(() => directory.commands.length === 1);
    expect(directory.commands[0]?.command).toMatchObject({ action: 'seek', positionMs: 40 });
    viewer.send({ type: 'control', stream: 'door', action: 'seek' } as never);
    expect(await viewer.next('error')).toMatchObject({ code: 'bad-message' });
    viewer.send({ type: 'control', stream: 'nobody', action: 'pause' });
    expect(await viewer.next('error')).toMatchObject({ code: 'unknown-stream' });
    directory.controlError = new CommandNotSupportedError('door is live');
    viewer.send({ type: 'control', stream: 'door', action: 'step', frames: 1 });
    expect(await viewer.next('error')).toMatchObject({ code: 'not-supported', stream: 'door' });
  });
});
