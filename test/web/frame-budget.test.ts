import { describe, expect, it } from 'vitest';
import { FrameBudget } from '../../web/src/model/frame-budget.js';

/** Lets seconds pass in each of which `received` frames came, `discarded` of them for nothing. */
function pass(budget: FrameBudget, seconds: number, received: number, discarded: number): void {
  for (let second = 0; second < seconds; second += 1) {
    totals.received += received;
    totals.discarded += discarded;
    nowMs += 1000;
    budget.observe(totals, nowMs);
  }
}
let nowMs = 0;
const totals = { received: 0, discarded: 0 };

function start(): FrameBudget {
  const budget = new FrameBudget();
  budget.observe(totals, nowMs);
  return budget;
}

describe('the frame budget', () => {
  it.each([
    [0, 30, 30],
    [1, 60, 60],
    [1, 30, 30],
    [8, 30, 30],
    [9, 30, 25],
    [16, 30, 15],
    [36, 30, 6],
    [100, 30, 2],
    [1000, 30, 1],
  ])('gives each of %i pictures that may have %i frames a second %i', (pictures, limitFps, fps) => {
    expect(new FrameBudget().maxFps(pictures, limitFps)).toBe(fps);
  });

  it('shrinks while frames come for nothing, but never to nothing', () => {
    const budget = start();
    pass(budget, 1, 200, 40);
    expect(budget.fps).toBe(180);
    pass(budget, 50, 200, 40);
    expect(budget.fps).toBe(24);
  });

  it('grows back when all are painted, after a while, and never beyond where it began', () => {
    const budget = start();
    pass(budget, 3, 200, 40);
    const low = budget.fps;
    pass(budget, 4, 100, 0);
    expect(budget.fps).toBe(low);
    pass(budget, 60, 100, 0);
    expect(budget.fps).toBe(240);
  });

  it('learns nothing from a few frames, a few losses, or a time in which the page slept', () => {
    const budget = start();
    pass(budget, 5, 9, 9);
    pass(budget, 5, 100, 8);
    nowMs += 60_000;
    totals.received += 1000;
    totals.discarded += 1000;
    expect(budget.observe(totals, nowMs)).toBe(false);
    expect(budget.fps).toBe(240);
  });
});
