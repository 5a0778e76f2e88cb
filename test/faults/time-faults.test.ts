import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StreamMode } from '../../src/core/stream-status.js';
import { numberedClip } from '../helpers/clips.js';
import { LiveVideoServer } from '../helpers/live-video-server.js';
import { sourceHarness } from '../helpers/source-harness.js';
import { shellProgram } from '../helpers/stand-in-ffmpeg.js';
import { isConserved, startStreamRig, type StreamRig } from '../helpers/stream-rig.js';
import { until } from '../helpers/until.js';
import { report } from './report.js';

/** What may happen to the clocks, the source's and this machine's (F12). */

const { tools, folder } = sourceHarness();

let rig: StreamRig;
beforeEach(async () => {
  rig = await startStreamRig({ tools: tools() });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rig.close();
});

/** A transport stream of 25 frames a second that begins at a time, s. */
const transportStream = (offsetS: number, frames = 75): Promise<string> =>
  numberedClip({ name: `from-${String(offsetS)}.ts`, frames, options: ['-bf', '0', '-output_ts_offset', String(offsetS), '-avoid_negative_ts', 'disabled', '-muxdelay', '0'] });

async function joined(name: string, ...parts: readonly string[]): Promise<string> {
  const path = join(folder(), name);
  await writeFile(path, Buffer.concat(await Promise.all(parts.map((part) => readFile(part)))));
  return path;
}

type Seen = { readonly longestAgeMs: number; readonly longestPauseMs: number; readonly shown: number };

/** Looks at a stream until it is over, and at what its status says all the while.
 * @param isOver told the frames that were shown */
async function watchTimes(id: string, isOver: (shown: number) => boolean, timeoutMs: number): Promise<Seen> {
  let [longestAgeMs, longestPauseMs, shown, shownAtMs] = [0, 0, 0, Infinity];
  await until(() => {
    const status = rig.pipeline.get(id);
    if (status === undefined) throw new Error(`no stream ${id}`);
    for (const number of [status.ageMs, status.positionMs, status.durationMs, status.measuredFps, status.declaredFps]) {
      if (number !== null && !(number >= 0 && number < Infinity)) throw new Error(`${id}: ${JSON.stringify(status)}`);
    }
    if (!isConserved(status.counters)) throw new Error(`${id}: not conserved: ${JSON.stringify(status.counters)}`);
    if (isOver(status.counters.shown)) return true;
    const nowMs = performance.now();
    if (status.counters.shown > shown) [shown, shownAtMs] = [status.counters.shown, nowMs];
    longestAgeMs = Math.max(longestAgeMs, status.ageMs ?? 0);
    longestPauseMs = Math.max(longestPauseMs, nowMs - shownAtMs);
    return false;
  }, { timeoutMs, what: `the end of ${id}` });
  return { longestAgeMs, longestPauseMs, shown: rig.pipeline.get(id)?.counters.shown ?? 0 };
}

const hasEnded = (id: string) => (): boolean => ['ended', 'failed'].includes(rig.pipeline.get(id)?.state ?? 'failed');

