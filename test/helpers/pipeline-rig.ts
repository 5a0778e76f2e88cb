import { afterEach, beforeAll } from 'vitest';
import { ClosedError } from '../../src/core/errors.js';
import type { AnnotatedFrame, OfferedFrame, PixelImage } from '../../src/core/frames.js';
import { letterbox } from '../../src/core/geometry.js';
import type { FrameCounters } from '../../src/core/stream-status.js';
import { findFfmpeg, type FfmpegTools } from '../../src/ffmpeg/tools.js';
import type { Pipeline } from '../../src/pipeline/pipeline.js';
import { numberOf } from './clips.js';
import type { FakeScript, FakeServing, SeenPredict } from './fake-serving.js';
import { decodeJpeg } from './jpeg.js';
import { isConserved, startStreamRig, type StreamOptions } from './stream-rig.js';

/** Size of the clips that the rig's detector can read. */
export const RIG_CLIP_SIZE = { widthPx: 160, heightPx: 96 };

/** A frame as it was shown, and the number that its picture has. */
export type Shown = { readonly annotated: AnnotatedFrame; readonly number: number };

export type Rig = {
  readonly pipeline: Pipeline;
  readonly serving: FakeServing;
  /** Frames by stream, in the order in which they were drawn. */
  readonly shown: Map<string, Shown[]>;
  /** Adds a stream, a replay unless told otherwise. */
  readonly add: (id: string, source: string, options?: StreamOptions) => void;
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
  const rig: RigHarness['rig'] = async (script = {}, { start = true, deadlineMs = 1_000, ...options } = {}) => {
    const shown = new Map<string, Shown[]>();
    const onFrame = (frame: OfferedFrame): void => {
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
    };
    const { pipeline, serving, add, close } = await startStreamRig({ tools, script: { detections: readNumbers, ...script }, deadlineMs, isUp: start, onFrame, ...options });
    onEnd(close);
    return { pipeline, serving, shown, add };
  };
  return { rig, onEnd };
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
