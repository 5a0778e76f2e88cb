import { ModelOutputError } from '../../core/errors.js';
import type { Detection, ModelIdentity, VideoFrame } from '../../core/frames.js';
import { letterbox, type Size } from '../../core/geometry.js';
import type { CallOptions, ServingClient } from '../../serving/serving-client.js';
import { imageTensor } from '../image-tensor.js';
import type { LabelMap } from '../label-map.js';
import { decodeObjectDetection } from '../object-detection-decoder.js';
import { modelRef, type FoundModel, type ModelSelection } from './model-finder.js';

export type ModelCallOptions = { readonly model: ModelSelection; readonly labels: LabelMap };

/** Sends frames of equal model input size to a model, in one call.
 * @param frames at most as many as the model takes; for one with a fixed batch size the rest is filled up
 * @returns what was found on each frame
 * @throws as {@link Detector.detect} */
export async function askModel(client: ServingClient, frames: readonly VideoFrame[], { contract, model }: FoundModel, options: ModelCallOptions, call: CallOptions): Promise<{ detections: Detection[][]; model: ModelIdentity }> {
  const answer = await client.predict(
    {
      model: modelRef(model.name, options.model),
      inputs: { [contract.inputName]: imageTensor(frames, { fixedSize: contract.fixedInputSize, fixedBatchSize: contract.fixedBatchSize }) },
      outputFilter: contract.outputNames,
    },
    call,
  );
  const last = frames.length - 1;
  const letterboxes = Array.from({ length: Math.max(frames.length, contract.fixedBatchSize ?? 0) }, (_, index) => frames[Math.min(index, last)]?.letterbox).filter((lb) => lb !== undefined);
  try {
    return { detections: decodeObjectDetection(answer.outputs, letterboxes, options.labels).slice(0, frames.length), model: answer.model };
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
