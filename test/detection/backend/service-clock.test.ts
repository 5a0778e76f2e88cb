import { describe, expect, it } from 'vitest';
import { ServiceClock } from '../../../src/detection/backend/service-clock.js';

describe('ServiceClock', () => {
  /** A server that works on one batch after the other, 15 ms and 1 ms an image; two at a time are given to it. */
  function measured(): { clock: ServiceClock; nowMs: number } {
    const clock = new ServiceClock();
    let nowMs = 0;
    for (let call = 0; call < 10; call += 1) {
      const first = clock.sent(4, nowMs);
      const second = clock.sent(8, nowMs + 5);
      clock.done(first, nowMs + 19);
      clock.done(second, nowMs + 19 + 23);
      nowMs += 100;
    }
    return { clock, nowMs };
  }

  it('knows nothing at first, and that nothing in flight is nothing to wait for', () => {
    const clock = new ServiceClock();
    expect(clock.busyForMs(0)).toBe(0);
    const batch = clock.sent(1, 0);
    expect(clock.busyForMs(0)).toBeNull();
    clock.failed(batch, 5);
    expect(clock.costMs(1)).toBeNull();
  });

  it('counts the time from answer to answer, not the wait behind another batch', () => {
    expect(measured().clock.costMs(8)).toBeCloseTo(23, 3);
  });

  it('tells how long what is in flight takes, and that what is late takes no time any more', () => {
    const { clock, nowMs } = measured();
    clock.sent(8, nowMs);
    clock.sent(8, nowMs + 1);
    expect(clock.busyForMs(nowMs)).toBeCloseTo(46, 0);
    expect(clock.busyForMs(nowMs + 10)).toBeCloseTo(36, 0);
    expect(clock.busyForMs(nowMs + 500)).toBe(0);
  });

  it('tells by how much an answer is late', () => {
    const { clock, nowMs } = measured();
    expect(clock.overdueMs(nowMs)).toBe(0);
    clock.sent(8, nowMs);
    expect(clock.overdueMs(nowMs + 10)).toBe(0);
    expect(clock.overdueMs(nowMs + 123)).toBeCloseTo(100, 0);
    expect(new ServiceClock().overdueMs(5)).toBe(0);
  });

  it('sends ahead by what it takes to get there', () => {
    const clock = new ServiceClock();
    // 12 ms to get there, 20 ms of work: alone 32 ms, one behind the other 20.
    for (let call = 0; call < 10; call += 1) {
      const startMs = call * 1_000;
      const first = clock.sent(4, startMs);
      const second = clock.sent(4, startMs + 20);
      clock.done(first, startMs + 32);
      clock.done(second, startMs + 52);
    }
    expect(clock.leadMs).toBeGreaterThanOrEqual(12);
    expect(clock.leadMs).toBeLessThanOrEqual(20);
    expect(measured().clock.leadMs).toBeLessThan(10);
  });
});
