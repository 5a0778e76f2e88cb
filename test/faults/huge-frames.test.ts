import { copyFile, mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FrameBudget } from '../../src/sources/frames/frame-budget.js';
import type { SourceAccess } from '../../src/sources/opening/source-access.js';
import { generated, numberedClip } from '../helpers/clips.js';
import { descendantsOf } from '../helpers/processes.js';
import { runService, type RunningService } from '../helpers/running-service.js';
import { sourceHarness, upTo } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';
import { report } from './report.js';

/** F34: pictures so large that they would take all memory, and more streams than there is memory for. */

const MB = 1024 * 1024;
const PICTURE_MB = (16_000 * 16_000 * 3) / MB;
const { watch } = sourceHarness();
const access: SourceAccess = { network: { kind: 'configured' }, roots: null, maxSidePx: 8192, maxPixels: 40_000_000 };

let folder: string;
beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'sightline-huge-')));
  await mkdir(join(folder, 'images'));
  const huge = ['-f', 'lavfi', '-i', 'color=red:s=16000x16000:r=5', '-frames:v', '1'];
  const jpeg = await generated('huge.jpg', [...huge, '-q:v', '31']);
  const h264 = await generated('huge.mp4', [...huge, '-c:v', 'libx264', '-preset', 'ultrafast']);
  const small = await numberedClip({ name: 'small-first.mp4', widthPx: 320, heightPx: 192, frames: 50, options: ['-bf', '0'] });
  const parts = await Promise.all([small, h264].map(async (path, index) => readFile(await generated(`part${String(index)}.ts`, ['-i', path, '-c', 'copy', '-f', 'mpegts']))));
  await Promise.all([
    copyFile(jpeg, join(folder, 'images', 'huge.jpg')), copyFile(h264, join(folder, 'huge.mp4')), copyFile(await generated('huge.mkv', ['-i', jpeg, '-c', 'copy']), join(folder, 'huge.mkv')),
    copyFile(await generated('huge.png', huge), join(folder, 'images', 'huge.png')), writeFile(join(folder, 'small-then-huge.ts'), Buffer.concat(parts)),
    copyFile(await numberedClip({ name: 'wide.mp4', widthPx: 8194, heightPx: 16, frames: 2 }), join(folder, 'wide.mp4')), copyFile(small, join(folder, 'small.mp4')),
  ]);
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

const path = (name: string): string => join(folder, name);

/** Most memory that a program of this name below this one has held, bytes, looked at for as long as `work` takes. */
async function peakWhile(work: Promise<unknown>, program: 'ffmpeg' | 'ffprobe'): Promise<number> {
  let [peak, isDone] = [0, false];
  void work.catch(() => undefined).then(() => { isDone = true; });
  await until(async () => {
    for (const { pid, command } of await descendantsOf(process.pid)) {
      if (!command.startsWith(`${program} `)) continue;
      const status = await readFile(`/proc/${String(pid)}/status`, 'utf8').catch(() => ''); // gone meanwhile
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+) kB/mu.exec(status)?.[1] ?? 0) * 1024);
    }
    return isDone;
  }, { timeoutMs: 60_000 });
  await work;
  return peak;
}

async function settled({ statusOf }: RunningService, id: string): Promise<Awaited<ReturnType<RunningService['statusOf']>>> {
  return until(async () => {
    const now = await statusOf(id);
    return now.error !== null || ['running', 'paused', 'ended'].includes(now.state) ? now : null;
  }, { timeoutMs: 30_000 });
}