describe('F12: a recording', () => {
  it.each(['replay', 'live'] as const)('whose clock jumps, begins below zero, turns over or stands still is played in its time: %s', async (mode: StreamMode) => {
    const [near, far] = [await transportStream(0), await transportStream(7_200)];
    const noRate = await shellProgram(join(folder(), `ffprobe-${mode}`), 'ffprobe "$@" | sed \'s#_frame_rate": "[^"]*"#_frame_rate": "0/0"#\'');
    const recordings = {
      'two hours forwards': { path: await joined('forwards.ts', near, far), frames: 150, lastsMs: 6_000 },
      'two hours backwards': { path: await joined('backwards.ts', far, near), frames: 150, lastsMs: 6_000 },
      'turns over': { path: await transportStream(95_442), frames: 75, lastsMs: 3_000 },
      'below zero, ts': { path: await transportStream(-2), frames: 75, lastsMs: 3_000 },
      'below zero, mkv': { path: await numberedClip({ name: 'below.mkv', frames: 75, options: ['-output_ts_offset', '-2', '-avoid_negative_ts', 'disabled'] }), frames: 75, lastsMs: 3_000 },
      'one frame': { path: await numberedClip({ name: 'one.mp4', frames: 1 }), frames: 1, lastsMs: 0 },
      'stands still': { path: await numberedClip({ name: 'still.mp4', frames: 50, filters: 'setpts=0', options: ['-vsync', 'passthrough', '-bf', '0'] }), frames: 50, lastsMs: 0 },
      '0 fps': { path: await numberedClip({ name: 'no-rate.mp4', frames: 75 }), frames: 75, lastsMs: 3_000, ffprobePath: noRate },
    };
    const problems = await Promise.all(Object.entries(recordings).map(async ([name, { path, frames, lastsMs, ...program }]) => {
      const startMs = performance.now();
      rig.add(name, path, { mode, source: { tools: { ...tools(), ...program } } });
      rig.pipeline.watch(name);
      const { longestAgeMs, longestPauseMs, shown } = await watchTimes(name, hasEnded(name), 25_000);
      const tookMs = performance.now() - startMs;
      report(`F12 ${mode}, ${name}`, { shown, 'took ms': tookMs, 'lasts ms': lastsMs, 'longest age ms': longestAgeMs, 'longest pause ms': longestPauseMs, 'target for both ms': 1_500 });
      const status = rig.pipeline.get(name);
      const { decoded = 0 } = status?.counters ?? {};
      const isPlayed = decoded === frames && (mode === 'live' || shown === frames) && status?.state === 'ended' && status.error === null;
      const isInTime = tookMs > lastsMs - 200 && tookMs < lastsMs + 8_000 && longestAgeMs < 1_500 && longestPauseMs < 1_500;
      return isPlayed && isInTime ? null : `${name}: ${String(tookMs)} ms, ${JSON.stringify(status)}`;
    }));
    expect(problems.filter((problem) => problem !== null)).toEqual([]);
  });
});

describe('F12: a live stream', () => {
  it('whose clock jumps, begins below zero or turns over goes on, and its age does not grow', async () => {
    const streams = {
      'two hours forwards': [await transportStream(0, 200), await transportStream(7_200, 100)],
      'two hours backwards': [await transportStream(7_200, 200), await transportStream(0, 100)],
      'turns over': [await transportStream(95_436, 300)],
      'below zero': [await transportStream(-8, 300)],
    };
    await Promise.all(Object.entries(streams).map(async ([name, paths]) => {
      const server = await LiveVideoServer.start({ parts: paths.map((path, index) => ({ path, durationMs: paths.length === 1 ? 12_000 : index === 0 ? 8_000 : 4_000 })), burstMs: 6_000 });
      try {
        rig.add(name, server.url, { mode: 'live' });
        const { longestAgeMs, longestPauseMs } = await watchTimes(name, () => server.requests[1]?.open === false, 30_000);
        const { decoded = 0 } = rig.pipeline.get(name)?.counters ?? {};
        report(`F12 live, ${name}`, { decoded, 'longest age ms': longestAgeMs, 'longest pause ms': longestPauseMs, 'target for both ms': 1_000 });
        expect(longestAgeMs).toBeLessThan(1_000);
        expect(longestPauseMs).toBeLessThan(1_000);
        expect(decoded).toBeGreaterThan(280);
      } finally {
        await rig.pipeline.remove(name);
        await server.close();
      }
    }));
  });

  it('keeps its age and its frames when the clock of this machine is set', async () => {
    const { now } = Date;
    let aheadMs = 0;
    vi.spyOn(Date, 'now').mockImplementation(() => now() + aheadMs);
    rig.add('camera', await numberedClip({ name: 'round.mp4', frames: 50 }), { mode: 'live', source: { loop: true } });
    const longest: Record<string, number> = {};
    for (const byMs of [0, -3_600_000, 3_600_000, 8_000, -8_000, 400 * 24 * 3_600_000]) {
      aheadMs += byMs;
      const before = rig.pipeline.get('camera')?.counters.shown ?? 0;
      const { longestAgeMs, longestPauseMs } = await watchTimes('camera', (shown) => shown >= before + 25, 10_000);
      longest[`age after ${String(byMs / 1000)} s, ms`] = longestAgeMs;
      expect(longestAgeMs).toBeLessThan(1_000);
      expect(longestPauseMs).toBeLessThan(1_000);
    }
    report('F12 clock of this machine set', { ...longest, 'target ms': 1_000 });
    expect(rig.pipeline.get('camera')).toMatchObject({ state: 'running', error: null });
  });
});
