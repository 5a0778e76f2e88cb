import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { StreamStatus } from '../../src/core/stream-status.js';
import type { FrameHeader } from '../../src/viewers/protocol.js';
import { numberedClip, numberOf } from '../helpers/clips.js';
import { Command, runCommand } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { decodeJpeg } from '../helpers/jpeg.js';
import { descendantsOf, isAlive } from '../helpers/processes.js';
import { until } from '../helpers/until.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-serve-'));
  await mkdir(join(folder, 'streams'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

function serve(...args: string[]): Command {
  const command = new Command(['serve', '--port', '0', ...args], { cwd: folder });
  closers.push(() => command.kill());
  return command;
}

async function backend(): Promise<FakeServing> {
  const serving = await new FakeServing({ detections: [{ classId: 85, score: 0.9, box: [0.25, 0.25, 0.75, 0.75] }] }).start();
  closers.push(() => serving.close());
  return serving;
}

const stream = (name: string, text: string): Promise<void> => writeFile(join(folder, 'streams', name), text);
const status = async (url: string, id: string): Promise<StreamStatus> => (await (await fetch(`${url}/api/streams/${id}`)).json()) as StreamStatus;
const isReady = (url: string) => async () => (await fetch(`${url}/readyz`)).status === 200;

describe('sightline serve', () => {
  it('serves the demo where there is no streams folder, finds its clock, and leaves nothing behind on SIGTERM', async () => {
    await rm(join(folder, 'streams'), { recursive: true });
    const command = serve();
    const url = await command.url();
    expect((await fetch(`${url}/`)).headers.get('content-type')).toMatch(/^text\/html/u);
    await until(isReady(url), { timeoutMs: 40_000 });
    const { streams } = (await (await fetch(`${url}/api/streams`)).json()) as { streams: StreamStatus[] };
    const [demo] = streams;
    if (demo === undefined) throw new Error('no stream');
    expect(demo).toMatchObject({ mode: 'live', source: 'demo:street', widthPx: 1280, heightPx: 720 });
    const headers = await watchFrames(url, demo.id, (seen) => seen.some(({ detections }) => detections.some(({ label }) => label === 'clock')));
    expect(headers.at(-1)?.model?.name).toBe('default');
    const children = await descendantsOf(command.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    command.child.kill('SIGTERM');
    expect(await command.ended()).toMatchObject({ exitCode: 0, signal: null });
    for (const { pid } of children) expect(await isAlive(pid)).toBe(false);
  });

  it.each([
    ['SIGINT', 0],
    ['SIGKILL', null],
  ] as const)('leaves no process behind on %s', async (signal, exitCode) => {
    await stream('demo.yaml', 'source: demo:street\n');
    const command = serve();
    const url = await command.url();
    await until(async () => (await status(url, 'demo')).counters.decoded > 5, { timeoutMs: 30_000 });
    await until(isReady(url), { timeoutMs: 40_000 });
    const children = await descendantsOf(command.pid);
    expect(children.map(({ command: line }) => line).join('\n')).toMatch(/ffmpeg/u);
    expect(children.map(({ command: line }) => line).join('\n')).toMatch(/model-server/u);
    command.child.kill(signal);
    expect((await command.ended()).exitCode).toBe(exitCode);
    await until(async () => (await Promise.all(children.map(({ pid }) => isAlive(pid)))).every((alive) => !alive), { timeoutMs: 5_000 });
  });

  it('restarts the model server when it dies, and shows pictures without detections until then', async () => {
    await stream('demo.yaml', 'source: demo:street\n');
    const command = serve();
    const url = await command.url();
    await until(isReady(url), { timeoutMs: 40_000 });
    const server = (await descendantsOf(command.pid)).find(({ command: line }) => line.includes('model-server'));
    if (server === undefined) throw new Error('no model server');
    process.kill(server.pid, 'SIGKILL');
    await until(async () => (await fetch(`${url}/readyz`)).status === 503);
    const { shown } = (await status(url, 'demo')).counters;
    await until(async () => (await status(url, 'demo')).counters.shown > shown + 10);
    await until(isReady(url), { timeoutMs: 40_000 });
    expect(await isAlive(server.pid)).toBe(false);
  });

  it('shows each frame with its own detections over the socket, the snapshot and the API', async () => {
    const { endpoint } = await backend();
    await stream('clip.yaml', `name: A clip\nsource: ${await numberedClip({ name: 'serve.mp4', widthPx: 320, heightPx: 192, frames: 100 })}\nmode: live\n`);
    const url = await serve('--backend', endpoint).url();
    const frames: { header: FrameHeader; jpeg: Buffer }[] = [];
    await watchFrames(url, 'clip', (seen) => seen.length >= 10, (header, jpeg) => frames.push({ header, jpeg }));
    for (const { header, jpeg } of frames) {
      expect(header).toMatchObject({ stream: 'clip', widthPx: 320, heightPx: 192 });
      const picture = await decodeJpeg(jpeg);
      expect(numberOf(picture)).toBe(header.seq);
      if (header.model === null) continue;
      expect(header.detections).toMatchObject([{ classId: 85, label: 'clock' }]);
      // The box is given in the model's square input; the picture fills its middle: x is the picture's, y is stretched.
      header.detections[0]?.box.forEach((value, index) => {
        expect(value).toBeCloseTo([80, 16, 240, 176][index] ?? Number.NaN, 0);
      });
    }
    const snapshot = await fetch(`${url}/api/streams/clip/snapshot.jpg`);
    expect(snapshot.headers.get('content-type')).toBe('image/jpeg');
    expect(await decodeJpeg(Buffer.from(await snapshot.arrayBuffer()))).toMatchObject({ widthPx: 320, heightPx: 192 });
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/sightline_frames_total\{stream="clip",outcome="shown",reason=""\} \d+/u);
    for (const stage of ['decode', 'queue', 'predict', 'annotate', 'send']) expect(metrics).toMatch(new RegExp(`sightline_stage_seconds_count\\{stage="${stage}"\\} [1-9]`, 'u'));
    expect(metrics).toMatch(/sightline_batch_frames_count [1-9]/u);
    expect(metrics).toContain(`sightline_backend_state{endpoint="${endpoint}",state="ok"} 1`);
    expect(metrics).toMatch(new RegExp(`sightline_backend_calls_total\\{endpoint="${endpoint}",outcome="answered"\\} [1-9]`, 'u'));
    const { backends } = (await (await fetch(`${url}/api/backends`)).json()) as { backends: unknown[] };
    expect(backends).toMatchObject([{ endpoint, state: 'ok', limits: { maxBatchSize: 8, maxInFlightBatches: 2, isReduced: false }, model: { version: '1' } }]);
    const { counters, name, mode } = await status(url, 'clip');
    expect({ name, mode }).toEqual({ name: 'A clip', mode: 'live' });
    const ended = [...Object.values(counters.dropped), ...Object.values(counters.failed)].reduce((a, b) => a + b, 0);
    expect(counters.decoded).toBe(counters.shown + counters.inFlight + ended);
  });

  it('names the port that is taken and ends with 1', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as AddressInfo;
    const end = await runCommand(['serve', '--port', String(port)], { cwd: folder });
    expect(end).toMatchObject({ exitCode: 1, stderr: `127.0.0.1:${String(port)} is in use by another program: stop it, or choose another port with --port\n` });
  });

  it('names a model folder that is not there and ends with 2', async () => {
    const end = await runCommand(['serve', '--port', '0', '--model-dir', 'no/such/models', '--log-level', 'silent'], { cwd: folder });
    expect(end.exitCode).toBe(2);
    expect(end.stderr).toMatch(/no\/such\/models/u);
    expect(end.stderr.trim().split('\n')).toHaveLength(1);
  });

  it('never tells a password', async () => {
    await stream('door.yaml', 'source: rtsp://user:s3cr3t-p%40ss@127.0.0.1:9/stream\n');
    const { endpoint } = await backend();
    const command = serve('--backend', endpoint, '--log-level', 'debug');
    const url = await command.url();
    await until(async () => (await status(url, 'door')).state === 'reconnecting');
    const texts = [JSON.stringify(await status(url, 'door')), await (await fetch(`${url}/metrics`)).text(), command.stdout, command.stderr];
    for (const text of texts) expect(text).not.toMatch(/s3cr3t/u);
    expect(texts[0]).toContain('127.0.0.1:9');
  });
});

/** Subscribes to a stream and acknowledges its frames until `done`; gives the headers. */
async function watchFrames(url: string, id: string, done: (headers: FrameHeader[]) => boolean, onFrame: (header: FrameHeader, jpeg: Buffer) => void = () => undefined): Promise<FrameHeader[]> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, 'sightline.v1');
  closers.push(() => Promise.resolve(socket.terminate()));
  const headers: FrameHeader[] = [];
  socket.on('open', () => {
    socket.send(JSON.stringify({ type: 'subscribe', stream: id, render: 'client' }));
  });
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (!isBinary) return;
    const length = data.readUInt32LE(0);
    const header = JSON.parse(data.subarray(4, 4 + length).toString()) as FrameHeader;
    headers.push(header);
    onFrame(header, data.subarray(4 + length));
    socket.send(JSON.stringify({ type: 'ack', stream: id, seq: header.seq }));
  });
  await until(() => done(headers), { timeoutMs: 40_000 });
  socket.close();
  return headers;
}
