import type { DetectorStatus } from '../../../src/core/stream-status.js';

/** The detector of all streams in one line.
 * @param states of every stream
 * @param predictMs of the newest frames, ms
 */
export function detectorSummary(states: readonly DetectorStatus[], predictMs: readonly number[]): { text: string; ready: boolean } {
  const wrong = states.find(({ state }) => state === 'misconfigured') ?? states.find(({ state }) => state === 'unavailable');
  if (wrong !== undefined) return { text: wrong.state === 'misconfigured' ? 'detector misconfigured' : 'detector unavailable', ready: false };
  const middle = median(predictMs);
  if (states.length === 0) return { text: '', ready: true };
  return { text: middle === null ? 'detector ready' : `detector ready ${String(Math.round(middle))} ms`, ready: true };
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
