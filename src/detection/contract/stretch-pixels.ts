import type { PixelImage } from '../../core/frames.js';
import type { Size } from '../../core/geometry.js';

const CHANNELS = 3;

/** Scales a picture (`rgb24`) to another size, aspect not kept: bilinear, pixel centres on pixel centres.
 * @param target gets the result, `size.widthPx * size.heightPx * 3` bytes
 * @returns `target` */
export function stretchPixels({ data, widthPx, heightPx }: PixelImage, size: Size, target: Uint8Array): Uint8Array {
  const columns = samples(widthPx, size.widthPx);
  const rows = samples(heightPx, size.heightPx);
  let at = 0;
  for (let y = 0; y < size.heightPx; y += 1) {
    const upper = (rows.low[y] ?? 0) * widthPx * CHANNELS;
    const lower = (rows.high[y] ?? 0) * widthPx * CHANNELS;
    const down = rows.share[y] ?? 0;
    for (let x = 0; x < size.widthPx; x += 1) {
      const left = (columns.low[x] ?? 0) * CHANNELS;
      const right = (columns.high[x] ?? 0) * CHANNELS;
      const across = columns.share[x] ?? 0;
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        const above = (data[upper + left + channel] ?? 0) * (1 - across) + (data[upper + right + channel] ?? 0) * across;
        const below = (data[lower + left + channel] ?? 0) * (1 - across) + (data[lower + right + channel] ?? 0) * across;
        target[at] = Math.round(above * (1 - down) + below * down);
        at += 1;
      }
    }
  }
  return target;
}

/** For each of `to` pixels of a line the two of `from` that it lies between, and how near it is to the second. */
function samples(from: number, to: number): { low: Int32Array; high: Int32Array; share: Float64Array } {
  const positions = Float64Array.from({ length: to }, (_, index) => Math.min(from - 1, Math.max(0, ((index + 0.5) * from) / to - 0.5)));
  const low = Int32Array.from(positions, Math.floor);
  return { low, high: low.map((index) => Math.min(from - 1, index + 1)), share: positions.map((position, index) => position - (low[index] ?? 0)) };
}
