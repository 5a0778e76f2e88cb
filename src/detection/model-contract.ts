import { ModelMismatchError } from '../core/errors.js';
import type { Size } from '../core/geometry.js';
import type { SignatureDef, SignatureDefMap, TensorInfo } from '../serving/metadata-messages.js';
import { OBJECT_DETECTION_OUTPUTS } from './object-detection-decoder.js';

/** What a model takes and gives, as far as Sightline uses it. */
export type ModelContract = {
  readonly signatureName: string;
  /** Name of the one input, as the signature calls it: `inputs`, `input_tensor`, … */
  readonly inputName: string;
  /** Frames in a request that the model was exported for; `null`: any number. */
  readonly fixedBatchSize: number | null;
  /** Size that the model insists on; `null` where it takes any. */
  readonly fixedInputSize: Size | null;
  /** Outputs to ask for. */
  readonly outputNames: readonly string[];
};

/** Checks that a served model is an object detector that frames can be sent to.
 * @throws {ModelMismatchError} naming what the model has and what was expected, one line */
export function readModelContract(signatures: SignatureDefMap, signatureName: string): ModelContract {
  const signature = signatures.get(signatureName);
  if (signature === undefined) throw new ModelMismatchError(`it has no signature ${signatureName}, only ${list(signatures.keys())}`);
  const [inputName, input] = onlyInput(signature);
  if (input.dtype !== 'uint8') throw new ModelMismatchError(`its input ${describe(inputName, input)} is not uint8: expected images as uint8 [batch, height, width, 3]`);
  const [batch, height, width, channels] = imageShape(inputName, input);
  if (channels !== 3 && channels !== -1) throw new ModelMismatchError(`its input ${describe(inputName, input)} does not end in 3 channels: expected uint8 [batch, height, width, 3]`);
  const missing = OBJECT_DETECTION_OUTPUTS.filter((name) => !signature.outputs.has(name));
  if (missing.length > 0) {
    throw new ModelMismatchError(`it has no output ${missing.join(', ')}, only ${list(signature.outputs.keys())}: expected the outputs of the TensorFlow Object Detection API`);
  }
  return {
    signatureName,
    inputName,
    fixedBatchSize: batch > 0 ? batch : null,
    fixedInputSize: height > 0 && width > 0 ? { widthPx: width, heightPx: height } : null,
    outputNames: OBJECT_DETECTION_OUTPUTS,
  };
}

/** One line that tells people what was found: `inputs uint8 [-1, -1, -1, 3] -> detection_boxes, …`. */
export function describeContract(contract: ModelContract, frameSize: Size): string {
  const batch = contract.fixedBatchSize === null ? 'any batch size' : `batch size fixed at ${String(contract.fixedBatchSize)}`;
  const size = `${String(frameSize.widthPx)}x${String(frameSize.heightPx)}`;
  return `object detector, input ${contract.inputName} (uint8), ${batch}, frames sent at ${size}${contract.fixedInputSize === null ? '' : ' (fixed)'}`;
}

function onlyInput(signature: SignatureDef): [string, TensorInfo] {
  const [first, ...others] = signature.inputs;
  if (first === undefined || others.length > 0) {
    throw new ModelMismatchError(`it takes ${String(signature.inputs.size)} inputs (${list(signature.inputs.keys())}): expected one, the images`);
  }
  return first;
}

function imageShape(name: string, input: TensorInfo): [number, number, number, number] {
  const [batch, height, width, channels, ...more] = input.shape ?? [-1, -1, -1, -1];
  if (batch === undefined || height === undefined || width === undefined || channels === undefined || more.length > 0) {
    throw new ModelMismatchError(`its input ${describe(name, input)} is not a batch of images: expected uint8 [batch, height, width, 3]`);
  }
  return [batch, height, width, channels];
}

function describe(name: string, info: TensorInfo): string {
  return `${name} (${info.dtype} ${info.shape === null ? 'of unknown shape' : `[${info.shape.join(', ')}]`})`;
}

function list(names: Iterable<string>): string {
  return [...names].sort().join(', ') || 'none';
}
