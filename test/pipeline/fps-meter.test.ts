import { describe, expect, it } from 'vitest';
import { FpsMeter } from '../../src/pipeline/fps-meter.js';

const marked = (timesMs: readonly number[]): FpsMeter => {
  const meter = new FpsMeter(5_000);
  for (const timeMs of timesMs) meter.mark(timeMs);
  return meter;
};

describe('FpsMeter', () => {
  it.each<[string, readonly number[], number, number | null]>([
    ['nothing', [], 0, null],
    ['one frame', [0], 10, null],
    ['25 frames a second', Array.from({ length: 26 }, (_, index) => index * 40), 1_000, 25],
    ['a fraction', [0, 1_001 / 30, 2_002 / 30], 2_002 / 30, 30_000 / 1_001],
    ['a stream that stopped is slower at once', [0, 100, 200], 1_100, 2],
    ['frames older than the window are forgotten', [0, 100, 200], 6_000, null],
  ])('measures %s', (_what, timesMs, nowMs, fps) => {
    const measured = marked(timesMs).fps(nowMs);
    if (fps === null) expect(measured).toBeNull();
    else expect(measured).toBeCloseTo(fps, 6);
  });
});
