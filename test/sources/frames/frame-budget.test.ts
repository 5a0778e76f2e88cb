import { totalmem } from 'node:os';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultBudgetBytes, FrameBudget, megabytes, openBudget } from '../../../src/sources/frames/frame-budget.js';

const MB = 1024 * 1024;

describe('FrameBudget', () => {
  it.each([0, -1, Number.NaN, -Infinity])('is a mistake of the program with a limit of %d', (limit) => {
    expect(() => new FrameBudget(limit)).toThrow(RangeError);
  });

  it('begins with all of it left', () => {
    const budget = new FrameBudget(10);
    const account = budget.open();
    expect([budget.limitBytes, budget.usedBytes, budget.leftBytes, account.bytes]).toEqual([10, 0, 10, 0]);
  });

  it('lends up to the last byte, and not one more', () => {
    const budget = new FrameBudget(10);
    const [a, b] = [budget.open(), budget.open()];
    expect([a.tryResize(6), b.tryResize(5), b.tryResize(4), a.tryResize(7), b.tryResize(4)]).toEqual([true, false, true, false, true]);
    expect([a.bytes, b.bytes, budget.usedBytes, budget.leftBytes]).toEqual([6, 4, 10, 0]);
    expect([a.tryResize(0), b.tryResize(10), budget.leftBytes]).toEqual([true, true, 0]);
  });

  it('never runs out without a limit', () => {
    const budget = new FrameBudget(Infinity);
    expect([budget.open().tryResize(Number.MAX_SAFE_INTEGER), budget.leftBytes]).toEqual([true, Infinity]);
  });

  it.each([-1, Number.NaN])('takes %d for a mistake of the program', (bytes) => {
    expect(() => new FrameBudget(10).open().tryResize(bytes)).toThrow(RangeError);
  });

  it('keeps books that are right whatever its holders ask for', () => {
    const step = fc.record({ who: fc.nat(4), bytes: fc.nat(60) });
    fc.assert(fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 40 }), (limit, steps) => {
      const budget = new FrameBudget(limit);
      const accounts = Array.from({ length: 5 }, () => budget.open());
      const held = [0, 0, 0, 0, 0];
      for (const { who, bytes } of steps) {
        const before = held[who] ?? 0;
        const fits = held.reduce((sum, each) => sum + each, 0) - before + bytes <= limit;
        expect(accounts[who]?.tryResize(bytes)).toBe(fits);
        if (fits) held[who] = bytes;
        // Less always succeeds.
        if (bytes <= before) expect(fits).toBe(true);
        const sum = held.reduce((total, each) => total + each, 0);
        expect([accounts.map((account) => account.bytes), budget.usedBytes, budget.leftBytes]).toEqual([held, sum, limit - sum]);
        expect(budget.usedBytes).toBeLessThanOrEqual(limit);
      }
      for (const account of accounts) account.tryResize(0);
      expect(budget.usedBytes).toBe(0);
    }));
  });
});

describe('the budget of a service', () => {
  it.each([
    [1000, 0, 600],
    [1000, 500, 300],
    [1000, 1000, 600],
    // What a container without a limit reports.
    [1000, 2 ** 63, 600],
  ])('is, of %d bytes of a machine and %d of its container, %d', (total, constrained, expected) => {
    expect(defaultBudgetBytes(total, constrained)).toBe(expected);
  });

  it('is what is configured, or a part of what this machine has', () => {
    expect(openBudget(100).limitBytes).toBe(100 * MB);
    expect(openBudget(null).limitBytes).toBeGreaterThan(0);
    expect(openBudget(null).limitBytes).toBeLessThan(totalmem());
  });
});

describe('megabytes', () => {
  it.each([[0, '0'], [1, '1'], [MB, '1'], [MB + 1, '2'], [1.5 * MB, '2'], [Infinity, 'any number of']])('writes %d as %s', (bytes, text) => {
    expect(megabytes(bytes)).toBe(text);
  });
});
