/** Boxes side by side: `x1, y1, x2, y2` of each, with its class. */
export type PackedBoxes = {
  /** Four values a box; both axes may have any unit, as overlap does not depend on it. */
  readonly boxes: Float64Array;
  readonly classes: ArrayLike<number>;
};

/** Finds the rows with the best scores.
 * @param minScore rows below it do not count
 * @param maxRows at most this many are returned, >= 1
 * @returns indices, best score first, the lower index first among equals */
export function bestRows(scores: Float32Array, minScore: number, maxRows: number): Int32Array {
  let passing: number[] = [];
  for (let index = 0; index < scores.length; index += 1) if ((scores[index] ?? 0) >= minScore) passing.push(index);
  if (passing.length > maxRows) passing = withoutWeakest(passing, scores, maxRows);
  return Int32Array.from(passing).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
}

/** Greedy non-maximum suppression, class by class: a box goes when it overlaps a better one of its class by more than `maxIou`.
 * @param count boxes, best first
 * @param maxKept the rest goes as well
 * @returns positions of those that stay, in order */
export function suppressOverlaps({ boxes, classes }: PackedBoxes, count: number, { maxIou, maxKept }: { readonly maxIou: number; readonly maxKept: number }): number[] {
  const kept: number[] = [];
  for (let candidate = 0; candidate < count && kept.length < maxKept; candidate += 1) {
    let isDuplicate = false;
    for (const better of kept) {
      if (classes[better] === classes[candidate] && overlap(boxes, better * 4, candidate * 4) > maxIou) {
        isDuplicate = true;
        break;
      }
    }
    if (!isDuplicate) kept.push(candidate);
  }
  return kept;
}

/** Finds the weakest score that counts by sorting numbers, which is many times faster than sorting rows. */
function withoutWeakest(rows: readonly number[], scores: Float32Array, maxRows: number): number[] {
  const sorted = Float32Array.from(rows, (index) => scores[index] ?? 0).sort();
  const weakest = sorted[sorted.length - maxRows] ?? 0;
  const better = rows.filter((index) => (scores[index] ?? 0) > weakest);
  const equal = rows.filter((index) => scores[index] === weakest);
  return [...better, ...equal.slice(0, maxRows - better.length)];
}

/** Intersection over union of the boxes that begin at `a` and `b`, 0 where both are empty. */
function overlap(boxes: Float64Array, a: number, b: number): number {
  const ax1 = boxes[a] ?? 0;
  const ay1 = boxes[a + 1] ?? 0;
  const ax2 = boxes[a + 2] ?? 0;
  const ay2 = boxes[a + 3] ?? 0;
  const bx1 = boxes[b] ?? 0;
  const by1 = boxes[b + 1] ?? 0;
  const bx2 = boxes[b + 2] ?? 0;
  const by2 = boxes[b + 3] ?? 0;
  const width = Math.min(ax2, bx2) - Math.max(ax1, bx1);
  const height = Math.min(ay2, by2) - Math.max(ay1, by1);
  if (width <= 0 || height <= 0) return 0;
  const intersection = width * height;
  const union = Math.max(0, ax2 - ax1) * Math.max(0, ay2 - ay1) + Math.max(0, bx2 - bx1) * Math.max(0, by2 - by1) - intersection;
  return union > 0 ? intersection / union : 0;
}
