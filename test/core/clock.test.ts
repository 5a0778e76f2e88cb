import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clock, EpochClock } from '../../src/core/clock.js';

const START_MS = 1_800_000_000_000;
const HOUR_MS = 3_600_000;

/** A machine whose clocks are moved by hand. */
class Machine {
  wallMs = START_MS;
  monotonicMs = 5_000;
  readonly clock: EpochClock;

  constructor() {
    this.clock = new EpochClock({ wallMs: () => this.wallMs, monotonicMs: () => this.monotonicMs });
  }

  /** Time passes, and the wall clock goes with it, faster or slower by so many parts of a million. */
  pass(ms: number, ppm = 0): void {
    this.monotonicMs += ms;
    this.wallMs += ms * (1 + ppm / 1e6);
  }

  /** Somebody sets the wall clock. */
  set(byMs: number): void {
    this.wallMs += byMs;
  }
}

describe('EpochClock', () => {
  it('tells the wall clock\'s time, with its fractions, and the time of moments read from the monotonic clock', () => {
    const machine = new Machine();
    expect(machine.clock.nowMs()).toBe(START_MS);
    machine.pass(1_000.25);
    expect(machine.clock.nowMs()).toBeCloseTo(START_MS + 1_000.25, 3);
    expect(machine.clock.atMs(machine.monotonicMs - 40)).toBeCloseTo(START_MS + 960.25, 3);
    expect(machine.clock.ageMs(machine.clock.atMs(machine.monotonicMs - 40))).toBeCloseTo(40, 3);
  });

  it.each([
    ['a little forwards', 5_000],
    ['a little backwards', -5_000],
    ['by the most that is drift', 10_000],
  ])('is not moved at once when the wall clock is set %s, but follows at half a percent', (_how, byMs) => {
    const machine = new Machine();
    machine.pass(1_000);
    const stampMs = machine.clock.nowMs();
    machine.set(byMs);
    machine.pass(1_000);
    expect(Math.abs(machine.clock.ageMs(stampMs) - 1_000)).toBeLessThanOrEqual(5);
    expect(machine.clock.nowMs() - stampMs).toBeCloseTo(1_000 + 5 * Math.sign(byMs), 3);
    for (let second = 0; second < Math.abs(byMs) / 5; second += 1) {
      machine.pass(1_000);
      machine.clock.nowMs();
    }
    expect(machine.clock.nowMs()).toBeCloseTo(machine.wallMs, 3);
  });

  it.each([
    ['an hour forwards', HOUR_MS],
    ['an hour backwards', -HOUR_MS],
    ['fifty years forwards, as after a boot without the time', 50 * 365 * 24 * HOUR_MS],
    ['a little more than drift', 10_001],
  ])('follows at once when the wall clock is set %s, and still knows the age of what was stamped before', (_how, byMs) => {
    const machine = new Machine();
    machine.pass(1_000);
    const beforeMs = machine.clock.nowMs();
    machine.pass(500);
    machine.set(byMs);
    expect(machine.clock.nowMs()).toBeCloseTo(machine.wallMs, 3);
    machine.pass(500);
    const afterMs = machine.clock.nowMs();
    expect(afterMs).toBeCloseTo(machine.wallMs, 3);
    machine.pass(200);
    expect(machine.clock.ageMs(beforeMs)).toBeCloseTo(1_200, 3);
    expect(machine.clock.ageMs(afterMs)).toBeCloseTo(200, 3);
  });

  it('knows the age of a frame that came before several settings of the clock', () => {
    const machine = new Machine();
    const stamps: { readonly stampMs: number; readonly atMs: number }[] = [];
    for (const byMs of [HOUR_MS, -2 * HOUR_MS, 20_000, 7 * HOUR_MS, -HOUR_MS]) {
      machine.pass(1_000);
      stamps.push({ stampMs: machine.clock.nowMs(), atMs: machine.monotonicMs });
      machine.set(byMs);
    }
    machine.pass(1_000);
    for (const { stampMs, atMs } of stamps) expect(machine.clock.ageMs(stampMs)).toBeCloseTo(machine.monotonicMs - atMs, 3);
  });

  it('gives no negative age, not even of what it never stamped', () => {
    const machine = new Machine();
    machine.pass(1_000);
    for (const aheadMs of [1, 100, 9_999, HOUR_MS]) expect(machine.clock.ageMs(machine.clock.nowMs() + aheadMs)).toBe(0);
  });

  /** What may happen to the clocks in ten seconds. */
  const event = fc.record({
    passMs: fc.array(fc.double({ min: 0, max: 400, noNaN: true }), { minLength: 1, maxLength: 25 }),
    ppm: fc.integer({ min: -500, max: 500 }),
    // Set at most once in that time, and rarely.
    setMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: -9_999, max: 9_999 }) }, { weight: 1, arbitrary: fc.integer({ min: -1e12, max: 1e12 }) }),
  });

  it('is right about every age to half a percent and the tolerance of a setting, whatever happens to the wall clock', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
        const machine = new Machine();
        for (const { passMs, ppm, setMs } of events) {
          const [stampMs, atMs] = [machine.clock.nowMs(), machine.monotonicMs];
          machine.set(setMs);
          for (const ms of passMs) {
            machine.pass(ms, ppm);
            const trueMs = machine.monotonicMs - atMs;
            // Beyond this, a moment before the setting and one after it may have the same name.
            if (trueMs > 9_900) break;
            const ageMs = machine.clock.ageMs(stampMs);
            expect(ageMs).toBeGreaterThanOrEqual(0);
            expect(Math.abs(ageMs - trueMs)).toBeLessThanOrEqual(0.005 * trueMs + 50);
          }
        }
      }),
    );
  });

  it('never runs backwards, and comes ever closer to the wall clock, but where that was set', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
        const machine = new Machine();
        for (const { passMs, setMs } of events) {
          machine.set(setMs);
          let lastMs = machine.clock.nowMs();
          let lastOffMs = Math.abs(machine.wallMs - lastMs);
          expect(lastOffMs).toBeLessThanOrEqual(10_000.01);
          for (const ms of passMs) {
            machine.pass(ms);
            const nowMs = machine.clock.nowMs();
            expect(nowMs).toBeGreaterThanOrEqual(lastMs);
            const offMs = Math.abs(machine.wallMs - nowMs);
            expect(offMs).toBeLessThanOrEqual(lastOffMs + 0.01);
            [lastMs, lastOffMs] = [nowMs, offMs];
          }
        }
      }),
    );
  });
});

it('the clock of this process tells the time', () => {
  expect(Math.abs(clock.nowMs() - Date.now())).toBeLessThan(1_000);
  expect(clock.ageMs(clock.nowMs())).toBeLessThan(1_000);
});
