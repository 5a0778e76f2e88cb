import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { numberedClip, generated } from '../helpers/clips.js';
import { FileServer } from '../helpers/file-server.js';
import { sourceHarness, upTo } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';

const { watch, readAll } = sourceHarness();
const run = promisify(execFile);

let folder: string;
let server: FileServer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-http-'));
  server = await FileServer.start(folder);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});
afterEach(() => { server.answers.clear(); });

/** Makes an HLS playlist of one-second segments, `frames` frames at 25 a second. */
async function hls(name: string, frames: number): Promise<void> {
  const clip = await numberedClip({ name: `${name}.mp4`, frames, options: ['-g', '25', '-keyint_min', '25', '-sc_threshold', '0'] });
  await run('ffmpeg', ['-loglevel', 'error', '-y', '-i', clip, '-c', 'copy', '-f', 'hls', '-hls_time', '1', '-hls_list_size', '0', '-hls_segment_filename', join(folder, `${name}-%d.ts`), join(folder, `${name}.m3u8`)]);
}

/** Sends a file over so much time, for as long as somebody reads. */
async function play(bytes: Buffer, durationMs: number, response: ServerResponse): Promise<void> {
  const startMs = performance.now();
  for (let sent = 0; sent < bytes.length && !response.closed; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const due = Math.min(bytes.length, Math.ceil((bytes.length * (performance.now() - startMs)) / durationMs));
    response.write(bytes.subarray(sent, due));
    sent = due;
  }
}

