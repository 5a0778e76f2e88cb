import { ModelMismatchError } from '../../core/errors.js';
import type { Size } from '../../core/geometry.js';
import type { SignatureDef, TensorInfo } from '../../serving/metadata-messages.js';
import type { Normalization } from './model-wishes.js';
import { describeTensor, listNames } from './signature-text.js';

/** How frames are put into a model. */
export type InputPlan = {
  /** As the signature calls it: `inputs`, `input_tensor`, … */
  readonly name: string;
  /** `jpeg`: each frame is one string, an encoded picture. */
  readonly kind: 'uint8' | 'float' | 'jpeg';
  /** `nchw`: `[batch, 3, height, width]`. */
  readonly layout: 'nhwc' | 'nchw';
  /** `none` for anything but float. */
  readonly normalization: Normalization;
  /** Frames in a request that the model was exported for; `null`: any number. */
  readonly fixedBatchSize: number | null;
  /** Size that the model insists on; `null` where it takes any. */
  readonly fixedInputSize: Size | null;
};

const EXPECTED = 'expected images as uint8 or float [batch, height, width, 3] or [batch, 3, height, width], or encoded ones as string [batch]';
/** A signature that wants larger requests than the client's messages may be is a mistake, and none that memory is taken for. */
const MAX_REQUEST_BYTES = 256 * 1024 * 1024;
const CHANNELS = 3;

/** Reads how a signature takes pictures.
 * @param normalization of a float input
 * @throws {ModelMismatchError} when it does not, one line */
export function readInputPlan(signature: SignatureDef, normalization: Normalization): InputPlan {
  const [name, info] = onlyInput(signature);
  switch (info.dtype) {
    case 'string':
      return jpegPlan(name, info);
    case 'uint8':
      return pixelPlan(name, info, 'uint8', 'none');
    case 'float':
      return pixelPlan(name, info, 'float', normalization);
    default:
      throw new ModelMismatchError(`its input ${describeTensor(name, info)} is not uint8, float or string: ${EXPECTED}`);
  }
}

function onlyInput(signature: SignatureDef): [string, TensorInfo] {
  const [first, ...others] = signature.inputs;
  if (first === undefined || others.length > 0) {
    throw new ModelMismatchError(`it takes ${String(signature.inputs.size)} inputs (${listNames(signature.inputs.keys())}): expected one, the images`);
  }
  return first;
}

function jpegPlan(name: string, info: TensorInfo): InputPlan {
  const [batch, ...more] = info.shape ?? [-1];
  if (batch === undefined || more.length > 0) throw new ModelMismatchError(`its input ${describeTensor(name, info)} is not a batch of encoded images: ${EXPECTED}`);
  return { name, kind: 'jpeg', layout: 'nhwc', normalization: 'none', fixedBatchSize: fixed(batch), fixedInputSize: null };
}

/** The 3 of the colour channels tells the layout; where the shape does not say, they come last. */
function pixelPlan(name: string, info: TensorInfo, kind: 'uint8' | 'float', normalization: Normalization): InputPlan {
  const [batch, first, second, third, ...more] = info.shape ?? [-1, -1, -1, -1];
  if (batch === undefined || first === undefined || second === undefined || third === undefined || more.length > 0) {
    throw new ModelMismatchError(`its input ${describeTensor(name, info)} is not a batch of images: ${EXPECTED}`);
  }
  const layout = first === CHANNELS && third !== CHANNELS ? 'nchw' : 'nhwc';
  const [height, width, channels] = layout === 'nchw' ? [second, third, first] : [first, second, third];
  if (channels !== CHANNELS && channels >= 0) throw new ModelMismatchError(`its input ${describeTensor(name, info)} does not have 3 channels: ${EXPECTED}`);
  if (height === 0 || width === 0 || batch === 0) throw new ModelMismatchError(`its input ${describeTensor(name, info)} holds no picture: ${EXPECTED}`);
  const plan: InputPlan = { name, kind, layout, normalization, fixedBatchSize: fixed(batch), fixedInputSize: fixedSize(height, width) };
  const { widthPx, heightPx } = plan.fixedInputSize ?? { widthPx: 1, heightPx: 1 };
  const bytes = (plan.fixedBatchSize ?? 1) * widthPx * heightPx * CHANNELS * (kind === 'float' ? 4 : 1);
  if (bytes > MAX_REQUEST_BYTES) throw new ModelMismatchError(`its input ${describeTensor(name, info)} wants more than 256 MiB a request: export it for smaller batches or pictures`);
  return plan;
}

/** Where only one side is free, it is made as long as the other. */
function fixedSize(height: number, width: number): Size | null {
  if (height < 0 && width < 0) return null;
  return { widthPx: width < 0 ? height : width, heightPx: height < 0 ? width : height };
}

function fixed(batch: number): number | null {
  return batch < 0 ? null : batch;
}
