import { boxIou } from '../../../src/core/geometry.js';
import type { DetectionRecord } from '../../../src/core/detection-record.js';

/** A detection with the row it stands in. */
export type DetectionRow = { readonly key: number; readonly detection: DetectionRecord };

/** Objects of one class whose boxes overlap this much on the next frame keep their row. */
const SAME_OBJECT_IOU = 0.3;

/** Keeps the rows of the list in place from frame to frame: what is likely the same object keeps its row, so that nothing
 * jumps under the eye or the pointer while scores change. What is gone leaves at once; what is new comes last. */
export class DetectionRows {
  #rows: readonly DetectionRow[] = [];
  #nextKey = 1;

  /** @param detections what is on the newest frame, ordered by score */
  update(detections: readonly DetectionRecord[]): readonly DetectionRow[] {
    const unplaced = new Set(detections);
    const kept: DetectionRow[] = [];
    for (const row of this.#rows) {
      const match = bestMatch(row.detection, unplaced);
      if (match === undefined) continue;
      unplaced.delete(match);
      kept.push({ key: row.key, detection: match });
    }
    for (const detection of unplaced) {
      kept.push({ key: this.#nextKey, detection });
      this.#nextKey += 1;
    }
    this.#rows = kept;
    return kept;
  }
}

function bestMatch(previous: DetectionRecord, candidates: ReadonlySet<DetectionRecord>): DetectionRecord | undefined {
  let best: DetectionRecord | undefined;
  let bestIou = SAME_OBJECT_IOU;
  for (const candidate of candidates) {
    if (candidate.classId !== previous.classId) continue;
    const iou = boxIou(candidate.box, previous.box);
    if (iou < bestIou) continue;
    best = candidate;
    bestIou = iou;
  }
  return best;
}

export type ClassCount = { readonly classId: number; readonly label: string; count: number };

/** How many of each class there are, most first, then in the order of the ids: an order that does not change with the scores. */
export function countByClass(detections: readonly Pick<DetectionRecord, 'classId' | 'label'>[]): readonly ClassCount[] {
  const counts = new Map<number, ClassCount>();
  for (const { classId, label } of detections) {
    const entry = counts.get(classId);
    if (entry === undefined) counts.set(classId, { classId, label, count: 1 });
    else entry.count += 1;
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || a.classId - b.classId);
}
