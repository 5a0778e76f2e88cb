import { mkdir, mkdtemp, readdir, readFile, rm, writeFile, copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { numberedClip } from '../helpers/clips.js';
import { runService } from '../helpers/running-service.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-changes-'));
  await mkdir(join(folder, 'videos'));
  await copyFile(await numberedClip({ name: 'changes.mp4', frames: 100, options: ['-g', '50'] }), join(folder, 'videos', 'a.mp4'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a stream that is changed while it is watched', () => {
  it('keeps its viewers, numbers and counters, with and without a new start', async () => {
    const { service, ask, statusOf } = await runService({ roots: [join(folder, 'videos')] });
    const viewer = await TestViewer.connect(service.port);
    viewer.acknowledges = true;
    await ask('POST', '/api/streams', { id: 'clip', source: join(folder, 'videos', 'a.mp4'), mode: 'live', loop: true });
    viewer.send({ type: 'subscribe', stream: 'clip' });
    await until(() => viewer.frames.length > 10);

    expect(await ask('PATCH', '/api/streams/clip', { name: 'Clip', thresholds: { '*': 0.95 } })).toMatchObject({ status: 200, body: { name: 'Clip', state: 'running', restarts: 0 } });
    await until(() => viewer.frames.at(-1)?.header.detections.length === 0, { what: 'frames without detections' });
    const before = (await statusOf('clip')).counters;
    expect(before.dropped.closed ?? 0).toBe(0);

    expect(await ask('PATCH', '/api/streams/clip', { widthPx: 80, thresholds: null })).toMatchObject({ status: 200, body: { name: 'Clip' } });
    await until(() => viewer.frames.at(-1)?.header.widthPx === 80, { what: 'frames of the new size' });
    const count = viewer.frames.length;
    await until(() => viewer.frames.length > count + 5);
    expect(viewer.frames.at(-1)?.header.detections).toHaveLength(1);
    // Only grows; and no message told of a removal.
    expect(viewer.seqs.every((seq, index) => index === 0 || seq > (viewer.seqs[index - 1] ?? Infinity))).toBe(true);
    expect(viewer.messages.filter(({ type }) => type === 'removed')).toEqual([]);
    expect((await statusOf('clip')).counters.decoded).toBeGreaterThan(before.decoded);

    // What cannot be changed, or is wrong, changes nothing.
    expect(await ask('PATCH', '/api/streams/clip', { id: 'other', fps: 0, fsp: 1 })).toMatchObject({ status: 400, body: { error: { code: 'bad-stream', problems: [{ path: 'id' }, { path: 'fps' }, { path: 'fsp' }] } } });
    expect(await ask('PATCH', '/api/streams/clip', { source: '/etc/passwd' })).toMatchObject({ status: 403, body: { error: { code: 'source-not-allowed' } } });
    expect((await statusOf('clip')).state).toBe('running');
  });

  it('tells its definition without secrets, which sent back means that it stays', async () => {
    const { ask, statusOf } = await runService({ networks: ['loopback'] });
    await ask('POST', '/api/streams', { id: 'camera', source: 'rtsp://admin:hunter22@127.0.0.1:9/live', fps: 5 });
    const shown = { id: 'camera', source: 'rtsp://***@127.0.0.1:9/live', fps: 5 };
    expect(await ask('GET', '/api/streams/camera/definition')).toEqual({ status: 200, body: { definition: shown, persisted: false } });
    expect(await ask('PATCH', '/api/streams/camera', { ...shown, fps: null })).toMatchObject({ status: 200 });
    expect(await ask('GET', '/api/streams/camera/definition')).toMatchObject({ body: { definition: { id: 'camera', source: shown.source } } });
    expect(await ask('PATCH', '/api/streams/camera', { source: 'rtsp://***@127.0.0.1:9/other' })).toMatchObject({ status: 400, body: { error: { problems: [{ path: 'source' }] } } });
    expect(JSON.stringify(await statusOf('camera'))).not.toContain('hunter22');
  });
});

describe('a change that is written back', () => {
  it('is one file a stream, in which comments and references stay, and which goes with the stream', async () => {
    const streamsFolder = await mkdtemp(join(folder, 'streams-'));
    const file = join(streamsFolder, 'b.yaml');
    const { ask } = await runService({ roots: [join(folder, 'videos')] }, {}, { streamsFolder });
    const source = join(folder, 'videos', 'a.mp4');
    expect(await ask('POST', '/api/streams?persist=true', { id: 'b', name: '${HOME}', source })).toMatchObject({ status: 201 });
    // What came over the API refers to nothing.
    expect(await readFile(file, 'utf8')).toBe(`name: $\${HOME}\nsource: ${source}\n`);
    await writeFile(file, `# the back door\nname: $\${HOME} # as it is\nsource: ${source}\n`);
    expect(await ask('PATCH', '/api/streams/b?persist=true', { fps: 5 })).toMatchObject({ status: 200, body: { name: '${HOME}' } });
    expect(await readFile(file, 'utf8')).toBe(`# the back door\nname: $\${HOME} # as it is\nsource: ${source}\nfps: 5\n`);
    expect(await ask('GET', '/api/streams/b/definition')).toMatchObject({ body: { persisted: true, definition: { fps: 5 } } });
    expect(await ask('DELETE', '/api/streams/b?persist=true')).toEqual({ status: 204, body: null });
    expect(await readdir(streamsFolder)).toEqual([]);
  });

  it('is refused in words where there is no folder, and nothing changes', async () => {
    const { ask } = await runService({ roots: [join(folder, 'videos')] }, {}, { streamsFolder: join(folder, 'nowhere') });
    const source = join(folder, 'videos', 'a.mp4');
    expect(await ask('POST', '/api/streams?persist=true', { id: 'c', source })).toMatchObject({ status: 409, body: { error: { code: 'not-writable', message: expect.stringContaining('there is no streams folder') as string } } });
    expect(await ask('GET', '/api/streams')).toEqual({ status: 200, body: { streams: [] } });
  });
});
