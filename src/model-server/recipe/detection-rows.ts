import { boxIou, unletterboxBox, type BoxXyxyPx, type BoxYxyxNormalized, type Letterbox } from '../../core/geometry.js';
import { MAX_DETECTIONS } from '../store/recipe.js';

/** Normalised boxes travel as float32; a thinner one would not survive that. */
const MIN_SIDE = 1e-6;

/** Objects that suppression compares, the best ones: as many as the operators of the ONNX model and of the SavedModel do. */
const MAX_CANDIDATES = 2_000;

/** One object as a graph found it. */
export type Candidate = {
  /** In pixels of the graph's canvas; any numbers. */
  readonly box: BoxXyxyPx;
  readonly classId: number;
  /** Any number. */
  readonly score: number;
};

/** One object as the answer carries it. */
export type DetectionRow = { readonly box: BoxYxyxNormalized; readonly classId: number; readonly score: number };

/** Makes an answer's rows of what a graph found in one picture: maps boxes back to the picture and clips them, drops what is empty or not finite, orders by score
 * and suppresses overlapping boxes of one class.
 * @param nms overlap (IoU) above which the weaker of two boxes of one class goes; `null`: both stay. The default model's local maxima leave little to suppress:
 * on 60 frames of people walking, no two boxes of one class with scores above 0.15 overlapped by more than 0.3.
 * @returns at most {@link MAX_DETECTIONS}, best first, scores in (0, 1] */
export function toDetectionRows(candidates: readonly Candidate[], place: Letterbox, nms: number | null): DetectionRow[] {
  const visible: Candidate[] = [];
  for (const { box: onCanvas, classId, score } of candidates) {
    const box = unletterboxBox(onCanvas, place);
    if (score > 0 && isVisible(box, place)) visible.push({ box, classId, score: Math.min(1, score) });
  }
  visible.sort((a, b) => b.score - a.score);
  const kept = nms === null ? visible.slice(0, MAX_DETECTIONS) : suppressOverlaps(visible.slice(0, MAX_CANDIDATES), nms);
  return kept.map(({ box, classId, score }) => ({ box: normalize(box, place), classId, score }));
}

/** Greedy non-maximum suppression, class by class, up to as many as an answer holds. */
function suppressOverlaps(ordered: readonly Candidate[], maxIou: number): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of ordered) {
    const isDuplicate = kept.some((better) => better.classId === candidate.classId && boxIou(better.box, candidate.box) > maxIou);
    if (!isDuplicate && kept.push(candidate) === MAX_DETECTIONS) break;
  }
  return kept;
}

function isVisible(box: BoxXyxyPx, place: Letterbox): boolean {
  return box[2] - box[0] > MIN_SIDE * place.source.widthPx && box[3] - box[1] > MIN_SIDE * place.source.heightPx;
}

function normalize(box: BoxXyxyPx, place: Letterbox): BoxYxyxNormalized {
  const { widthPx, heightPx } = place.source;
  return [box[1] / heightPx, box[0] / widthPx, box[3] / heightPx, box[2] / widthPx];
}
