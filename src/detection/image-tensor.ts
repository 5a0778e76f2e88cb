import type { PixelImage, VideoFrame } from '../core/frames.js';
import type { Size } from '../core/geometry.js';

const CHANNELS = 3;

export type ImageTensorOptions = {
  /** Size that the model insists on, `null` for any. Frames of another size, decoded before the model was known or changed, are stretched to
   * it: normalised boxes stay what they are. */
  readonly fixedSize: Size | null;
  /** Images that the model insists on, `null` for any. The last frame is sent again until there are as many. */
  readonly fixedBatchSize: number | null;
};

/** Pixels of frames of equal model input size as uint8 `[n, height, width, 3]`; one frame of the right size travels without being copied.
 * @throws {RangeError} without a frame */
export function imageTensor(frames: readonly VideoFrame[], { fixedSize, fixedBatchSize }: ImageTensorOptions): { dtype: 'uint8'; shape: number[]; data: Uint8Array } {
  const [first] = frames;
  const last = frames.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('Expected at least one frame, got none');
  const size = fixedSize ?? first.modelInput;
  const filler = Array.from({ length: Math.max(0, (fixedBatchSize ?? 0) - frames.length) }, () => last);
  const images = [...frames, ...filler].map(({ modelInput }) => stretch(modelInput, size));
  const [only] = images;
  return { dtype: 'uint8', shape: [images.length, size.heightPx, size.widthPx, CHANNELS], data: images.length === 1 && only !== undefined ? only : Buffer.concat(images) };
}

/** Bilinear, pixel centres on pixel centres; the very same pixels when the size is right already. */
function stretch(image: PixelImage, size: Size): Buffer {
  const { data, widthPx, heightPx } = image;
  if (widthPx === size.widthPx && heightPx === size.heightPx) return data;
  const columns = samples(widthPx, size.widthPx);
  const target = Buffer.allocUnsafe(size.widthPx * size.heightPx * CHANNELS);
  let at = 0;
  for (const row of samples(heightPx, size.heightPx)) {
    for (const column of columns) {
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        const value = (y: number, x: number): number => data[(y * widthPx + x) * CHANNELS + channel] ?? 0;
        const upper = value(row.low, column.low) * (1 - column.share) + value(row.low, column.high) * column.share;
        const lower = value(row.high, column.low) * (1 - column.share) + value(row.high, column.high) * column.share;
        target[at] = Math.round(upper * (1 - row.share) + lower * row.share);
        at += 1;
      }
    }
  }
  return target;
}

/** For each of `to` pixels of a line the two of `from` that it lies between, and how near it is to the second. */
function samples(from: number, to: number): { low: number; high: number; share: number }[] {
  return Array.from({ length: to }, (_, index) => {
    const position = Math.min(from - 1, Math.max(0, ((index + 0.5) * from) / to - 0.5));
    const low = Math.floor(position);
    return { low, high: Math.min(from - 1, low + 1), share: position - low };
  });
}
