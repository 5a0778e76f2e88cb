import type { DetectorStatus, StreamMode } from '../../../src/core/stream-status.js';
import { plural } from './text.js';

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

/** How many streams there are, how many cameras are live, and how many recordings play: a recording is not live. */
export function streamsSummary(streams: readonly { readonly mode: StreamMode; readonly live: boolean }[]): string {
  const moving = (mode: StreamMode): number => streams.filter((stream) => stream.live && stream.mode === mode).length;
  const playing = moving('replay');
  return `${plural(streams.length, 'stream')} · ${String(moving('live'))} live${playing === 0 ? '' : ` · ${String(playing)} playing`}`;
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}
