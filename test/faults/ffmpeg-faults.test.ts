import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { BulkPipe } from '../../src/ffmpeg/bulk-pipe.js';
import { findFfmpeg } from '../../src/ffmpeg/tools.js';
import { retryPlan } from '../../src/sources/live/backoff.js';
import { numberedClip } from '../helpers/clips.js';
import { runCommand } from '../helpers/command.js';
import { freePort } from '../helpers/rtsp-camera.js';
import { runs, sourceHarness, upTo, type Watched } from '../helpers/source-harness.js';
import { shellProgram, standInFfmpeg } from '../helpers/stand-in-ffmpeg.js';
import { until } from '../helpers/until.js';
import { cpuMs, measuringFor } from './figures.js';
import { report } from './report.js';

/** What may happen to ffmpeg, with the targets of the fault list (F2b, F4, F5, F9). */

const { watch, tools, folder } = sourceHarness();

const SIZES = { displaySize: { widthPx: 160, heightPx: 96 }, modelSize: { widthPx: 128, heightPx: 128 }, ticksPerFrame: 512 };
const MODEL_BYTES = 3 * 128 * 128;
const DISPLAY_BYTES = 4 * 160 * 96;

const clip = (): Promise<string> => numberedClip({ name: 'stand-in.mp4', frames: 50 });

