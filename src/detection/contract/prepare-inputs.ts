import { ModelMismatchError } from '../../core/errors.js';
import type { PixelImage, VideoFrame } from '../../core/frames.js';
import type { Tensor, TensorWriter } from '../../serving/tensor.js';
import type { ModelPlan } from './model-plan.js';
import { CHANNELS, pixelCopier } from './pixel-copier.js';

/** Encodes a picture (`rgb24`) as JPEG. */
export type JpegEncoder = (image: PixelImage) => Promise<Buffer>;

/** What a request carries, by the name of the input. */
export type PreparedInputs = Readonly<Record<string, Tensor | TensorWriter>>;

/** Prepares a request for frames of equal model input size. Pixels are written straight into the request, at the size, in the order and as the
 * numbers that the model wants; they are read when it is written, so the frames must be held until then. Frames of another size than the
 * model insists on, decoded before it was known or changed, are stretched: normalised boxes stay what they are. Where the model insists on more
 * frames than there are, the last one is sent again.
 * @param encodeJpeg for models that take encoded pictures, the only ones that are waited for; `null`: none can be used
 * @throws {ModelMismatchError} the model takes encoded pictures, and there is no encoder
 * @throws {RangeError} without a frame, or with more than the model takes */
export function prepareInputs(plan: ModelPlan, frames: readonly VideoFrame[], encodeJpeg: JpegEncoder | null): PreparedInputs | Promise<PreparedInputs> {
  const { name, kind, fixedBatchSize } = plan.input;
  const last = frames.at(-1);
  if (last === undefined || frames.length > (fixedBatchSize ?? Infinity)) throw new RangeError(`Expected 1 to ${String(fixedBatchSize ?? 'any number of')} frames, got ${String(frames.length)}`);
  const images = frames.map(({ modelInput }) => modelInput);
  const batchSize = Math.max(frames.length, fixedBatchSize ?? 0);
  if (kind !== 'jpeg') return { [name]: pixelWriter(plan, images, batchSize) };
  if (encodeJpeg === null) throw new ModelMismatchError(`its input ${name} takes encoded images, and there is nothing to encode them with`);
  return Promise.all(images.map(encodeJpeg)).then((jpegs) => ({ [name]: { dtype: 'string', shape: [batchSize], data: filled(jpegs, batchSize) } }));
}

function pixelWriter({ input }: ModelPlan, images: readonly PixelImage[], batchSize: number): TensorWriter {
  const { kind, layout, normalization, fixedInputSize } = input;
  const { widthPx, heightPx } = fixedInputSize ?? images[0] ?? { widthPx: 0, heightPx: 0 };
  const values = widthPx * heightPx * CHANNELS;
  return {
    dtype: kind === 'float' ? 'float' : 'uint8',
    shape: layout === 'nchw' ? [batchSize, CHANNELS, heightPx, widthPx] : [batchSize, heightPx, widthPx, CHANNELS],
    write: (target) => {
      const copy = pixelCopier({ size: { widthPx, heightPx }, layout, normalization });
      const numbers = kind === 'float' ? new Float32Array(target.buffer, target.byteOffset, target.byteLength / Float32Array.BYTES_PER_ELEMENT) : target;
      images.forEach((image, index) => {
        copy(image, numbers.subarray(index * values, (index + 1) * values));
      });
      for (let index = images.length; index < batchSize; index += 1) numbers.copyWithin(index * values, (images.length - 1) * values, images.length * values);
    },
  };
}

/** Repeats the last one until there are `count`. */
function filled<T>(items: readonly T[], count: number): T[] {
  return [...items, ...items.slice(-1).flatMap((last) => Array.from({ length: count - items.length }, () => last))];
}
