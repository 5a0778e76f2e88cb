import type { DetectionMask } from './frames.js';
import { boxArea, clipBox, type BoxXyxyPx, type Size } from './geometry.js';

/** Values above this are the object. */
export const MASK_LEVEL = 0.5;

/** The part of a mask that lies in a picture. */
export type MaskArea = {
  /** Pixels of the picture; not empty. */
  readonly box: BoxXyxyPx;
  /** The same in cells of the mask: `[left, top, right, bottom]`, 0 to its width or height; cell i reaches from i to i + 1. */
  readonly cells: readonly [left: number, top: number, right: number, bottom: number];
};

/** Finds what there is to see of a mask; `null`: nothing, or its box is no box. */
export function visibleMask({ box, widthPx, heightPx }: DetectionMask, picture: Size): MaskArea | null {
  const [x1, y1, x2, y2] = box;
  const visible = clipBox(box, picture);
  if (!box.every(Number.isFinite) || widthPx < 1 || heightPx < 1 || !(boxArea(visible) > 0)) return null;
  const column = (x: number): number => ((x - x1) / (x2 - x1)) * widthPx;
  const row = (y: number): number => ((y - y1) / (y2 - y1)) * heightPx;
  return { box: visible, cells: [column(visible[0]), row(visible[1]), column(visible[2]), row(visible[3])] };
}

/** Reads a mask where the given columns and rows cross: bilinear between the middles of its cells, constant beyond the outermost.
 * @param columns in cells of the mask, as {@link MaskArea.cells}
 * @param rows likewise
 * @returns row-major, `rows.length * columns.length` values */
export function sampleMask({ data, widthPx, heightPx }: DetectionMask, columns: readonly number[], rows: readonly number[]): Float32Array {
  const values = new Float32Array(columns.length * rows.length);
  const across = neighbours(columns, widthPx);
  const down = neighbours(rows, heightPx);
  const line = new Float32Array(widthPx);
  let index = 0;
  for (let row = 0; row < rows.length; row += 1) {
    const above = (down.low[row] ?? 0) * widthPx;
    const below = (down.high[row] ?? 0) * widthPx;
    const part = down.part[row] ?? 0;
    for (let x = 0; x < widthPx; x += 1) line[x] = mixed(data[above + x] ?? 0, data[below + x] ?? 0, part);
    for (let column = 0; column < columns.length; column += 1) {
      values[index] = mixed(line[across.low[column] ?? 0] ?? 0, line[across.high[column] ?? 0] ?? 0, across.part[column] ?? 0);
      index += 1;
    }
  }
  return values;
}

/** Cells on both sides of each place, and the weight of the higher one, in [0, 1]. */
type Neighbours = { readonly low: Int32Array; readonly high: Int32Array; readonly part: Float64Array };

function neighbours(places: readonly number[], cells: number): Neighbours {
  const inside = Float64Array.from(places, (at) => Math.min(cells - 1, Math.max(0, at - 0.5)));
  const low = Int32Array.from(inside, Math.floor);
  return { low, high: low.map((cell) => Math.min(cells - 1, cell + 1)), part: inside.map((at, index) => at - (low[index] ?? 0)) };
}

function mixed(from: number, to: number, part: number): number {
  return from + (to - from) * part;
}
