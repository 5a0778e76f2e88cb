import { ModelMismatchError } from '../../core/errors.js';
import type { Size } from '../../core/geometry.js';
import type { SignatureDefMap } from '../../serving/metadata-messages.js';
import { readInputPlan, type InputPlan } from './input-plan.js';
import type { ModelWishes, Normalization } from './model-wishes.js';
import { outputNamesOf, readOutputPlan, type OutputPlan } from './output-plan.js';
import { listNames } from './signature-text.js';

/** How one signature of a model is used: what it is sent, what it is asked for and what that means. */
export type ModelPlan = {
  readonly signatureName: string;
  readonly input: InputPlan;
  readonly output: OutputPlan;
  /** Outputs to ask for. */
  readonly outputNames: readonly string[];
};

/** What a backend does with a plan. */
export type PlanUse = {
  /** Size that frames are sent at. */
  readonly frameSize: Size;
  readonly maxBatchSize: number;
  /** Calls at the same time. */
  readonly maxInFlightBatches: number;
};

/** Checks that frames can be sent to a served model and its answers be read, and plans how.
 * @throws {ModelMismatchError} naming what the model has and what was expected, one line */
export function readModelPlan(signatures: SignatureDefMap, signatureName: string, wishes: ModelWishes): ModelPlan {
  const signature = signatures.get(signatureName);
  if (signature === undefined) throw new ModelMismatchError(`it has no signature ${signatureName}, only ${listNames(signatures.keys())}`);
  // The output first would be enough to plan; people read a model from its input on, and want to hear of that first.
  readInputPlan(signature, 'none');
  const output = readOutputPlan(signature, wishes.output);
  const input = readInputPlan(signature, wishes.input.normalization ?? defaultNormalization(output));
  return { signatureName, input, output, outputNames: outputNamesOf(output) };
}

/** One line that tells people what was found: `object detector, input inputs (uint8), any batch size (up to 8 sent, 2 at once), frames sent at 640x640`. */
export function describePlan({ input, output }: ModelPlan, use: PlanUse): string {
  const size = `${String(use.frameSize.widthPx)}x${String(use.frameSize.heightPx)}${input.fixedInputSize === null ? '' : ' (fixed)'}`;
  return `${describeOutput(output)}, input ${input.name} (${describeInput(input)}), ${describeBatch(input, use)}, frames sent at ${size}`;
}

/** Object Detection API models normalise what they are given themselves; those of the other frameworks were trained on 0 to 1. */
function defaultNormalization({ kind }: OutputPlan): Normalization {
  return kind === 'object-detection' ? 'none' : 'zero-to-one';
}

const NORMALIZATION_TEXTS: Readonly<Record<Normalization, string>> = { none: '0 to 255', 'zero-to-one': '0 to 1', 'minus-one-to-one': '-1 to 1', imagenet: "ImageNet's mean and deviation" };

function describeInput({ kind, layout, normalization }: InputPlan): string {
  if (kind === 'jpeg') return 'JPEG in a string';
  return `${kind}${kind === 'float' ? ` ${NORMALIZATION_TEXTS[normalization]}` : ''}${layout === 'nchw' ? ', channels first' : ''}`;
}

function describeBatch({ fixedBatchSize }: InputPlan, { maxBatchSize, maxInFlightBatches }: PlanUse): string {
  const atOnce = `${String(maxInFlightBatches)} at once`;
  if (fixedBatchSize === null) return `any batch size (up to ${String(maxBatchSize)} sent, ${atOnce})`;
  return `batch size fixed at ${String(fixedBatchSize)} (${fixedBatchSize === 1 ? 'single calls, ' : ''}${atOnce})`;
}

function describeOutput(output: OutputPlan): string {
  switch (output.kind) {
    case 'object-detection': {
      const extras = [output.masks ? 'masks' : null, output.keypoints === 'none' ? null : 'keypoints'].filter((extra) => extra !== null);
      return `object detector${extras.length === 0 ? '' : ` with ${extras.join(' and ')}`}`;
    }
    case 'yolo':
      return `object detector (YOLO, output ${output.output})`;
    case 'boxes':
      return `object detector (boxes ${output.boxes}, scores ${output.scores} as configured)`;
    case 'classification':
      return `image classifier (output ${output.output}, top ${String(output.topK)})`;
  }
}
