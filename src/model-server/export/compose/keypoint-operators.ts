import type { BoxUnits } from '../../store/recipe.js';
import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import type { AnswerRows } from './answer-rows.js';
import { lastAxisItem, slice } from './found-rows.js';
import { whereRow } from './mask-operators.js';
import type { PicturePlace } from './picture-operators.js';

export type Keypoints = { /** `[n, k, points, 2]`: y, x normalised to the picture. */ readonly points: string; /** `[n, k, points]`. */ readonly scores: string | null };

/** Writes the operators that read the keypoints of each row of a pose head.
 * @param values `[n, k, points * (2 or 3)]`: x, y and, where `scored`, a score of each point */
export function addPoseKeypoints(b: OnnxBuilder, rows: AnswerRows, values: string, recipe: { readonly count: number; readonly scored: boolean }, units: BoxUnits, place: PicturePlace): Keypoints {
  const length = recipe.count * (recipe.scored ? 3 : 2);
  const shaped = b.op('Reshape', [slice(b, values, -1, 0, length), b.ints([0, 0, recipe.count, recipe.scored ? 3 : 2])]);
  const yx = b.op('Gather', [shaped, b.ints([1, 0])], { axis: attr.int(-1) });
  const pixels = units === 'pixels' ? yx : b.op('Mul', [yx, slice(b, place.canvas, 0, 0, 2)]);
  return { points: onPicture(b, rows, pixels, place), scores: recipe.scored ? whereRow(b, rows, lastAxisItem(b, shaped, 2), 1) : null };
}

/** Writes the operators that bring keypoints of an Object Detection API graph back to the picture.
 * @param points `[n, k, points, 2]`: y, x normalised to what the graph looked at @param scores `[n, k, points]` */
export function addGivenKeypoints(b: OnnxBuilder, rows: AnswerRows, points: string, scores: string | null, place: PicturePlace): Keypoints {
  const pixels = b.op('Mul', [points, slice(b, place.canvas, 0, 0, 2)]);
  return { points: onPicture(b, rows, pixels, place), scores: scores === null ? null : whereRow(b, rows, scores, 1) };
}

function onPicture(b: OnnxBuilder, rows: AnswerRows, pixels: string, place: PicturePlace): string {
  const [offset, content] = [place.offset, place.content].map((value) => slice(b, value, 0, 0, 2)) as [string, string];
  return whereRow(b, rows, b.op('Div', [b.op('Sub', [pixels, offset]), content]), 2);
}
