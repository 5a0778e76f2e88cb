import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../src/sources/backoff.js';
import { Pacer } from '../../src/sources/pacer.js';
import { stallLimitMs } from '../../src/sources/stall-limit.js';

describe('backoffMs', () => {
  it('doubles from 1 s to 30 s, less up to a quarter by chance', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 1000].map((attempt) => backoffMs(attempt, 0))).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]);
    expect(backoffMs(1, 0.999_999)).toBeGreaterThan(750);
    expect(backoffMs(1, 0.999_999)).toBeLessThan(751);
  });
});

describe('Pacer', () => {
  it('gives the first frame at once and each other at its own distance', () => {
    const pacer = new Pacer();
    expect(pacer.waitMs(5000, 100)).toBe(0);
    pacer.handedOut(5000, 100);
    expect(pacer.waitMs(5040, 110)).toBe(30);
    pacer.handedOut(5040, 143); // 3 ms late: the next is due by the ideal clock
    expect(pacer.waitMs(5080, 143)).toBe(37);
  });

  it('does not catch up in a burst what a slow consumer missed', () => {
    const pacer = new Pacer();
    pacer.handedOut(0, 0);
    pacer.handedOut(40, 1000);
    expect(pacer.waitMs(80, 1000)).toBe(40);
  });

  it('starts anew after a reset, a jump back and a jump far ahead', () => {
    const pacer = new Pacer();
    pacer.handedOut(1000, 0);
    expect(pacer.waitMs(900, 10)).toBe(0);
    expect(pacer.waitMs(95_443_000, 10)).toBe(0);
    pacer.handedOut(95_443_000, 10);
    expect(pacer.waitMs(95_443_040, 10)).toBe(40);
    pacer.reset();
    expect(pacer.waitMs(0, 20)).toBe(0);
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
