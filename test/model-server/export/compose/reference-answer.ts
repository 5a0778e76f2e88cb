import { boxIou, letterbox, unletterboxBox, type BoxXyxyPx, type Size } from '../../../../src/core/geometry.js';
import { fitPixels, placePicture } from '../../../../src/model-server/recipe/fit-pixels.js';
import { ROWS, SIDE_PX, squareCorner, SQUARE_PX } from '../../../fixtures/models/square-features.js';
import type { Pictures } from './run-composed.js';

/** One row of a graph, in pixels of what it looks at. */
export type Candidate = { readonly box: BoxXyxyPx; readonly score: number; /** `undefined`: none. */ readonly classId: number | undefined };
export type Row = { readonly box: readonly number[]; readonly score: number; readonly classId: number };

/** Rows of an answer, computed plainly: what is asked of a composed model. */
export function referenceRows(candidates: readonly Candidate[], source: Size, canvas: Size, nms: number | null): Row[] {
  const lb = letterbox(source, canvas);
  const kept: { box: BoxXyxyPx; score: number; classId: number }[] = [];
  const seen = candidates.flatMap(({ box: onCanvas, score, classId }) => {
    const box = unletterboxBox(onCanvas, lb);
    const isSeen = onCanvas.every(Number.isFinite) && box[2] - box[0] > 1e-6 * source.widthPx && box[3] - box[1] > 1e-6 * source.heightPx;
    return classId === undefined || !(score > 0) || !isSeen ? [] : [{ box, classId, score: Math.min(1, score) }];
  });
  for (const row of seen.sort((a, b) => b.score - a.score)) {
    if (nms === null || !kept.some((better) => better.classId === row.classId && boxIou(better.box, row.box) > nms)) kept.push(row);
  }
  return kept.slice(0, 100).map(({ box: [x1, y1, x2, y2], score, classId }) => ({ box: [y1 / source.heightPx, x1 / source.widthPx, y2 / source.heightPx, x2 / source.widthPx], score, classId }));
}

/** Mean red, green and blue, in [0, 1], of the squares that the models of test/fixtures/models look at. */
export function squareColoursOf(pictures: Pictures, picture: number): { readonly box: BoxXyxyPx; readonly colours: readonly number[] }[] {
  const { widthPx, heightPx, data } = pictures;
  const size = widthPx * heightPx * 3;
  const canvas = new Float32Array(SIDE_PX * SIDE_PX * 3);
  fitPixels(data.subarray(picture * size, (picture + 1) * size), canvas, placePicture({ widthPx, heightPx }, { size: { widthPx: SIDE_PX, heightPx: SIDE_PX }, resize: 'letterbox' }));
  return Array.from({ length: ROWS }, (_, row) => {
    const { x, y } = squareCorner(row);
    const colours = [0, 0, 0];
    for (let dy = 0; dy < SQUARE_PX; dy += 1) {
      for (let dx = 0; dx < SQUARE_PX; dx += 1) {
        for (let channel = 0; channel < 3; channel += 1) colours[channel] = (colours[channel] ?? 0) + (canvas[((y + dy) * SIDE_PX + x + dx) * 3 + channel] ?? 0) / (255 * SQUARE_PX * SQUARE_PX);
      }
    }
    return { box: [x, y, x + SQUARE_PX, y + SQUARE_PX], colours };
  });
}

/** Index and value of the highest. */
export function highest(values: readonly number[]): { readonly index: number; readonly value: number } {
  const value = Math.max(...values);
  return { index: values.indexOf(value), value };
}
