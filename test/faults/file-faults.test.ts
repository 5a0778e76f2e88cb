import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { VideoFrame } from '../../src/core/frames.js';
import { numberedClip } from '../helpers/clips.js';
import { sourceHarness, upTo } from '../helpers/source-harness.js';
import { shellProgram } from '../helpers/stand-in-ffmpeg.js';
import { until } from '../helpers/until.js';
import { isAligned } from './alignment.js';
import { SeededRandom } from './seeded-random.js';
import { measuringFor } from './figures.js';
import { report } from './report.js';

/** What may happen to files, with the targets of the fault list (F6, F7, F8). */

const { watch, readAll, tools, folder } = sourceHarness();

describe('F6: an MP4 whose index is at its end', () => {
  it.each(['replay', 'live'] as const)('and is cut off fails once, in plain words, and is left alone: %s', async (mode) => {
    const bytes = await readFile(await numberedClip({ name: 'index-behind.mp4', frames: 100, widthPx: 320, heightPx: 192 }));
    const path = join(folder(), `no-index-${mode}.mp4`);
    await writeFile(path, bytes.subarray(0, Math.floor(bytes.length * 0.7)));
    const log = join(folder(), `probes-${mode}`);
    const ffprobePath = await shellProgram(join(folder(), `ffprobe-${mode}`), `echo run >> '${log}'`, 'exec ffprobe "$@"');
    const { source, states } = watch(path, { mode, backoffScale: 0.01, tools: { ...tools(), ffprobePath } });
    const startMs = performance.now();
    source.start();
    source.request(Infinity);
    await until(() => source.status.state === 'failed');
    const failedMs = performance.now() - startMs;
    // Long enough for a hundred tries.
    await measuringFor(1_500);
    const tries = (await readFile(log, 'utf8')).trim().split('\n').length;
    report(`F6 index cut off, ${mode}`, { 'failed ms': failedMs, tries, 'target tries': 1 });
    expect(source.status).toMatchObject({ state: 'failed', restarts: 0, error: { code: 'source-open', message: expect.stringMatching(/no-index-\w+\.mp4: not a complete video file \(no index found\)/u) as string } });
    expect(tries).toBe(1);
    expect(states.filter(({ state }) => state === 'failed')).toHaveLength(1);
  });
});

describe('F7: an MP4 whose index is at its beginning', () => {
  it('and is cut off says so, wherever it was cut', async () => {
    const path = await numberedClip({ name: 'index-first.mp4', frames: 100, widthPx: 320, heightPx: 192, filters: 'noise=alls=8:allf=t', options: ['-movflags', '+faststart'] });
    const bytes = await readFile(path);
    const { stdout } = await promisify(execFile)('ffprobe', ['-v', 'error', '-show_entries', 'packet=pos,size', '-of', 'csv=p=0', path]);
    const packetEnds = stdout.trim().split('\n').map((line) => line.split(',').slice(0, 2).reduce((sum, number) => sum + Number(number), 0));
    expect(packetEnds.at(-1)).toBe(bytes.length);
    const data = bytes.indexOf('mdat') + 4;
    const random = new SeededRandom(7);
    const cuts = [
      data, data + 1, data + 1_000, bytes.length - 1, bytes.length - 2, bytes.length - 700,
      // Between two frames, where ffmpeg itself sees nothing wrong.
      ...[-2, -3, -12, -70].map((at) => packetEnds.at(at) ?? 0),
      ...upTo(12).map(() => random.integer(data, bytes.length - 1)),
    ];
    const missed: string[] = [];
    for (const cut of cuts) {
      const cutPath = join(folder(), `cut-${String(cut)}.mp4`);
      await writeFile(cutPath, bytes.subarray(0, cut));
      const { source: { status }, frames } = await readAll(cutPath);
      const isTold = /: the file is truncated(?: or damaged)?: (?:it|nothing that it) holds/u.test(status.error?.message ?? '') && status.state === (frames.length > 0 ? 'ended' : 'failed') && status.restarts === 0;
      if (!isTold) missed.push(`${String(cut)} of ${String(bytes.length)}: ${status.state} after ${String(frames.length)} frames, ${status.error?.message ?? 'no error'}`);
    }
    report('F7 truncated', { cuts: cuts.length, 'detected %': ((cuts.length - missed.length) / cuts.length) * 100, 'target %': 100 });
    expect(missed).toEqual([]);
    const whole = await readAll(path);
    expect(whole.source.status).toMatchObject({ state: 'ended', error: null });
  });
});

describe('F8: a recording with spoiled bytes', () => {
  it('plays to its end, says that it is damaged, and never puts a picture together with the input of another', async () => {
    const bytes = await readFile(await numberedClip({ name: 'thousand.mp4', frames: 1_000, options: ['-movflags', '+faststart'] }));
    const data = bytes.indexOf('mdat') + 4;
    let [frames, misaligned, spoiledFrames, caught] = [0, 0, 0, 0];
    for (const seed of upTo(14)) {
      const random = new SeededRandom(seed);
      const spoiled = Buffer.from(bytes);
      // From a few bytes to one of a hundred.
      for (let n = 0; n < 2 ** (seed % 8) * 3; n += 1) spoiled.writeUInt8(random.integer(0, 255), random.integer(data, spoiled.length - 1));
      const path = join(folder(), `spoiled-${String(seed)}.mp4`);
      await writeFile(path, spoiled);
      let before: VideoFrame | null = null;
      const { source, frames: seen } = await readAll(path, {}, (frame) => {
        if (!isAligned(frame.display, frame)) misaligned += 1;
        if (before !== null && !isAligned(before.display, frame)) caught += 1;
        before?.release();
        before = frame;
      });
      (before as VideoFrame | null)?.release();
      frames += seen.length;
      spoiledFrames += seen.filter(({ display, ptsMs }) => display !== Math.round(ptsMs / 40)).length;
      expect(source.status).toMatchObject({ state: 'ended', error: { code: 'source-exited', message: expect.stringMatching(/damaged|truncated/u) as string } });
    }
    report('F8 spoiled', { frames, 'of them unreadable': spoiledFrames, misaligned, target: 0, 'would have been seen with the frame before %': (caught / frames) * 100 });
    expect(frames).toBeGreaterThanOrEqual(10_000);
    expect(misaligned).toBe(0);
    expect(spoiledFrames).toBeGreaterThan(100);
    // The check sees what it is for; where nothing is left of two pictures they are equal.
    expect(caught / frames).toBeGreaterThan(0.8);
  });
});
