import { clipBox, type BoxXyxyPx, type Size } from '../geometry.js';

/** Pixels that a box covers: columns x1 to x2 - 1, rows y1 to y2 - 1; at least one pixel, all inside the picture. */
export type BoxPixels = { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number };

/** Rounds a box to whole pixels. This is the pixel rule of all drawing: the box's edges are rounded to the nearest pixel border, and the
 * outer edge of the coloured line runs exactly along them.
 * @param box pixels of a picture of size `picture`; edges in the wrong order are swapped, an empty box gets one pixel
 * @returns `null` for a box with a coordinate that is no finite number
 */
export function boxPixels(box: BoxXyxyPx, picture: Size): BoxPixels | null {
  if (!box.every(Number.isFinite)) return null;
  const [left, top, right, bottom] = clipBox(box, picture);
  const [x1, x2] = span(left, right, picture.widthPx);
  const [y1, y2] = span(top, bottom, picture.heightPx);
  return { x1, y1, x2, y2 };
}

function span(a: number, b: number, lengthPx: number): [start: number, end: number] {
  const start = Math.min(Math.round(Math.min(a, b)), lengthPx - 1);
  return [start, Math.max(start + 1, Math.round(Math.max(a, b)))];
}
