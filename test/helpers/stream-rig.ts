import { pino } from 'pino';
import { createAnnotator } from '../../src/annotation/annotator.js';
import { MicroBatcher } from '../../src/batching/micro-batcher.js';
import type { OfferedFrame } from '../../src/core/frames.js';
import type { FrameCounters } from '../../src/core/stream-status.js';
import { BackendPool } from '../../src/detection/pool/backend-pool.js';
import type { FfmpegTools } from '../../src/ffmpeg/tools.js';
import { followDetector } from '../../src/pipeline/follow-detector.js';
import { Pipeline, type PipelineStreamOptions } from '../../src/pipeline/pipeline.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { FakeServing, type FakeScript } from './fake-serving.js';
import { poolOptions } from './pool-options.js';

export type StreamRigOptions = {
  readonly tools: FfmpegTools;
  readonly script?: Partial<FakeScript>;
  readonly modelInputSize?: { readonly widthPx: number; readonly heightPx: number };
  readonly maxBatchSize?: number;
  readonly maxInFlightBatches?: number;
  readonly deadlineMs?: number;
  /** Whether the backend is up from the start; default `true`. */
  readonly isUp?: boolean;
  /** Called with each frame that is offered to viewers. */
  readonly onFrame?: (frame: OfferedFrame) => void;
};

export type StreamOptions = Partial<Omit<PipelineStreamOptions, 'source'>> & { readonly source?: Partial<PipelineStreamOptions['source']> };

/** All parts of a service but the viewers, on a scripted backend. */
export type StreamRig = {
  readonly pipeline: Pipeline;
  readonly serving: FakeServing;
  /** Adds a stream, a replay unless told otherwise. */
  readonly add: (id: string, source: string, options?: StreamOptions) => void;
  /** In the order of `src/pipeline/README.md`. */
  readonly close: () => Promise<void>;
};

export async function startStreamRig(options: StreamRigOptions): Promise<StreamRig> {
  const { tools, maxBatchSize = 4, maxInFlightBatches = 2, deadlineMs = 2_000, isUp = true, onFrame = () => undefined } = options;
  const serving = new FakeServing(options.script);
  await serving.start();
  // Its port is known from now on.
  if (!isUp) await serving.close();
  const metrics = createMetrics();
  const log = pino({ level: 'silent' });
  const detector = new BackendPool(poolOptions([serving.endpoint], { deadlineMs, maxBatchSize, maxInFlightBatches, assumedInputSize: options.modelInputSize ?? { widthPx: 128, heightPx: 128 }, log, metrics }));
  const batcher = new MicroBatcher({ batchTimeoutMs: 5, nextPlace: (images) => detector.nextPlace(images) });
  followDetector(batcher, detector);
  const annotator = createAnnotator();
  const pipeline = new Pipeline();
  pipeline.listen({ onFrame, onStatus: () => undefined, onRemoved: () => undefined });
  return {
    pipeline,
    serving,
    add: (id, source, { source: sourceOptions, ...streamOptions } = {}) => {
      pipeline.add({
        id, name: id, mode: 'replay', thresholds: { '*': 0.4 }, redactedSource: source, detector, deadlineMs, batcher, annotator, metrics, log,
        source: { source, fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: 5_000, tools, demoClip: () => Promise.reject(new Error('not asked for')), log, ...sourceOptions },
        ...streamOptions,
      });
    },
    close: async () => {
      await pipeline.close();
      await detector.close();
      await batcher.close();
      await annotator.close();
      await serving.close();
    },
  };
}

export const sum = (counts: object): number => Object.values(counts as Record<string, number>).reduce((a, b) => a + b, 0);

/** The law of conservation: every decoded frame is in one place, shown, on its way, dropped or failed. */
export function isConserved({ decoded, shown, inFlight, dropped, failed }: FrameCounters): boolean {
  return decoded === shown + inFlight + sum(dropped) + sum(failed);
}