describe('F34: a picture of 16000x16000', () => {
  it.each([
    ['images/huge.jpg', {}, /16000x16000 is too large, at most 8192 pixels a side and 40 megapixels/u],
    ['images/huge.png', {}, /16000x16000 is too large/u],
    ['huge.mp4', {}, /16000x16000 is too large/u],
    ['huge.mkv', {}, /16000x16000 is too large/u],
    ['wide.mp4', {}, /8194x16 is too large, at most 8192 pixels a side/u],
    ['small.mp4', { maxSidePx: 319 }, /320x192 is too large, at most 319 pixels a side/u],
    ['small.mp4', { maxMegapixels: 0.06 }, /320x192 is too large, at most 8192 pixels a side and 0.06 megapixels/u],
    ['small.mp4', { maxSidePx: 320, maxMegapixels: 0.06144 }, null],
  ])('or what else is beyond the limits is refused, whatever it is in: %s, %j', async (name, limits, words) => {
    const running = await runService({ roots: [folder], ...limits });
    expect(await running.ask('POST', '/api/streams', { id: 'huge', source: path(name) })).toMatchObject({ status: 201 });
    const { state, error, counters } = await settled(running, 'huge');
    if (words === null) {
      expect(error).toBeNull();
    } else {
      expect([state, error?.code, counters.decoded]).toEqual(['failed', 'source-open', 0]);
      expect(error?.message).toMatch(words);
    }
  });

  // ffprobe decodes a picture in order to learn its pixel format: without a limit it takes 660 to 800 MB.
  it.each(['huge.mp4', 'images/huge.png'])('is refused before any program makes room for it: %s', async (name) => {
    const { source } = watch(path(name), { access });
    source.start();
    const peak = await peakWhile(until(() => source.status.state === 'failed', { timeoutMs: 30_000 }), 'ffprobe');
    report(`F34 ${name}`, { 'ffprobe MB': peak / MB, 'one such picture MB': PICTURE_MB });
    expect(source.status.error?.message).toMatch(/too large/u);
    expect(peak).toBeLessThan(300 * MB);
  });

  it.each(['live', 'replay'] as const)('in mid-stream ends it, after all that came before: %s', async (mode) => {
    const budget = new FrameBudget(500 * MB);
    const { source, frames } = watch(path('small-then-huge.ts'), { mode, access, budget });
    source.start();
    source.request(Infinity);
    const peak = await peakWhile(until(() => ['ended', 'failed', 'reconnecting'].includes(source.status.state), { timeoutMs: 30_000 }), 'ffmpeg');
    expect(frames.slice(0, 50).map(({ display }) => display)).toEqual(upTo(50));
    expect(frames).toHaveLength(50);
    expect(source.status.error).not.toBeNull();
    report(`F34 huge picture in mid-stream, ${mode}`, { 'ffmpeg MB': peak / MB, 'one such picture MB': PICTURE_MB });
    // Each thread of the decoder makes tables for the new size (100 MB) before it looks at the limit; a live one has one.
    if (mode === 'live') expect(peak).toBeLessThan(300 * MB);
    await source.close();
    expect(budget.usedBytes).toBe(0);
  });
});

describe('F34: more streams than there is memory for', () => {
  it('are refused for now, and taken in when others have gone', async () => {
    // Two of these fit: each takes 55 MB for its decoder, and its frames.
    const running = await runService({ roots: [folder], maxFrameMemoryMb: 150 });
    const add = (id: string): Promise<{ readonly status: number }> => running.ask('POST', '/api/streams', { id, source: path('small.mp4'), mode: 'live', loop: true });
    for (const id of ['one', 'two']) {
      await add(id);
      expect(await settled(running, id)).toMatchObject({ state: 'running', error: null });
    }
    await add('three');
    expect(await settled(running, 'three')).toMatchObject({ state: 'reconnecting', error: { code: 'source-open', message: expect.stringMatching(/not enough memory for frames: this stream needs \d+ MB and \d+ of 150 MB are left/u) as string } });
    expect((await running.statusOf('one')).state).toBe('running');
    await running.ask('DELETE', '/api/streams/one');
    await until(async () => (await running.statusOf('three')).state === 'running', { timeoutMs: 20_000, what: 'the third stream to be taken in' });
    expect(await running.statusOf('three')).toMatchObject({ error: null });
  });
});