describe('F5: a machine', () => {
  it('without ffmpeg, with one that is too old or does not run says so at once', async () => {
    const programs = {
      missing: join(folder(), 'no-ffmpeg'),
      old: await shellProgram(join(folder(), 'old-ffmpeg'), 'echo "ffmpeg version 3.4.8-0ubuntu0.2"'),
      broken: await shellProgram(join(folder(), 'broken-ffmpeg'), 'echo "libavutil.so.57: cannot open shared object file" >&2', 'exit 127'),
    };
    const words = { missing: /not installed or not in PATH: install it with/u, old: /version 3\.4, but 4\.0 or newer is needed: update ffmpeg/u, broken: /does not run \(libavutil\.so\.57: cannot open/u };
    const figures: Record<string, number> = { 'target ms': 1000 };
    for (const [name, ffmpegPath] of Object.entries(programs)) {
      const startMs = performance.now();
      await expect(findFfmpeg({ ffmpegPath })).rejects.toThrow(words[name as keyof typeof words]);
      figures[`${name} ms`] = performance.now() - startMs;
      expect(figures[`${name} ms`]).toBeLessThan(1_000);
    }
    report('F5 no usable ffmpeg', figures);
  });

  it('without ffmpeg ends `serve` with 1 and one line that says what to do', async () => {
    const empty = join(folder(), 'empty');
    await mkdir(empty);
    const end = await runCommand(['serve', '--port', '0'], { cwd: empty, env: { PATH: empty } });
    expect(end.exitCode).toBe(1);
    expect(end.stderr.trim().split('\n')).toEqual([expect.stringMatching(/^ff(?:mpeg|probe) is not installed or not in PATH: install it with `apt-get install ffmpeg`/u)]);
  });

  it('whose ffmpeg is older than 5 gets the old name of the time limit, and one that knows neither name says which', async () => {
    const seen = join(folder(), 'arguments');
    const program = await shellProgram(join(folder(), 'stub-ffprobe'), `echo "$@" >> '${seen}'`, 'echo "Unrecognized option \'timeout\'." >&2', 'echo "Error splitting the argument list: Option not found" >&2', 'exit 1');
    for (const [major, option] of [[4, '-stimeout 5000000'], [5, '-timeout 5000000']] as const) {
      const startMs = performance.now();
      const { source } = watch('rtsp://127.0.0.1:9/stream', { mode: 'live', tools: { ...tools(), ffprobePath: program, version: { major, minor: 0 } } });
      source.start();
      await until(() => source.status.error !== null);
      expect(performance.now() - startMs).toBeLessThan(1_000);
      expect((await readFile(seen, 'utf8')).trim().split('\n').at(-1)).toContain(` ${option} `);
      expect(source.status).toMatchObject({ state: 'reconnecting', error: { code: 'source-open', message: expect.stringContaining('Option not found') as string, log: expect.arrayContaining(["Unrecognized option 'timeout'."]) as string[] } });
      await source.close();
    }
  });
});

describe('F4: a source that cannot be read', () => {
  it('is tried at most five more times in a minute, then each half minute, whatever chance says', () => {
    for (const random of [0, 0.25, 0.5, 0.75, 0.999_999]) {
      const waits = upTo(20).map((n) => retryPlan({ reason: 'backoff', attempt: n + 1, early: 0 }, random).delayMs);
      const sixthMs = waits.slice(0, 6).reduce((sum, waitMs) => sum + waitMs, 0);
      expect(sixthMs).toBeGreaterThanOrEqual(60_000);
      expect(Math.max(...waits)).toBeLessThanOrEqual(30_000);
    }
  });

  it.each(['gone', 'garbage'] as const)('costs next to nothing while it is tried again and again: %s', async (kind) => {
    const noise = Buffer.from(upTo(300_000).map((n) => (n * n) % 251));
    const garbage = createServer((_request, response) => { response.writeHead(200, { 'content-type': 'video/mp2t' }).end(noise); }).listen(0, '127.0.0.1');
    await once(garbage, 'listening');
    const url = kind === 'gone' ? `rtsp://127.0.0.1:${String(await freePort())}/stream` : `http://127.0.0.1:${String((garbage.address() as AddressInfo).port)}/live.ts`;
    const { source } = watch(url, { mode: 'live' });
    source.start();
    await until(() => source.status.state === 'reconnecting');
    const [cpuBeforeMs, startMs] = [cpuMs(), performance.now()];
    await measuringFor(17_000);
    const usedMs = cpuMs() - cpuBeforeMs;
    const { restarts, state, error } = source.status;
    await source.close();
    garbage.close();
    const figures = { 'CPU % of a core in the first 17 s': (usedMs / (performance.now() - startMs)) * 100, 'restarts meanwhile': restarts, 'CPU % in the busiest minute': ((usedMs / restarts) * 5 * 100) / 60_000, 'target %': 2 };
    report(`F4 camera that is ${kind}`, figures);
    expect(restarts).toBeGreaterThanOrEqual(3);
    expect(restarts).toBeLessThanOrEqual(4);
    expect(figures['CPU % in the busiest minute']).toBeLessThan(2);
    expect(state).toBe('reconnecting');
    expect(error?.message).toMatch(kind === 'gone' ? /connection refused/u : /not a video that can be read/u);
  });

  it('because its ffmpeg ends at once is paced as well, and shows what ffmpeg said last, without secrets', async () => {
    const stderr = [...upTo(30).map((n) => `[mpegts @ 0x5581] line ${String(n)}`), '[error] rtsp://admin:Zq7-hidden@camera.example/stream: Invalid data found when processing input'];
    const standIn = await standInFfmpeg(folder(), { ...SIZES, runs: [{ stderr, exitCode: 1 }] });
    const { source, states } = watch(await clip(), { mode: 'live', loop: true, backoffScale: 0.05, tools: { ...tools(), ffmpegPath: standIn.path } });
    source.start();
    // A minute at a twentieth.
    await measuringFor(3_000);
    const { error, state, restarts } = source.status;
    report('F4 ffmpeg ends at once', { 'restarts in a minute': restarts, target: 5 });
    expect(restarts).toBeLessThanOrEqual(5);
    expect(restarts).toBeGreaterThanOrEqual(2);
    expect(state).toBe('reconnecting');
    expect(error).toMatchObject({ code: 'source-exited', message: expect.stringContaining('ffmpeg ended with 1: not a video that can be read') as string });
    expect(error?.log).toHaveLength(20);
    expect(error?.log?.slice(-2)).toEqual(['[mpegts @ 0x5581] line 29', expect.stringMatching(/^\[error\] rtsp:\/\/\*\*\*@camera\.example\/stream: Invalid data/u)]);
    expect(JSON.stringify(states)).not.toContain('Zq7');
  });
});

describe('F2b: an output of ffmpeg', () => {
  afterEach(() => { vi.restoreAllMocks(); });

  /** Waits until the watchdog has spoken, then until frames come again. */
  async function alarm({ source, frames, states }: Watched, sinceMs: () => number): Promise<{ readonly alarmMs: number; readonly recoveredMs: number; readonly message: string }> {
    const error = await until(() => states.find(({ state }) => state === 'reconnecting')?.error ?? null, { timeoutMs: 15_000 });
    const alarmMs = performance.now() - sinceMs();
    const seen = frames.length;
    await until(() => frames.length > seen + 2, { timeoutMs: 15_000 });
    expect(source.status).toMatchObject({ state: 'running', error: null });
    return { alarmMs, recoveredMs: performance.now() - sinceMs(), message: error.message };
  }

  it('that is not read is named, and ffmpeg is replaced', async () => {
    const open = vi.spyOn(BulkPipe, 'open');
    const watched = watch(await clip(), { mode: 'live', loop: true });
    watched.source.start();
    await until(() => watched.frames.length >= 25);
    const { pid } = watched.source;
    // The second of a run.
    const pipe = (await open.mock.results[1]?.value) as BulkPipe;
    pipe.pause();
    const pausedMs = performance.now();
    const { message, ...figures } = await alarm(watched, () => pausedMs);
    report('F2b a pipe that nobody reads', { ...figures, 'target ms': 6_000 });
    expect(message).toMatch(/no frame for \d\.\d s: of ffmpeg's outputs only the picture stopped/u);
    expect(figures.alarmMs).toBeLessThan(6_000);
    expect(runs(pid)).toBe(false);
  });

  it('that falls silent is named and does not hold up the others', async () => {
    const cases = [
      { only: ['model', 'times'], named: 'only the picture stopped', intervalMs: 40 },
      { only: ['display', 'times'], named: "only the model's input stopped", intervalMs: 40 },
      { only: ['model', 'display'], named: 'only the times stopped', intervalMs: 40 },
      // So many that there are no buffers left before a frame is overdue.
      { only: ['model', 'times'], named: 'only the picture stopped', intervalMs: 4 },
    ] as const;
    const source = await clip();
    await Promise.all(cases.map(async ({ only, named, intervalMs }) => {
      const run = { frames: 5_000, intervalMs };
      const standIn = await standInFfmpeg(folder(), { ...SIZES, runs: [{ ...run, only, onlyAfter: 25 }, run] });
      const arrivals: number[] = [];
      const watched = watch(source, { mode: 'live', loop: true, tools: { ...tools(), ffmpegPath: standIn.path } }, (frame) => {
        arrivals.push(performance.now());
        frame.release();
      });
      watched.source.start();
      const { message, ...figures } = await alarm(watched, () => arrivals[24] ?? Infinity);
      const [first] = await standIn.runs();
      report(`F2b ${named}, a frame each ${String(intervalMs)} ms`, { ...figures, 'target ms': 6_000, "the others' longest stall ms": first?.slowestMs ?? Infinity, 'target for it ms': 1_000 });
      expect(message).toContain(named);
      expect(figures.alarmMs).toBeLessThan(6_000);
      expect(first?.slowestMs).toBeLessThan(1_000);
      expect(watched.frames.slice(0, 25).map(({ display }) => display)).toEqual(upTo(25));
    }));
  });
});

describe('F9: an ffmpeg that ends in the middle of a frame', () => {
  it('leaves nothing behind: the next one begins with a whole frame, and no frame is put together from two', async () => {
    const tails = [
      { model: MODEL_BYTES - 1, display: DISPLAY_BYTES - 1 }, { model: 1 }, { display: 1 }, { model: MODEL_BYTES }, { display: DISPLAY_BYTES }, { times: 100 }, { times: 7 },
      { model: MODEL_BYTES, times: 100 }, { display: DISPLAY_BYTES, times: 100, model: MODEL_BYTES / 2 }, { model: 30_001, display: 44_444, times: 3 },
    ];
    const starts = tails.map((_, run) => (run + 1) * 37);
    const broken = tails.map((partial, run) => ({ from: starts[run] ?? 0, frames: 5, intervalMs: 1, partial, exitCode: run % 2 }));
    const standIn = await standInFfmpeg(folder(), { ...SIZES, runs: [...broken, { from: 600, frames: 300, intervalMs: 2, then: 'hang' }] });
    const { source, frames } = watch(await clip(), { mode: 'live', loop: true, backoffScale: 0.01, tools: { ...tools(), ffmpegPath: standIn.path } });
    source.start();
    await until(() => frames.length >= 5 * tails.length + 300, { timeoutMs: 30_000 });
    const expected = [...starts.flatMap((start) => upTo(5).map((n) => start + n)), ...upTo(300).map((n) => 600 + n)];
    const misaligned = frames.filter(({ display, model, ptsMs }) => display !== model || ptsMs !== display * 40).length;
    report('F9 short last frame', { 'ways to end': tails.length, frames: frames.length, misaligned, target: 0 });
    expect(frames.map(({ display }) => display)).toEqual(expected);
    expect(misaligned).toBe(0);
    expect(frames.map(({ seq }) => seq)).toEqual(upTo(frames.length));
  });
});
