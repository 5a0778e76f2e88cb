import { performance } from 'node:perf_hooks';
import type { BatchTimeout } from '../../src/batching/batch-due.js';
import { MicroBatcher } from '../../src/batching/micro-batcher.js';
import { BackendPool } from '../../src/detection/pool/backend-pool.js';
import { followDetector } from '../../src/pipeline/follow-detector.js';
import { FakeServing, type SeenPredict } from '../../test/helpers/fake-serving.js';
import { testFrame } from '../../test/helpers/frames.js';
import type { ServiceTime } from '../../test/helpers/model-thread.js';
import { poolOptions } from '../../test/helpers/pool-options.js';


export type BatchingLoad = {
  readonly streams: number;
  readonly fps: number;
  readonly maxBatchSize: number;
  readonly batchTimeoutMs: BatchTimeout;
  readonly maxInFlightBatches: number;
  /** Each computes one batch after the other: `perCallMs + perImageMs · n`. */
  readonly backends: readonly ServiceTime[];
  readonly seconds: number;
  /** Whether all cameras take their pictures at the same moments; default: each at its own. */
  readonly inStep?: boolean;
};

export type BatchingFigures = {
  readonly offered: number;
  /** Frames that were looked at, of each stream. */
  readonly detected: readonly number[];
  /** From the moment that a frame is there until a backend begins on its batch, ms. */
  readonly waitsMs: readonly number[];
  readonly batches: number;
  readonly wallMs: number;
};

/** What is left out at the beginning of a run: connections, and what is measured first. */
const WARM_UP_MS = 500;

/** Runs live streams of small pictures through the batcher and the pool, over gRPC, into stub backends. */
export async function runBatchingLoad(load: BatchingLoad): Promise<BatchingFigures> {
  const servers = await Promise.all(load.backends.map((serviceMs) => new FakeServing({ serviceMs, maxDetections: 1 }).start()));
  const pool = new BackendPool(poolOptions(servers.map(({ endpoint }) => endpoint), { maxBatchSize: load.maxBatchSize, maxInFlightBatches: load.maxInFlightBatches }));
  while (pool.backends().some(({ state }) => state !== 'ok')) await new Promise((resolve) => setTimeout(resolve, 5));
  const batcher = new MicroBatcher({ batchTimeoutMs: load.batchTimeoutMs, nextPlace: (images) => pool.nextPlace(images) });
  followDetector(batcher, pool);
  const detected = Array.from({ length: load.streams }, () => 0);
  /** By a frame's number, which its picture carries. */
  const offeredMs: number[] = [];
  const isDetected: boolean[] = [];
  let measuredFrom = Infinity;
  const lanes = detected.map((_, stream) =>
    batcher.openLane({
      policy: 'drop-oldest',
      capacity: 1,
      deadlineMs: 2_000,
      holdMs: 100,
      shouldRetry: () => false,
      onDropped: () => undefined,
      onFailed: () => undefined,
      onDetected: ({ frame }) => {
        const number = numberOf(frame.modelInput.data);
        if (number < measuredFrom) return;
        isDetected[number] = true;
        detected[stream] = (detected[stream] ?? 0) + 1;
      },
    }),
  );
  const startMs = performance.now();
  const measureFromMs = startMs + WARM_UP_MS;
  const untilMs = measureFromMs + load.seconds * 1_000;
  const intervalMs = 1_000 / load.fps;
  // Each camera keeps its phase, give or take a few ms. The pattern is the same in every run.
  let random = 12_345;
  const next = (): number => (random = (random * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
  const phasesMs = lanes.map(() => (load.inStep === true ? 0 : next() * intervalMs));
  const due = phasesMs.map((phaseMs) => startMs + phaseMs);
  const seqs = lanes.map(() => 0);
  while (performance.now() < untilMs) {
    const nowMs = performance.now();
    for (const [stream, lane] of lanes.entries()) {
      if ((due[stream] ?? 0) > nowMs) continue;
      const frame = testFrame({ streamId: String(stream), seq: seqs[stream] ?? 0 });
      const number = offeredMs.push(nowMs) - 1;
      frame.modelInput.data.writeUInt32LE(number);
      if (nowMs >= measureFromMs) measuredFrom = Math.min(measuredFrom, number);
      lane.offer(frame);
      seqs[stream] = (seqs[stream] ?? 0) + 1;
      due[stream] = startMs + (phasesMs[stream] ?? 0) + (seqs[stream] ?? 0) * intervalMs + next() * 6;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, Math.min(...due) - performance.now())));
  }
  const wallMs = performance.now() - measureFromMs;
  await batcher.close();
  await pool.close();
  for (const server of servers) await server.close();
  const begun = servers.flatMap(({ requests }) => requests).flatMap(({ beginMs, inputs }) => numbersOf(inputs).map((number) => ({ number, beginMs: beginMs ?? NaN })));
  const waitsMs = begun.filter(({ number }) => isDetected[number] === true).map(({ number, beginMs }) => beginMs - (offeredMs[number] ?? NaN));
  return { offered: offeredMs.length - Math.min(measuredFrom, offeredMs.length), detected, waitsMs, batches: servers.reduce((sum, { requests }) => sum + requests.length, 0), wallMs };
}

function numberOf(pixels: Uint8Array): number {
  return Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength).readUInt32LE();
}

/** The numbers of all pictures of a request. */
function numbersOf(inputs: SeenPredict['inputs']): number[] {
  const [tensor] = [...inputs.values()];
  if (tensor?.dtype !== 'uint8') throw new TypeError('Expected pictures in uint8');
  const [images = 0] = tensor.shape;
  const pictureBytes = tensor.data.length / images;
  return Array.from({ length: images }, (_, image) => numberOf(tensor.data.subarray(image * pictureBytes)));
}
