import type { FrameHeader } from '../../../src/viewers/protocol.js';

/** Where the time of one frame went, from its first byte at the source to the screen. */
export type LatencyPart = { readonly name: 'capture' | 'queue' | 'predict' | 'draw' | 'wait' | 'send' | 'show'; readonly ms: number };

/** When the page had the frame, on the server's clock, epoch ms. */
export type FrameTimes = { readonly receivedAtMs: number; readonly shownAtMs: number };

/** Splits a frame's age at the moment it was shown: `capture` first byte to last, `queue` for the detector, `predict`, `draw` boxes and
 * JPEG, `wait` until this viewer was ready for it, `send` over the network, `show` decoding and painting here.
 * The parts sum up to the age unless the clocks disagree by more than a part; none is negative. */
export function latencyParts(header: FrameHeader, times: FrameTimes): readonly LatencyPart[] {
  const { capture, queue, predict, annotate } = header.timingsMs;
  const parts: readonly LatencyPart[] = [
    { name: 'capture', ms: capture },
    { name: 'queue', ms: queue },
    { name: 'predict', ms: predict },
    { name: 'draw', ms: annotate },
    { name: 'wait', ms: header.sentAtMs - header.capturedAtMs - queue - predict - annotate },
    { name: 'send', ms: times.receivedAtMs - header.sentAtMs },
    { name: 'show', ms: times.shownAtMs - times.receivedAtMs },
  ];
  return parts.map(({ name, ms }) => ({ name, ms: Number.isFinite(ms) ? Math.max(0, ms) : 0 }));
}

/** Age of a frame when it was shown, from its first byte at the source, ms. */
export function totalMs(parts: readonly LatencyPart[]): number {
  return parts.reduce((sum, part) => sum + part.ms, 0);
}
