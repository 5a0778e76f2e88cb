import { letterbox, type Letterbox, type Size } from '../../core/geometry.js';
import { LETTERBOX_GREY, type InputRecipe } from '../store/recipe.js';

const CHANNELS = 3;

/** Weights of the source pixels that make up each pixel of one row or column: `count` from `first` on. */
type Taps = { readonly first: Int32Array; readonly count: Int32Array; readonly weights: Float32Array; readonly stride: number };

/** Where a picture lies on the canvas that a graph looks at. */
export function placePicture(source: Size, { size, resize }: Pick<InputRecipe, 'size' | 'resize'>): Letterbox {
  if (resize === 'letterbox') return letterbox(source, size);
  const canvas = resize === 'none' ? source : size;
  return { source, canvas, content: canvas, offsetXPx: 0, offsetYPx: 0 };
}

/** Fits one RGB image into `target`, as `place` says. An image of the canvas's own size passes untouched; others are scaled
 * bilinearly, with the filter widened to the scale when shrinking, so that no source pixel is skipped.
 * @param pixels `[height, width, 3]` of `place.source`, row-major, 0–255
 * @param target `[height, width, 3]` of `place.canvas`, overwritten */
export function fitPixels(pixels: Uint8Array, target: Float32Array, place: Letterbox): void {
  const { source, canvas, content } = place;
  if (source.widthPx === canvas.widthPx && source.heightPx === canvas.heightPx) {
    target.set(pixels);
    return;
  }
  target.fill(LETTERBOX_GREY);
  const columns = resizeTaps(source.widthPx, content.widthPx);
  const rows = resizeTaps(source.heightPx, content.heightPx);
  const narrowed = narrowRows(pixels, source, columns, content.widthPx);
  const rowLength = content.widthPx * CHANNELS;
  for (let y = 0; y < content.heightPx; y += 1) {
    const at = ((y + place.offsetYPx) * canvas.widthPx + place.offsetXPx) * CHANNELS;
    const targetRow = target.subarray(at, at + rowLength).fill(0);
    const first = rows.first[y] ?? 0;
    for (let tap = 0; tap < (rows.count[y] ?? 0); tap += 1) {
      const weight = rows.weights[y * rows.stride + tap] ?? 0;
      const from = (first + tap) * rowLength;
      for (let index = 0; index < rowLength; index += 1) targetRow[index] = (targetRow[index] ?? 0) + weight * (narrowed[from + index] ?? 0);
    }
  }
}

/** Scales every row to `widthPx`, keeping all rows. */
function narrowRows(pixels: Uint8Array, source: Size, taps: Taps, widthPx: number): Float32Array {
  const narrowed = new Float32Array(source.heightPx * widthPx * CHANNELS);
  for (let y = 0; y < source.heightPx; y += 1) {
    const rowStart = y * source.widthPx * CHANNELS;
    for (let x = 0; x < widthPx; x += 1) {
      let red = 0;
      let green = 0;
      let blue = 0;
      let from = rowStart + (taps.first[x] ?? 0) * CHANNELS;
      const count = taps.count[x] ?? 0;
      for (let tap = 0; tap < count; tap += 1, from += CHANNELS) {
        const weight = taps.weights[x * taps.stride + tap] ?? 0;
        red += weight * (pixels[from] ?? 0);
        green += weight * (pixels[from + 1] ?? 0);
        blue += weight * (pixels[from + 2] ?? 0);
      }
      const to = (y * widthPx + x) * CHANNELS;
      narrowed[to] = red;
      narrowed[to + 1] = green;
      narrowed[to + 2] = blue;
    }
  }
  return narrowed;
}

/** A triangle filter one pixel wide when enlarging, as wide as the scale when shrinking; pixel centres at one half. */
function resizeTaps(from: number, to: number): Taps {
  const scale = from / to;
  const radius = Math.max(1, scale);
  const stride = Math.ceil(radius * 2) + 1;
  const taps: Taps = { first: new Int32Array(to), count: new Int32Array(to), weights: new Float32Array(to * stride), stride };
  for (let index = 0; index < to; index += 1) {
    const centre = (index + 0.5) * scale;
    const first = Math.max(0, Math.floor(centre - radius));
    const last = Math.min(from, Math.ceil(centre + radius));
    let sum = 0;
    for (let at = first; at < last; at += 1) {
      const weight = Math.max(0, 1 - Math.abs(at + 0.5 - centre) / radius);
      taps.weights[index * stride + at - first] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < last - first; tap += 1) taps.weights[index * stride + tap] = (taps.weights[index * stride + tap] ?? 0) / sum;
    taps.first[index] = first;
    taps.count[index] = last - first;
  }
  return taps;
}
