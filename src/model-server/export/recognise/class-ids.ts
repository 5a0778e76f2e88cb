import { COCO_IDS } from '../../../core/coco-ids.js';
import type { ClassIds } from '../../store/recipe.js';
import { recognitionProblem } from './endpoint.js';
import { WISH_OPTIONS, type RecipeWishes } from './recipe-wishes.js';

/** Ids of a detector's classes, and the label map that belongs to them; `null`: COCO's, which every viewer has, or nobody knows. */
export type NamedClasses = { readonly classIds: ClassIds; readonly labels: ReadonlyMap<number, string> | null };

const COCO_CLASSES = 80;
/** COCO's ids go to 90; models that count by them have a score for each, and many one for 0, which is nothing. */
const COCO_HIGHEST_ID = 90;

/** Decides what a detector's classes are called in its answers, as the service's label maps have them: the label of class id i is entry i of the label map, the first line of a text file is
 * id 1, and without a file ids are COCO's, 1 to 90.
 * - A label map: its ids in ascending order, one a class; where it has not one for each class, counted on from 0 or 1 as it begins.
 * - 80 classes without one, or with COCO's own names: COCO's ids, so that no label map is needed.
 * - 90 classes: ids from 1; 91: ids from 0 (COCO's ids themselves).
 * - Names in the model's metadata: ids from 1, and a label map of them.
 * - Else ids from 1.
 * @param count classes, the background not counted @param names of the classes in their order
 * @throws {ConfigError} when the label map has not room for the classes */
export function nameClasses(count: number, names: readonly string[] | null, wishes: RecipeWishes): NamedClasses {
  if (wishes.classIds !== undefined) return { classIds: wishedIds(count, wishes.classIds), labels: wishes.labels ?? null };
  if (wishes.labels !== undefined) return { classIds: idsOfLabels(count, wishes.labels), labels: wishes.labels };
  if (count === COCO_CLASSES && (names === null || areCoco(names))) return { classIds: COCO_IDS, labels: null };
  const first = names === null && count === COCO_HIGHEST_ID + 1 ? 0 : 1;
  const classIds = countedFrom(first, count);
  return { classIds, labels: names === null ? null : labelsOf(names) };
}

/** The label map of names in their order, ids from 1. */
export function labelsOf(names: readonly string[]): ReadonlyMap<number, string> {
  return new Map(names.map((name, index) => [index + 1, name]));
}

function wishedIds(count: number, wish: NonNullable<RecipeWishes['classIds']>): ClassIds {
  const ids = wish === 'coco90' ? COCO_IDS : wish;
  if (ids.length === count) return ids;
  throw recognitionProblem(WISH_OPTIONS.classIds, `it has ${count} classes: expected as many ids, got ${ids.length}`);
}

function idsOfLabels(count: number, labels: ReadonlyMap<number, string>): ClassIds {
  const ids = [...labels.keys()].sort((a, b) => a - b);
  if (ids.length === count) return ids;
  const [first = 1] = ids;
  const start = first === 0 ? 0 : 1;
  if ((ids.at(-1) ?? 0) >= start + count) throw recognitionProblem(WISH_OPTIONS.labels, `it has ${count} classes, but the label map has ${ids.length}, up to id ${String(ids.at(-1))}: expected the label map of this model, or ${WISH_OPTIONS.classIds}`);
  return countedFrom(start, count);
}

function countedFrom(first: number, count: number): ClassIds {
  return Array.from({ length: count }, (_, index) => index + first);
}

/** By two of them that no other set has in these places. */
function areCoco(names: readonly string[]): boolean {
  return names[0] === 'person' && names[74] === 'clock' && names[79] === 'toothbrush';
}
