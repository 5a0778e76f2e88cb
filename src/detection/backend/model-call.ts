import { ModelOutputError } from '../../core/errors.js';
import type { ModelIdentity, VideoFrame } from '../../core/frames.js';
import { letterbox, type Size } from '../../core/geometry.js';
import type { CallOptions, ServingClient } from '../../serving/serving-client.js';
import { decodeAnswer } from '../contract/decode-answer.js';
import type { FrameFindings } from '../contract/decode-context.js';
import { prepareInputs, type JpegEncoder } from '../contract/prepare-inputs.js';
import type { LabelMap } from '../label-map.js';
import { modelRef, type FoundModel, type ModelSelection } from './model-finder.js';

export type ModelCallOptions = {
  readonly model: ModelSelection;
  readonly labels: LabelMap;
  /** For models that take encoded pictures; without it they do not fit. */
  readonly encodeJpeg?: JpegEncoder;
};

/** Sends frames of equal model input size to a model, in one call.
 * @param frames at most as many as the model takes; for one with a fixed batch size the rest is filled up
 * @returns what was found on each frame
 * @throws as {@link Detector.detect} */
export async function askModel(client: ServingClient, frames: readonly VideoFrame[], { plan, model }: FoundModel, options: ModelCallOptions, call: CallOptions): Promise<{ findings: FrameFindings[]; model: ModelIdentity }> {
  const inputs = await prepareInputs(plan, frames, options.encodeJpeg ?? null);
  const answer = await client.predict({ model: modelRef(model.name, options.model), inputs, outputFilter: plan.outputNames }, call);
  try {
    return { findings: decodeAnswer(plan, answer.outputs, frames.map(({ letterbox }) => letterbox), options.labels), model: answer.model };
  } catch (error) {
    if (error instanceof ModelOutputError) throw new ModelOutputError(`backend ${client.endpoint} gave an answer that does not fit: ${error.message}`, { cause: error });
    throw error;
  }
}

/** A frame of nothing but grey, to see whether a model answers. */
export function greyFrame(size: Size): VideoFrame {
  const image = { ...size, format: 'rgb24' as const, data: Buffer.alloc(size.widthPx * size.heightPx * 3, 114) };
  return { streamId: '', seq: 0, ptsMs: 0, capturedAtMs: 0, captureMs: 0, sourceSize: size, display: image, modelInput: image, letterbox: letterbox(size, size), retain: () => undefined, release: () => undefined };
}
