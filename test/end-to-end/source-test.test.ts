import { mkdir, mkdtemp, rm, copyFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberedClip } from '../helpers/clips.js';
import { runService } from '../helpers/running-service.js';
import { until } from '../helpers/until.js';

let folder: string;
let clip: string;
let silent: Server;
let address: string;
let held = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-source-test-'));
  await mkdir(join(folder, 'videos'));
  clip = join(folder, 'videos', 'a.mp4');
  await copyFile(await numberedClip({ name: 'changes.mp4', frames: 100, options: ['-g', '50'] }), clip);
  // Takes a connection and never says a word.
  silent = createServer((socket) => {
    held += 1;
    socket.on('error', () => undefined).on('close', () => { held -= 1; }).resume();
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const bound = silent.address();
  address = `rtsp://user:hunter22@127.0.0.1:${String(typeof bound === 'object' ? bound?.port : 0)}/live`;
});
afterAll(async () => {
  silent.close();
  await rm(folder, { recursive: true, force: true });
});

describe('POST /api/sources/test', () => {
  it('says what a source holds, that of a stream as it would be too, and adds nothing', async () => {
    const { ask } = await runService({ roots: [join(folder, 'videos')] });
    const found = { ok: true, mode: 'replay', widthPx: 160, heightPx: 96, declaredFps: 25, durationMs: 4_000, codec: 'h264' };
    expect(await ask('POST', '/api/sources/test', { source: clip })).toEqual({ status: 200, body: found });
    expect(await ask('GET', '/api/streams')).toEqual({ status: 200, body: { streams: [] } });
    await ask('POST', '/api/streams', { id: 'clip', source: clip });
    expect(await ask('POST', '/api/sources/test', { stream: 'clip', mode: 'live' })).toEqual({ status: 200, body: { ...found, mode: 'live' } });
    expect(await ask('GET', '/api/streams/clip')).toMatchObject({ body: { mode: 'replay' } });
    expect(await ask('POST', '/api/sources/test', { stream: 'nobody' })).toMatchObject({ status: 404, body: { error: { code: 'unknown-stream' } } });
  });

  it('refuses as adding does, and tells what does not open without its password', async () => {
    const { ask } = await runService({ roots: [join(folder, 'videos')], networks: ['loopback'] });
    expect(await ask('POST', '/api/sources/test', { source: 'gopher://x', fps: 0 })).toMatchObject({ status: 400, body: { error: { code: 'bad-stream', problems: [{ path: 'fps' }, { path: 'source' }] } } });
    expect(await ask('POST', '/api/sources/test', { source: '/etc/passwd' })).toMatchObject({ status: 403, body: { error: { code: 'source-not-allowed' } } });
    expect(await ask('POST', '/api/sources/test', { source: 'rtsp://8.8.8.8/live' })).toMatchObject({ status: 403 });
    const closed = await ask('POST', '/api/sources/test', { source: 'rtsp://user:hunter22@127.0.0.1:1/live' });
    expect(closed).toMatchObject({ status: 200, body: { ok: false, code: 'source-open' } });
    expect(JSON.stringify(closed)).not.toContain('hunter22');
  });

  it('looks at two at a time, for ten seconds at most, and lets go of what is silent', async () => {
    const { ask } = await runService({ networks: ['loopback'] });
    const tests = [1, 2].map(() => ask('POST', '/api/sources/test', { source: address, timeoutMs: 60_000 }));
    await until(() => held === 2, { what: 'two tests on their way' });
    expect(await ask('POST', '/api/sources/test', { source: address })).toMatchObject({ status: 429, body: { error: { code: 'too-many-tests' } } });
    for (const { status, body } of await Promise.all(tests)) expect([status, body]).toEqual([200, { ok: false, code: 'source-stalled', message: 'no answer within 10 s' }]);
    await until(() => held === 0, { what: 'their connections closed' });
  }, 30_000);
});
