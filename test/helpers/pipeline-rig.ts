import { afterEach, beforeAll } from 'vitest';
import { createAnnotator } from '../../src/annotation/annotator.js';
import { MicroBatcher } from '../../src/batching/micro-batcher.js';
import { ClosedError } from '../../src/core/errors.js';
import type { AnnotatedFrame, PixelImage } from '../../src/core/frames.js';
import { letterbox } from '../../src/core/geometry.js';
import type { FrameCounters } from '../../src/core/stream-status.js';
import { BackendPool } from '../../src/detection/backend-pool.js';
import { cocoLabelMap } from '../../src/detection/label-map.js';
import { findFfmpeg, type FfmpegTools } from '../../src/ffmpeg/tools.js';
import { followDetector } from '../../src/pipeline/follow-detector.js';
import { Pipeline, type PipelineStreamOptions } from '../../src/pipeline/pipeline.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { numberOf } from './clips.js';
import { FakeServing, type FakeScript, type SeenPredict } from './fake-serving.js';
import { decodeJpeg } from './jpeg.js';

/** Size of the clips that the rig's detector can read. */
export const RIG_CLIP_SIZE = { widthPx: 160, heightPx: 96 };
const INPUT_SIZE = { widthPx: 128, heightPx: 128 };

export type RigStream = Partial<Omit<PipelineStreamOptions, 'source'>> & { readonly source?: Partial<PipelineStreamOptions['source']> };

/** A frame as it was shown, and the number that its picture has. */
export type Shown = { readonly annotated: AnnotatedFrame; readonly number: number };

export type Rig = {
  readonly pipeline: Pipeline;
  readonly serving: FakeServing;
  /** Frames by stream, in the order in which they were drawn. */
  readonly shown: Map<string, Shown[]>;
  /** Adds a stream, a replay unless told otherwise. */
  readonly add: (id: string, source: string, options?: RigStream) => void;
};

export type RigOptions = { readonly start?: boolean; readonly deadlineMs?: number; readonly maxBatchSize?: number; readonly maxInFlightBatches?: number };

export type RigHarness = {
  /** Streams on a scripted backend; every frame that is shown is drawn, decoded again and read. Closed after the test. */
  readonly rig: (script?: Partial<FakeScript>, options?: RigOptions) => Promise<Rig>;
  /** Called after the test, in reverse order. */
  readonly onEnd: (close: () => Promise<unknown>) => void;
};

/** A detector that reads the number that is drawn on a frame of {@link RIG_CLIP_SIZE} and answers it as a class id (1000 + number): frame and detections can be compared. */
export function readNumbers(imageIndex: number, request: SeenPredict): { classId: number; score: number; box: readonly [number, number, number, number] }[] {
  const tensor = request.inputs.get('inputs');
  const [, heightPx = 0, widthPx = 0] = tensor?.shape ?? [];
  const bytes = widthPx * heightPx * 3;
  const data = Buffer.from(tensor?.data as Uint8Array).subarray(imageIndex * bytes, (imageIndex + 1) * bytes);
  const image: PixelImage = { widthPx, heightPx, format: 'rgb24', data };
  return [{ classId: 1000 + numberOf(image, letterbox(RIG_CLIP_SIZE, image)), score: 0.9, box: [0.4, 0.4, 0.6, 0.6] }];
}

/** Sets up, for one test file, what tests of whole streams share. */
export function pipelineRig(): RigHarness {
  let tools: FfmpegTools;
  const closers: (() => Promise<unknown>)[] = [];
  beforeAll(async () => {
    tools = await findFfmpeg();
  });
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const onEnd: RigHarness['onEnd'] = (close) => { closers.push(close); };
  const rig: RigHarness['rig'] = async (script = {}, { start = true, deadlineMs = 1_000, maxBatchSize = 4, maxInFlightBatches = 2 } = {}) => {
    const serving = new FakeServing({ detections: readNumbers, ...script });
    await serving.start();
    onEnd(() => serving.close());
    if (!start) await serving.close();
    const metrics = createMetrics();
    const log = createLogger({ level: 'silent', format: 'json' });
    const model = { name: null, version: null, versionLabel: null, signature: 'serving_default' };
    const detector = new BackendPool({ endpoints: [serving.endpoint], tls: null, model, deadlineMs, maxBatchSize, maxInFlightBatches, assumedInputSize: INPUT_SIZE, labels: cocoLabelMap(), log, metrics });
    onEnd(() => detector.close());
    const batcher = new MicroBatcher({ maxBatchSize, maxInFlightBatches, batchTimeoutMs: 5, detect: (batch) => detector.detect(batch) });
    followDetector(batcher, detector);
    onEnd(() => batcher.close());
    const annotator = createAnnotator();
    onEnd(() => annotator.close());
    const pipeline = new Pipeline();
    onEnd(() => pipeline.close());
    const shown = new Map<string, Shown[]>();
    pipeline.listen({
      onFrame: (frame) => {
        frame.retain();
        void frame
          .render({ maxWidthPx: null, drawn: false })
          .then(async (annotated) => {
            shown.set(frame.streamId, [...(shown.get(frame.streamId) ?? []), { annotated, number: numberOf(await decodeJpeg(annotated.jpeg)) }]);
          })
          // What is still to be drawn when the test is over is not.
          .catch((error: unknown) => { if (!(error instanceof ClosedError)) throw error; })
          .finally(() => {
            frame.release();
          });
      },
      onStatus: () => undefined,
      onRemoved: () => undefined,
    });
    const add: Rig['add'] = (id, source, options = {}) => {
      pipeline.add({
        id, name: id, mode: 'replay', thresholds: { '*': 0.4 }, redactedSource: source, detector, batcher, annotator, metrics, log, ...options,
        source: { source, fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: 5_000, tools, demoClip: () => Promise.reject(new Error('not asked for')), log, ...options.source },
      });
    };
    return { pipeline, serving, shown, add };
  };
  return { rig, onEnd };
}

export const sum = (counts: object): number => Object.values(counts as Record<string, number>).reduce((a, b) => a + b, 0);

/** Whether every decoded frame is in one place: shown, on its way, dropped or failed. */
export function isConserved(counters: FrameCounters): boolean {
  return counters.decoded === counters.shown + counters.inFlight + sum(counters.dropped) + sum(counters.failed);
}

/** Checks the law of conservation on every turn of the event loop until the stream has ended; gives the counters then. */
export async function conservedUntilEnd(pipeline: Pipeline, id: string): Promise<FrameCounters> {
  for (;;) {
    const stream = pipeline.get(id);
    if (stream === undefined) throw new Error(`no stream ${id}`);
    if (stream.state === 'ended' && stream.counters.inFlight > 0) throw new Error('ended with frames still to come');
    if (!isConserved(stream.counters)) throw new Error(`not conserved: ${JSON.stringify(stream.counters)}`);
    if (['ended', 'failed'].includes(stream.state) && stream.counters.inFlight === 0) return stream.counters;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
