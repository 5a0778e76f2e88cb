import { boxIou, unletterboxBox, type BoxXyxyPx, type BoxYxyxNormalized, type Letterbox } from '../core/geometry.js';
import { COCO_IDS } from '../core/coco-ids.js';

/** Rows of the answer for an image, as Object Detection API models have them. */
export const MAX_DETECTIONS = 100;

/** Values a row of the graph's output carries: x1, y1, x2, y2 in pixels of its input, score in [0, 1], class index. */
export const VALUES_PER_ROW = 6;

/** Overlap above which the weaker of two boxes of one class is the same object: what the Object Detection API's SSD configurations
 * use (`batch_non_max_suppression { iou_threshold: 0.6 }`). The default model's local maxima leave little to suppress: on 60 frames of people walking, no two
 * boxes of one class with scores above 0.15 overlapped by more than 0.3. */
export const NMS_IOU_THRESHOLD = 0.6;

/** Normalised boxes travel as float32; a thinner one would not survive that. */
const MIN_SIDE = 1e-6;

/** One object as the answer carries it. */
export type DetectionRow = { readonly box: BoxYxyxNormalized; readonly classId: number; readonly score: number };

/** Reads the graph's output for one image: maps boxes back through the letterbox and clips them, drops what is empty, not finite or of no COCO class,
 * orders by score and suppresses overlapping boxes of one class.
 * @param values `[n, 6]`
 * @returns at most {@link MAX_DETECTIONS}, best first */
export function readDetectionRows(values: ArrayLike<number>, lb: Letterbox): DetectionRow[] {
  const candidates: Candidate[] = [];
  for (let at = 0; at + VALUES_PER_ROW <= values.length; at += VALUES_PER_ROW) {
    const [x1, y1, x2, y2, score, classIndex] = Array.from({ length: VALUES_PER_ROW }, (_, index) => values[at + index] ?? NaN) as [number, number, number, number, number, number];
    const classId = COCO_IDS[classIndex];
    const box = unletterboxBox([x1, y1, x2, y2], lb);
    if (classId === undefined || !(score > 0) || !isVisible(box, lb)) continue;
    candidates.push({ box, classId, score: Math.min(1, score) });
  }
  candidates.sort((a, b) => b.score - a.score);
  return suppressOverlaps(candidates)
    .slice(0, MAX_DETECTIONS)
    .map(({ box, classId, score }) => ({ box: normalize(box, lb), classId, score }));
}

type Candidate = { readonly box: BoxXyxyPx; readonly classId: number; readonly score: number };

/** Greedy non-maximum suppression, class by class. */
function suppressOverlaps(ordered: readonly Candidate[]): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of ordered) {
    const isDuplicate = kept.some((better) => better.classId === candidate.classId && boxIou(better.box, candidate.box) > NMS_IOU_THRESHOLD);
    if (!isDuplicate) kept.push(candidate);
  }
  return kept;
}

function isVisible(box: BoxXyxyPx, lb: Letterbox): boolean {
  return box[2] - box[0] > MIN_SIDE * lb.source.widthPx && box[3] - box[1] > MIN_SIDE * lb.source.heightPx;
}

function normalize(box: BoxXyxyPx, lb: Letterbox): BoxYxyxNormalized {
  const { widthPx, heightPx } = lb.source;
  return [box[1] / heightPx, box[0] / widthPx, box[3] / heightPx, box[2] / widthPx];
}
