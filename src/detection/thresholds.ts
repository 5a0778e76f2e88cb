import type { DetectedFrame } from '../core/frames.js';

/** Lowest score that is shown, by label; `'*'` is for labels not listed; `false` hides a label. */
export type Thresholds = Readonly<Record<string, number | false>>;

/** What counts where nothing is configured. */
export const DEFAULT_THRESHOLD = 0.4;

/** Finds what counts for a label: its own entry, else `'*'`, else 0.4. Labels are compared exactly. */
export function thresholdFor(label: string, thresholds: Thresholds): number | false {
  return ownEntry(thresholds, label) ?? ownEntry(thresholds, '*') ?? DEFAULT_THRESHOLD;
}

/** Keeps the detections, and the classes of the whole frame, that reach their threshold, in their order. */
export function withThresholds(detected: DetectedFrame, thresholds: Thresholds): DetectedFrame {
  const { detections, classes } = detected;
  return { ...detected, detections: applyThresholds(detections, thresholds), ...(classes === undefined ? {} : { classes: applyThresholds(classes, thresholds) }) };
}

/** Keeps what reaches its threshold, in its order. */
export function applyThresholds<T extends { readonly label: string; readonly score: number }>(found: readonly T[], thresholds: Thresholds): readonly T[] {
  return found.filter(({ label, score }) => {
    const threshold = thresholdFor(label, thresholds);
    return threshold !== false && score >= threshold;
  });
}

/** Labels come from models: one called `constructor` must not find `Object.prototype.constructor`. */
function ownEntry(thresholds: Thresholds, label: string): number | false | undefined {
  return Object.hasOwn(thresholds, label) ? thresholds[label] : undefined;
}
