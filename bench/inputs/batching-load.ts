import { performance } from 'node:perf_hooks';
import type { BatchTimeout } from '../../src/batching/batch-due.js';
import { MicroBatcher } from '../../src/batching/micro-batcher.js';
import type { BatchPlace } from '../../src/core/batch-place.js';
import { cocoLabelMap } from '../../src/detection/label-map.js';
import { BackendPool } from '../../src/detection/pool/backend-pool.js';
import { followDetector } from '../../src/pipeline/follow-detector.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { detectionOutputs, FakeServing } from '../../test/helpers/fake-serving.js';
import { testFrame } from '../../test/helpers/frames.js';

/** A backend that computes one batch after the other: `perCall + perImage · n` ms. */
export type StubBackend = { readonly perCallMs: number; readonly perImageMs: number };

export type BatchingLoad = {
  readonly streams: number;
  readonly fps: number;
  readonly maxBatchSize: number;
  readonly batchTimeoutMs: BatchTimeout;
  readonly maxInFlightBatches: number;
  readonly backends: readonly StubBackend[];
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

/** Serves batches one after the other on a clock of its own, so that timers that fire late do not make it slower. */
function stubPredict({ perCallMs, perImageMs }: StubBackend): NonNullable<FakeServing['script']['predict']> {
  let freeAtMs = 0;
  return async ({ inputs }) => {
    const images = [...inputs.values()][0]?.shape[0] ?? 0;
    freeAtMs = Math.max(performance.now(), freeAtMs) + perCallMs + perImageMs * images;
    await new Promise((resolve) => setTimeout(resolve, freeAtMs - performance.now()));
    return detectionOutputs(Array.from({ length: images }, () => []), 1);
  };
}

/** Runs live streams of small pictures through the batcher and the pool, over gRPC, into stub backends. */
export async function runBatchingLoad(load: BatchingLoad): Promise<BatchingFigures> {
  const servers = await Promise.all(load.backends.map((backend) => new FakeServing({ records: false, predict: stubPredict(backend) }).start()));
  const pool = new BackendPool({
    endpoints: servers.map(({ endpoint }) => endpoint),
    tls: null,
    model: { name: null, version: null, versionLabel: null, signature: 'serving_default' },
    deadlineMs: 2_000,
    maxBatchSize: load.maxBatchSize,
    maxInFlightBatches: load.maxInFlightBatches,
    assumedInputSize: { widthPx: 32, heightPx: 32 },
    labels: cocoLabelMap(),
    log: createLogger({ level: 'silent', format: 'json' }),
    metrics: createMetrics(),
  });
  while (pool.backends().some(({ state }) => state !== 'ok')) await new Promise((resolve) => setTimeout(resolve, 5));
  const serviceMs = new Map<string, number>();
  let batches = 0;
  const [backend] = load.backends;
  const watched = (place: BatchPlace): BatchPlace => ({
    ...place,
    detect: (batch) => {
      batches += 1;
      for (const { streamId, seq } of batch.frames) serviceMs.set(`${streamId} ${String(seq)}`, (backend?.perCallMs ?? 0) + (backend?.perImageMs ?? 0) * batch.frames.length);
      return place.detect(batch);
    },
  });
  const batcher = new MicroBatcher({
    batchTimeoutMs: load.batchTimeoutMs,
    nextPlace: (images) => {
      const place = pool.nextPlace(images);
      return place === null ? null : watched(place);
    },
  });
  followDetector(batcher, pool);
  const detected = Array.from({ length: load.streams }, () => 0);
  const waitsMs: number[] = [];
  let offered = 0;
  let measureFromMs = Infinity;
  const offeredMs = new Map<string, number>();
  const lanes = detected.map((_, stream) =>
    batcher.openLane({
      policy: 'drop-oldest',
      capacity: 1,
      deadlineMs: 2_000,
      holdMs: 100,
      shouldRetry: () => false,
      onDropped: () => undefined,
      onFailed: () => undefined,
      onDetected: ({ frame: { streamId, seq } }) => {
        const key = `${streamId} ${String(seq)}`;
        const sinceMs = offeredMs.get(key) ?? 0;
        offeredMs.delete(key);
        if (sinceMs < measureFromMs) return;
        detected[stream] = (detected[stream] ?? 0) + 1;
        waitsMs.push(performance.now() - sinceMs - (serviceMs.get(key) ?? 0));
      },
    }),
  );
  const startMs = performance.now();
  measureFromMs = startMs + WARM_UP_MS;
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
      offeredMs.set(`${String(stream)} ${String(seqs[stream])}`, nowMs);
      if (nowMs >= measureFromMs) offered += 1;
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
  return { offered, detected, waitsMs, batches, wallMs };
}
