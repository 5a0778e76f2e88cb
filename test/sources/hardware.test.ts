import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { letterbox } from '../../src/core/geometry.js';
import type { FfmpegTools } from '../../src/ffmpeg/tools.js';
import { decodeArguments, hwaccelOptions } from '../../src/sources/run/decode-arguments.js';
import { FramePools } from '../../src/sources/frames/frame-pools.js';
import { openRun } from '../../src/sources/run/open-run.js';
import type { SourceInfo } from '../../src/sources/opening/probe-source.js';
import type { PathLocation } from '../../src/sources/opening/source-location.js';
import { SourceWay } from '../../src/sources/opening/source-way.js';
import { numberedClip } from '../helpers/clips.js';
import { sourceHarness, upTo } from '../helpers/source-harness.js';
import { shellProgram, standInFfmpeg } from '../helpers/stand-in-ffmpeg.js';
import { until } from '../helpers/until.js';

/** Hardware is not at hand where tests run: what is composed for it, and what happens where there is none, with the real ffmpeg and with a stand-in. */

const { folder, tools, watch, readAll } = sourceHarness();

const SIZE = { widthPx: 64, heightPx: 48 };
const MODEL = { widthPx: 32, heightPx: 32 };
const info: SourceInfo = {
  size: SIZE, orientation: { filters: [], swapsSides: false }, codecName: 'h264', container: 'rtsp', hasAlpha: false, timeBase: { num: 1, den: 90_000 },
  declaredFps: { num: 25, den: 1 }, durationMs: null, durationIsExact: false, frameCount: null, startPtsMs: 0,
};
const programs: FfmpegTools = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', setpriv: false, version: { major: 5, minor: 1 } };

function argumentsFor(hwaccel: string | null, device: string | null = null): string {
  return decodeArguments({
    tools: programs, location: { kind: 'rtsp', url: 'rtsp://camera/', displayName: 'rtsp://camera/', secrets: [] }, info, route: { input: 'rtsp://127.0.0.1:1/x', environment: {} }, letterbox: letterbox(SIZE, MODEL),
    displaySize: SIZE, transport: 'tcp', timeoutMs: 5000, fps: null, hwaccel, hwaccelDevice: device, threads: 1, maxPixels: 1e6, gridStartMs: null, realtime: false, live: true, byArrival: false, loop: false, seekMs: null,
    modelFd: 0, displayFd: 1, timestampsFd: 3,
  }).join(' ');
}

describe('hardware decoding', () => {
  it.each([
    ['auto', null, 'h264', '-hwaccel auto'],
    ['cuda', '1', 'hevc', '-hwaccel cuda -hwaccel_device 1'],
    ['vaapi', '/dev/dri/renderD129', 'h264', '-hwaccel vaapi -hwaccel_device /dev/dri/renderD129'],
    ['qsv', null, 'h264', '-hwaccel qsv'],
    ['videotoolbox', null, 'h264', '-hwaccel videotoolbox'],
    ['v4l2m2m', null, 'hevc', '-c:v hevc_v4l2m2m'],
    [null, null, 'h264', ''],
  ])('is told to ffmpeg in its own words: %s', (name, device, codec, expected) => {
    expect(hwaccelOptions(name, device, codec).join(' ')).toBe(expected);
  });

  it('stands before the input, and frames come back to memory for the filters', () => {
    const text = argumentsFor('vaapi', '/dev/dri/renderD128');
    expect(text.indexOf('-hwaccel vaapi -hwaccel_device /dev/dri/renderD128')).toBeLessThan(text.indexOf(' -i '));
    expect(text.indexOf('-hwaccel')).toBeGreaterThan(0);
    expect(text).not.toContain('-hwaccel_output_format');
    expect(argumentsFor(null)).not.toContain('hwaccel');
  });

  it.each(['live', 'replay'] as const)('that this machine does not have is followed by software, with the reason: %s', async (mode) => {
    const { source, frames } = watch(await numberedClip({ name: 'plain50.mp4', frames: 50 }), { mode, hwaccel: 'cuda' });
    source.start();
    source.request(Infinity);
    await until(() => source.status.state === 'ended', { timeoutMs: 15_000 });
    expect(frames.map(({ display }) => display)).toEqual(upTo(50));
    expect(source.status).toMatchObject({ error: null, restarts: 1 });
    expect(source.status.decoder).toMatch(/^software \(cuda failed: .+\)$/u);
  });

  it('is chosen by ffmpeg itself with auto, software included', async () => {
    const { source, frames } = await readAll(await numberedClip({ name: 'plain50.mp4', frames: 50 }), { hwaccel: 'auto' });
    expect(frames.map(({ display }) => display)).toEqual(upTo(50));
    expect(source.status).toMatchObject({ error: null, restarts: 0, decoder: 'auto' });
  });

  it('that is there is kept: a stand-in takes the decoder it is told to', async () => {
    const clip = await numberedClip({ name: 'plain50.mp4', frames: 50 });
    const standIn = await standInFfmpeg(folder(), { displaySize: { widthPx: 160, heightPx: 96 }, modelSize: { widthPx: 128, heightPx: 128 }, ticksPerFrame: 512, runs: [{ frames: 50, intervalMs: 1 }] });
    const { source, frames } = await readAll(clip, { hwaccel: 'v4l2m2m', tools: { ...tools(), ffmpegPath: standIn.path } });
    expect(frames.map(({ display }) => display)).toEqual(upTo(50));
    expect(source.status.decoder).toBe('v4l2m2m');
    const [run] = await standIn.runs();
    expect(run?.args.join(' ')).toContain('-c:v h264_v4l2m2m');
  });
});

