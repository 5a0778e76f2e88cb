import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findFfmpeg } from '../src/ffmpeg/tools.js';
import { startStreamRig } from '../test/helpers/stream-rig.js';
import { until } from '../test/helpers/until.js';
import type { Benchmark, BenchmarkContext, PreparedBenchmark, Sample } from './harness/benchmark.js';
import { makeClip, RECORDING } from './inputs/clips.js';

const FRAMES = 1500;
const FRAME_MS = 40;
const LIMIT_MS = 500;
const INPUT = { widthPx: 512, heightPx: 512 };

/** A hand on a recording: from the wish to be elsewhere to the new frame, looked at by a detector that answers at once. */
export const benchmark: Benchmark = {
  id: 'B13',
  name: 'seek',
  what: '1280x720 H.264 file, key frames 2 s apart, B-frames: from a seek to the frame there, detector included, which takes no time',
  prepare,
};

async function prepare({ quick, cacheFolder }: BenchmarkContext): Promise<PreparedBenchmark> {
  const seeks = quick ? 12 : 40;
  const clip = await makeClip(cacheFolder, { widthPx: 1280, heightPx: 720 }, FRAMES, RECORDING);
  let onShown: (ptsMs: number) => void = () => undefined;
  const rig = await startStreamRig({ tools: await findFfmpeg(), script: { records: false }, modelInputSize: INPUT, maxBatchSize: 8, onFrame: ({ ptsMs }) => { onShown(ptsMs); } });
  const { pipeline } = rig;
  rig.add('clip', clip, { source: { widthPx: 1280 } });
  await until(() => pipeline.get('clip')?.state === 'paused');

  const seek = async (frame: number): Promise<number> => {
    const startMs = performance.now();
    await new Promise<void>((resolve) => {
      onShown = (ptsMs) => { if (Math.abs(ptsMs - frame * FRAME_MS) < 1) resolve(); };
      void pipeline.control('clip', { action: 'seek', positionMs: frame * FRAME_MS });
    });
    return performance.now() - startMs;
  };
  const bare = async (frame: number): Promise<number> => {
    const startMs = performance.now();
    await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', '-ss', String((frame * FRAME_MS) / 1000), '-i', clip, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgba', '-y', '/dev/null']);
    return performance.now() - startMs;
  };
  return {
    contenders: [
      { name: 'sightline', run: () => inTurn(placesOf(seeks), seek) },
      { name: 'ffmpeg -ss', run: () => inTurn(placesOf(seeks), bare) },
      { name: 'the limit', run: () => Promise.resolve(sampleOf([LIMIT_MS])) },
    ],
    goals: [{ metric: 'p99Ms', ours: 'sightline', peer: 'the limit', direction: 'at-most', base: 1, moonshot: 0.5, failsBeyond: 2.5 }],
    close: rig.close,
  };
}

/** Frames all over the file, near and far, right on key frames and right before them. */
function placesOf(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => [0, 49, 25][index % 3] as number + 50 * ((index * 11) % (FRAMES / 50)));
}

async function inTurn(places: readonly number[], go: (frame: number) => Promise<number>): Promise<Sample> {
  const latenciesMs: number[] = [];
  for (const frame of places) latenciesMs.push(await go(frame));
  return sampleOf(latenciesMs);
}

function sampleOf(latenciesMs: readonly number[]): Sample {
  return { items: latenciesMs.length, wallMs: latenciesMs.reduce((sum, each) => sum + each, 0), cpuMs: 0, latenciesMs };
}
