import type { StreamStatus } from '../../../src/core/stream-status.js';

/** What counts where a stream's thresholds say nothing. */
const DEFAULT_THRESHOLD = 0.4;

/** Lowest score that the server sends of a stream, over all classes: a page cannot show what scores lower. */
export function scoreFloor({ thresholds }: Pick<StreamStatus, 'thresholds'>): number {
  const all: Readonly<Record<string, number | false>> = { '*': DEFAULT_THRESHOLD, ...thresholds };
  const scores = Object.values(all).filter((threshold) => threshold !== false);
  return scores.length === 0 ? 0 : Math.min(...scores);
}

/** A class's own threshold at the server, where that is not the lowest of all; else `null`. */
export function ownFloor(label: string, status: Pick<StreamStatus, 'thresholds'>): number | null {
  const { thresholds } = status;
  const threshold = (Object.hasOwn(thresholds, label) ? thresholds[label] : thresholds['*']) ?? DEFAULT_THRESHOLD;
  return threshold === false || threshold <= scoreFloor(status) ? null : threshold;
}