describe('a camera at this machine', () => {
  it('is opened by v4l2 with low delay, its frames come through, and it is given back', async () => {
    const standIn = await standInFfmpeg(folder(), { displaySize: SIZE, modelSize: MODEL, ticksPerFrame: 40_000, runs: [{ frames: 10, then: 'hang' }] });
    const stream = { index: 0, codec_name: 'rawvideo', width: 64, height: 48, time_base: '1/1000000', r_frame_rate: '25/1', avg_frame_rate: '25/1' };
    const log = join(folder(), 'ffprobe-arguments');
    const probe = await shellProgram(join(folder(), 'ffprobe'), `echo "$@" >> '${log}'`, `echo '${JSON.stringify({ streams: [stream], format: { format_name: 'video4linux2,v4l2' } })}'`);
    const standIns = { ...tools(), ffmpegPath: standIn.path, ffprobePath: probe };
    // Any device that can be read: the stand-ins do not look at it.
    const location: PathLocation = { kind: 'device', path: '/dev/null', displayName: '/dev/video0', secrets: [] };
    const options = { streamId: 'test', source: '/dev/video0', mode: 'live', fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: 5000, modelInputSize: MODEL, tools: standIns } as const;
    const source = { ...options, demoClip: () => Promise.reject(new Error('not asked for')), log: (await import('pino')).pino({ level: 'silent' }) };
    const times: number[] = [];
    const run = await openRun({
      source, location, way: new SourceWay(source), pools: new FramePools(8), signal: new AbortController().signal,
      plan: () => ({ modelInputSize: MODEL, loop: false, hwaccel: null, gridStartMs: null, seekMs: null }),
      onReady: () => {
        for (let frame = run.take(times.length); frame !== undefined; frame = run.take(times.length)) {
          times.push(frame.ptsMs);
          frame.release();
        }
      },
      onError: (error) => { throw error; },
    });
    await until(() => times.length === 10);
    expect(times).toEqual(upTo(10).map((n) => n * 40));
    await run.close();
    expect(run.reader.pid).toBeDefined();
    const [facts] = await standIn.runs();
    expect(facts?.args.join(' ')).toMatch(/-f v4l2 .*-flags low_delay .*-i \/dev\/null /u);
  });

  it('says that it is not there, and is tried again: somebody may plug it in', async () => {
    const { source } = watch('/dev/video987', { mode: 'live' });
    source.start();
    await until(() => source.status.error !== null);
    expect(source.status).toMatchObject({ state: 'reconnecting', error: { code: 'source-open', message: '/dev/video987: no such device: is the camera plugged in?' } });
  });
});