describe('a source on the web', () => {
  it.each(['mp4', 'ts', 'mkv'])('is replayed like a file, every frame of it, and can be gone through: %s', async (extension) => {
    const clip = await numberedClip({ name: `web.${extension}`, frames: 100, options: ['-g', '25'] });
    await copyFile(clip, join(folder, `web.${extension}`));
    const { frames, source } = await readAll(server.url(`web.${extension}`));
    expect(frames.map(({ display }) => display)).toEqual(upTo(100));
    source.seek({ positionMs: 2000 });
    source.request(1);
    await until(() => frames.length > 100);
    expect(frames[100]).toMatchObject({ display: 50, model: 50 });
  });

  it('plays at its own pace as a camera does, and ends', async () => {
    await copyFile(await numberedClip({ name: 'web.mp4', frames: 100, options: ['-g', '25'] }), join(folder, 'web.mp4'));
    const startMs = performance.now();
    const { source, frames } = watch(server.url('web.mp4'), { mode: 'live' });
    source.start();
    await until(() => source.status.state === 'ended', { timeoutMs: 10_000 });
    expect(frames.map(({ display }) => display)).toEqual(upTo(100));
    expect(performance.now() - startMs).toBeGreaterThan(3_500);
  });

  it('may be a recording in HLS, every frame of it', async () => {
    await hls('vod', 100);
    const { frames, source } = await readAll(server.url('vod.m3u8'));
    expect(source.status).toMatchObject({ state: 'ended', error: null });
    expect(frames.map(({ display }) => display)).toEqual(upTo(100));
  });

  it('may be HLS that goes on: frames come at their pace from the newest segment on, and its silence is judged by the length of its segments', async () => {
    await hls('live', 250);
    const segments = (await readdir(folder)).filter((name) => /^live-\d+\.ts$/u.test(name)).length;
    const whole = await readFile(join(folder, 'live.m3u8'), 'latin1');
    const head = whole.slice(0, whole.indexOf('#EXTINF')).replace('#EXT-X-PLAYLIST-TYPE:VOD\n', '');
    const startMs = performance.now();
    let frozen = false;
    let known = 4;
    // A playlist that has one segment more each second, until the camera falls silent.
    server.answers.set('live.m3u8', (_request, response) => {
      if (!frozen) known = Math.min(segments, 4 + Math.floor((performance.now() - startMs) / 1000));
      response.setHeader('content-type', 'application/vnd.apple.mpegurl').end(`${head}${upTo(known).map((n) => `#EXTINF:1.0,\nlive-${String(n)}.ts\n`).join('')}`);
      return true;
    });
    const { source, frames } = watch(server.url('live.m3u8'), { mode: 'live' });
    source.start();
    await until(() => frames.length >= 60, { timeoutMs: 15_000 });
    const firstAt = frames[0]?.display ?? 0;
    expect(firstAt).toBeGreaterThanOrEqual(75);
    expect(frames.map(({ display }) => display)).toEqual(upTo(frames.length).map((n) => n + firstAt));
    frozen = true;
    const frozenMs = performance.now();
    let lastMs = frozenMs;
    let seen = frames.length;
    await until(() => {
      if (frames.length > seen) [seen, lastMs] = [frames.length, performance.now()];
      return source.status.state === 'reconnecting';
    }, { timeoutMs: 15_000 });
    expect(source.status.error).toMatchObject({ code: 'source-stalled' });
    // Three target durations of a second each are more than the two seconds of other sources.
    expect(performance.now() - lastMs).toBeGreaterThan(2_900);
    expect(performance.now() - lastMs).toBeLessThan(5_000);
  });

  it('may be an MJPEG camera, whose frames are told by their arrival', async () => {
    const path = await generated('camera.mjpeg', ['-f', 'lavfi', '-i', 'testsrc=s=160x96:r=10', '-frames:v', '400', '-f', 'mpjpeg', '-boundary_tag', 'ffmpeg']);
    const bytes = await readFile(path);
    // Ten pictures a second, as cameras send them.
    server.answers.set('camera.mjpeg', (_request, response) => {
      response.writeHead(200, { 'content-type': 'multipart/x-mixed-replace;boundary=ffmpeg' });
      const parts = bytes.toString('latin1').split(/(?=--ffmpeg\r\n)/u);
      let next = 0;
      const timer = setInterval(() => { response.write(Buffer.from(parts[next++ % parts.length] ?? '', 'latin1')); }, 100);
      response.once('close', () => { clearInterval(timer); });
      return true;
    });
    const { source, frames } = watch(server.url('camera.mjpeg'), { mode: 'live' });
    source.start();
    await until(() => frames.length >= 40, { timeoutMs: 15_000 });
    expect(source.status).toMatchObject({ state: 'running', declaredFps: null });
    const intervals = frames.slice(11).map(({ ptsMs }, index) => ptsMs - (frames[index + 10]?.ptsMs ?? 0));
    const middle = [...intervals].sort((a, b) => a - b)[Math.floor(intervals.length / 2)];
    expect(middle).toBeGreaterThan(80);
    expect(middle).toBeLessThan(120);
  });

  it('goes on within a second or two when it changes its codec in mid-stream', async () => {
    const first = await numberedClip({ name: 'codec-a.ts', frames: 75, options: ['-bf', '0', '-g', '25'] });
    const second = await numberedClip({ name: 'codec-b.ts', frames: 500, widthPx: 192, heightPx: 96, options: ['-c:v', 'mpeg2video', '-pix_fmt', 'yuv420p', '-q:v', '2', '-bf', '0'] });
    const [before, after] = await Promise.all([readFile(first), readFile(second)]);
    // Whoever comes back finds the camera as it is by then.
    let changed = false;
    server.answers.set('camera.ts', (_request, response) => {
      void (async () => {
        if (!changed) await play(before, 3_000, response);
        // ffprobe hangs up when it has seen enough.
        if (response.closed) return;
        changed = true;
        await play(after, 20_000, response);
      })();
      return true;
    });
    let last = performance.now();
    let longestMs = 0;
    const { source, frames, states } = watch(server.url('camera.ts'), { mode: 'live' }, (frame) => {
      if (frame.seq > 10) longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
      frame.release();
    });
    source.start();
    await until(() => frames.length > 60, { timeoutMs: 15_000 });
    await until(() => source.status.restarts === 1 && frames.length > 130, { timeoutMs: 20_000 });
    expect(states.map(({ error }) => error?.message).find((message) => message !== undefined)).toMatch(/can be decoded any more|no frame/u);
    expect(source.status).toMatchObject({ state: 'running', error: null, sourceSize: { widthPx: 192, heightPx: 96 } });
    expect(frames.slice(-20).every(({ display, model }) => display === model)).toBe(true);
    expect(longestMs).toBeLessThan(2_500);
  });
});

describe('HLS', () => {
  it('cannot be had from a file that only looks like a video', async () => {
    await writeFile(join(folder, 'list.mp4'), `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n${server.url('vod-0.ts')}\n`);
    const seen = server.requests.length;
    const { source } = await readAll(join(folder, 'list.mp4'));
    expect(source.status).toMatchObject({ state: 'failed', error: { code: 'source-open' } });
    expect(server.requests.length).toBe(seen);
  });
});
