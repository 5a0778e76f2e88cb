import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createAnnotator } from '../src/annotation/annotator.js';
import { MicroBatcher } from '../src/batching/micro-batcher.js';
import { BackendPool } from '../src/detection/backend-pool.js';
import { cocoLabelMap } from '../src/detection/label-map.js';
import { findFfmpeg } from '../src/ffmpeg/tools.js';
import { followDetector } from '../src/pipeline/follow-detector.js';
import { Pipeline } from '../src/pipeline/pipeline.js';
import { createLogger } from '../src/telemetry/logger.js';
import { createMetrics } from '../src/telemetry/metrics.js';
import { FakeServing } from '../test/helpers/fake-serving.js';
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
  const log = createLogger({ level: 'silent', format: 'json' });
  const serving = await new FakeServing({ records: false }).start();
  const metrics = createMetrics();
  const model = { name: null, version: null, versionLabel: null, signature: 'serving_default' };
  const detector = new BackendPool({ endpoints: [serving.endpoint], tls: null, model, deadlineMs: 10_000, maxBatchSize: 8, maxInFlightBatches: 2, assumedInputSize: INPUT, labels: cocoLabelMap(), log, metrics });
  const batcher = new MicroBatcher({ maxBatchSize: 8, maxInFlightBatches: 2, batchTimeoutMs: 10, detect: (batch) => detector.detect(batch) });
  followDetector(batcher, detector);
  await until(() => detector.state.status.state === 'ok');
  const annotator = createAnnotator();
  const pipeline = new Pipeline();
  let onShown: (ptsMs: number) => void = () => undefined;
  pipeline.listen({ onFrame: ({ ptsMs }) => { onShown(ptsMs); }, onStatus: () => undefined, onRemoved: () => undefined });
  const source = { source: clip, fps: null, widthPx: 1280, loop: false, transport: 'tcp', timeoutMs: 5_000, tools: await findFfmpeg(), demoClip: () => Promise.reject(new Error('not asked for')), log } as const;
  pipeline.add({ id: 'clip', name: 'clip', mode: 'replay', thresholds: {}, redactedSource: clip, source, detector, batcher, annotator, metrics, log });
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
    close: async () => {
      await pipeline.close();
      await batcher.close();
      await detector.close();
      await serving.close();
      await annotator.close();
    },
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
