import type { Detection } from '../core/frames.js';

/** Lowest score that is shown, by label; `'*'` is for labels not listed; `false` hides a label. */
export type Thresholds = Readonly<Record<string, number | false>>;

/** What counts where nothing is configured. */
export const DEFAULT_THRESHOLD = 0.4;

/** Finds what counts for a label: its own entry, else `'*'`, else 0.4. Labels are compared exactly. */
export function thresholdFor(label: string, thresholds: Thresholds): number | false {
  return ownEntry(thresholds, label) ?? ownEntry(thresholds, '*') ?? DEFAULT_THRESHOLD;
}

/** Keeps the detections that reach their threshold, in their order. */
export function applyThresholds(detections: readonly Detection[], thresholds: Thresholds): readonly Detection[] {
  return detections.filter(({ label, score }) => {
    const threshold = thresholdFor(label, thresholds);
    return threshold !== false && score >= threshold;
  });
}

/** Labels come from models: one called `constructor` must not find `Object.prototype.constructor`. */
function ownEntry(thresholds: Thresholds, label: string): number | false | undefined {
  return Object.hasOwn(thresholds, label) ? thresholds[label] : undefined;
}
