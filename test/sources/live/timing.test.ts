import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/sources/live/backoff.js';
import { stallLimitMs } from '../../../src/sources/run/stall-limit.js';

describe('backoffMs', () => {
  it('doubles from 1 s to 30 s, up to a quarter more by chance on the way there', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 1000].map((attempt) => backoffMs(attempt, 0))).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(backoffMs(1, 0.999_999)).toBeGreaterThan(1249);
    expect(backoffMs(1, 0.999_999)).toBeLessThan(1250);
    expect(backoffMs(6, 0.999_999)).toBe(30_000);
  });
});

describe('stallLimitMs', () => {
  it.each([
    [{ live: true, hadFrame: false, measuredIntervalMs: null, fps: null }, 10_000],
    [{ live: true, hadFrame: true, measuredIntervalMs: 40, fps: null }, 2000],
    [{ live: true, hadFrame: true, measuredIntervalMs: 1000, fps: null }, 5000],
    [{ live: true, hadFrame: true, measuredIntervalMs: null, fps: 0.1 }, 50_000],
    [{ live: false, hadFrame: true, measuredIntervalMs: 40, fps: null }, 30_000],
    [{ live: true, hadFrame: true, measuredIntervalMs: 40, fps: null, targetDurationMs: 6000 }, 18_000],
  ])('%j → %d', (options, expected) => {
    expect(stallLimitMs({ targetDurationMs: null, ...options })).toBe(expected);
  });
});
