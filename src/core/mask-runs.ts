import type { DetectionMask } from './frames.js';
import type { BoxXyxyPx, Size } from './geometry.js';
import { MASK_LEVEL, sampleMask, visibleMask } from './mask-area.js';

/** Which part of a box an object covers, for JSON: `widthPx` x `heightPx` equal cells over `box`, each of them in or out. */
export type MaskRuns = Size & {
  /** What the cells lie over: the visible part of the mask's box, pixels of the picture. */
  readonly box: BoxXyxyPx;
  /** How many cells in turn are outside, inside, outside, … of the object, row by row from the top left; begins with outside (perhaps 0), ends with the last cell. */
  readonly runs: readonly number[];
};

/** Cells along a side at most. On the large view of a 720p stream one is then about three pixels (measured 2026: 0.6 KB of JSON an object; as bits in base64 it would be 1.5). */
export const MAX_MASK_CELLS = 96;
/** Boxes are written to a hundredth of a pixel. */
const BOX_DECIMALS = 2;

/** Writes a mask's visible part as runs, about one cell a pixel, at most {@link MAX_MASK_CELLS} a side.
 * @param picture size of the picture that the mask's box is in
 * @returns `null` when nothing of the box is visible */
export function encodeMask(mask: DetectionMask, picture: Size): MaskRuns | null {
  const area = visibleMask(mask, picture);
  if (area === null) return null;
  const [x1, y1, x2, y2] = area.box;
  const [left, top, right, bottom] = area.cells;
  const columns = middles(left, right, x2 - x1);
  const rows = middles(top, bottom, y2 - y1);
  const box = area.box.map((edge) => Number(edge.toFixed(BOX_DECIMALS))) as unknown as BoxXyxyPx;
  return { box, widthPx: columns.length, heightPx: rows.length, runs: runsOf(sampleMask(mask, columns, rows)) };
}

/** Makes a mask of runs: 1 inside, 0 outside and wherever runs are missing. What goes beyond the last cell is not looked at.
 * @returns `null` for a size that {@link encodeMask} does not write */
export function decodeMask({ box, widthPx, heightPx, runs }: MaskRuns): DetectionMask | null {
  if (![widthPx, heightPx].every((side) => Number.isInteger(side) && side >= 1 && side <= MAX_MASK_CELLS)) return null;
  const data = new Float32Array(widthPx * heightPx);
  let at = 0;
  for (const [index, length] of runs.entries()) {
    if (index % 2 === 1) data.fill(1, at, at + length);
    at += length;
    if (!(at < data.length)) break;
  }
  return { box, widthPx, heightPx, data };
}

/** Middles of equal cells from one place to another, one for each pixel or fewer. */
function middles(from: number, to: number, lengthPx: number): number[] {
  const count = Math.min(MAX_MASK_CELLS, Math.ceil(lengthPx));
  return Array.from({ length: count }, (_, index) => from + ((index + 0.5) / count) * (to - from));
}

function runsOf(values: Float32Array): number[] {
  const runs: number[] = [];
  let inside = false;
  let start = 0;
  for (let index = 0; index < values.length; index += 1) {
    if ((values[index] ?? 0) > MASK_LEVEL === inside) continue;
    runs.push(index - start);
    start = index;
    inside = !inside;
  }
  runs.push(values.length - start);
  return runs;
}
