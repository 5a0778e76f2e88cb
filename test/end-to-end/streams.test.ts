import { mkdir, mkdtemp, rm, copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { numberedClip, numberOf } from '../helpers/clips.js';
import { decodeJpeg } from '../helpers/jpeg.js';
import { descendantsOf } from '../helpers/processes.js';
import { RtspCamera } from '../helpers/rtsp-camera.js';
import { runService } from '../helpers/running-service.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-streams-'));
  await mkdir(join(folder, 'videos'));
  await copyFile(await numberedClip({ name: 'api.mp4', frames: 100, options: ['-g', '50'] }), join(folder, 'videos', 'api.mp4'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
const cameras: RtspCamera[] = [];
afterEach(async () => {
  await Promise.all(cameras.splice(0).map((camera) => camera.close()));
});

describe('a stream that is added to a running service', () => {
  it('is replayed as a hand on it wants, over HTTP and over the socket, and is gone when it is removed', async () => {
    const { service, ask, statusOf } = await runService({ roots: [join(folder, 'videos')] });
    const viewer = await TestViewer.connect(service.port);
    viewer.acknowledges = true;
    expect(await ask('POST', '/api/streams', { id: 'clip', source: join(folder, 'videos', 'api.mp4') })).toMatchObject({ status: 201, body: { id: 'clip', mode: 'replay', state: 'starting' } });
    await until(async () => (await statusOf('clip')).state === 'paused');
    expect(await statusOf('clip')).toMatchObject({ positionMs: 0, durationMs: 4_000, speed: 1 });

    // The first who looks sets it going, a hand on it stops it.
    viewer.send({ type: 'subscribe', stream: 'clip' });
    await until(() => viewer.frames.length > 5);
    expect(await ask('POST', '/api/streams/clip/control', { action: 'pause' })).toMatchObject({ status: 200, body: { state: 'paused' } });
    await ask('POST', '/api/streams/clip/control', { action: 'seek', positionMs: 2_400 });
    await until(() => viewer.frames.at(-1)?.header.ptsMs === 2_400);
    viewer.send({ type: 'control', stream: 'clip', action: 'step', frames: -10 });
    await until(() => viewer.frames.at(-1)?.header.ptsMs === 2_000);
    viewer.send({ type: 'control', stream: 'clip', action: 'speed', speed: 16 });
    viewer.send({ type: 'control', stream: 'clip', action: 'play' });
    await until(async () => (await statusOf('clip')).state === 'ended');
    expect(await statusOf('clip')).toMatchObject({ positionMs: 3_960, speed: 16, counters: { inFlight: 0, failed: {} } });

    // Every frame is the one that its header tells, with what was found on it.
    for (const { header, jpeg } of viewer.frames) {
      const number = numberOf(await decodeJpeg(Buffer.from(jpeg)));
      expect(header.ptsMs).toBe(number * 40);
      expect(header.detections.map(({ classId }) => classId)).toEqual([1000 + number]);
    }
    expect(viewer.seqs).toEqual([...viewer.seqs].sort((a, b) => a - b));

    expect(await ask('DELETE', '/api/streams/clip')).toEqual({ status: 204, body: null });
    expect(await viewer.next('removed')).toEqual({ type: 'removed', stream: 'clip' });
    expect(await ask('GET', '/api/streams/clip')).toMatchObject({ status: 404 });
    expect((await descendantsOf(process.pid)).filter(({ command }) => command.includes('api.mp4'))).toEqual([]);
    expect(await ask('POST', '/api/streams', { id: 'clip', source: join(folder, 'videos', 'api.mp4') })).toMatchObject({ status: 201 });
  });

  it('may be a camera with a login, of which nothing is told, not even by ps', async () => {
    const password = 'Zq7:@/ %"üQz';
    const camera = await RtspCamera.start({ widthPx: 160, heightPx: 96, auth: 'digest', password, path: '/secret-path' });
    cameras.push(camera);
    const { service, ask, statusOf, log } = await runService({ networks: ['loopback'] });
    const answers = [await ask('POST', '/api/streams', { id: 'camera', source: camera.url })];
    await until(async () => (await statusOf('camera')).counters.shown > 10, { timeoutMs: 15_000 });
    const processes = (await descendantsOf(process.pid)).filter(({ command }) => command.includes('ffmpeg'));
    expect(processes.some(({ command }) => command.includes('rtsp://127.0.0.1:'))).toBe(true);
    answers.push(await ask('GET', '/api/streams/camera'), await ask('POST', '/api/streams/camera/control', { action: 'pause' }), await ask('POST', '/api/streams/camera/control', { action: 'seek', positionMs: 1 }));
    expect(answers.map(({ status }) => status)).toEqual([201, 200, 200, 409]);
    await until(async () => (await statusOf('camera')).state === 'paused');
    camera.signal('SIGKILL');
    await ask('POST', '/api/streams/camera/control', { action: 'play' });
    await until(async () => (await statusOf('camera')).state === 'reconnecting');
    answers.push(await ask('GET', '/api/streams'));
    const metrics = await (await fetch(`${service.url}metrics`)).text();
    expect(metrics).toContain('stream="camera"');
    for (const text of [JSON.stringify(answers), log.join(''), JSON.stringify(processes), metrics]) {
      expect(text).not.toMatch(/Zq7|Qz/u);
    }
    expect(JSON.stringify(processes)).not.toContain('secret-path');
    expect(log.join('')).toContain('connection refused');
  });

  it('is refused in words where it may not be, or says what is wrong', async () => {
    const { ask } = await runService({ roots: [join(folder, 'videos')], networks: ['private'] });
    expect(await ask('POST', '/api/streams', { id: 'a', source: '/etc/passwd' })).toMatchObject({ status: 403, body: { error: { code: 'source-not-allowed' } } });
    expect(await ask('POST', '/api/streams', { id: 'a', source: 'rtsp://127.0.0.1/x' })).toMatchObject({ status: 403, body: { error: { code: 'source-not-allowed', message: expect.stringMatching(/allowed: private.*sources\.networks/u) as string } } });
    expect(await ask('POST', '/api/streams', { id: 'a b', source: 'gopher://x', fps: 0 })).toMatchObject({ status: 400, body: { error: { code: 'bad-stream', problems: [{ path: 'id' }, { path: 'fps' }, { path: 'source' }] } } });
    expect(await ask('GET', '/api/streams')).toEqual({ status: 200, body: { streams: [] } });
  });
});
