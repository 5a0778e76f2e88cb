import type { Size } from '../geometry.js';
import type { BoxPixels } from './box-pixels.js';

/** A rectangle of whole pixels. */
export type PixelRect = { readonly xPx: number; readonly yPx: number } & Size;

/** Finds the place of one label: above its box, else inside at the top, else below, else inside at the bottom; the first that covers no
 * label placed before, or the first at all when none is free. Always wholly inside the picture, moved left or right as needed.
 * @param box the box's pixels
 * @param plate size of the label
 * @param gapPx distance from the box to a label outside it (the box's outline)
 * @param placed labels that have their place already
 * @returns `null` when the label is larger than the picture
 */
export function placeLabel(box: BoxPixels, plate: Size, picture: Size, gapPx: number, placed: readonly PixelRect[]): PixelRect | null {
  if (plate.widthPx > picture.widthPx || plate.heightPx > picture.heightPx) return null;
  const lowestY = picture.heightPx - plate.heightPx;
  const left = clamp(box.x1 - gapPx, 0, picture.widthPx - plate.widthPx);
  const right = clamp(box.x2 + gapPx - plate.widthPx, 0, picture.widthPx - plate.widthPx);
  const above = box.y1 - gapPx - plate.heightPx;
  const below = box.y2 + gapPx;
  const insideTop = clamp(box.y1, 0, lowestY);
  const insideBottom = clamp(box.y2 - plate.heightPx, 0, lowestY);

  const rows = [...(above >= 0 ? [above] : []), insideTop, ...(below <= lowestY ? [below] : []), insideBottom];
  const candidates = rows.flatMap((yPx) => [left, right].map((xPx) => ({ xPx, yPx, ...plate })));
  return candidates.find((candidate) => !placed.some((other) => overlaps(candidate, other))) ?? candidates[0] ?? null;
}

function overlaps(a: PixelRect, b: PixelRect): boolean {
  return a.xPx < b.xPx + b.widthPx && b.xPx < a.xPx + a.widthPx && a.yPx < b.yPx + b.heightPx && b.yPx < a.yPx + a.heightPx;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
