import { describe, expect, it } from 'vitest';
import { Pacer } from '../../src/pipeline/pacer.js';

describe('Pacer', () => {
  it('gives the first frame at once and each other at its own distance', () => {
    const pacer = new Pacer();
    expect(pacer.waitMs(5000, 100)).toBe(0);
    pacer.shown(5000, 100);
    expect(pacer.waitMs(5040, 110)).toBe(30);
    pacer.shown(5040, 143); // 3 ms late: the next is due by the ideal clock
    expect(pacer.waitMs(5080, 143)).toBe(37);
  });

  it('does not catch up in a burst what a slow consumer missed', () => {
    const pacer = new Pacer();
    pacer.shown(0, 0);
    pacer.shown(40, 1000);
    expect(pacer.waitMs(80, 1000)).toBe(40);
  });

  it('starts anew after a reset, a jump back and a jump far ahead', () => {
    const pacer = new Pacer();
    pacer.shown(1000, 0);
    expect(pacer.waitMs(900, 10)).toBe(0);
    expect(pacer.waitMs(95_443_000, 10)).toBe(0);
    pacer.shown(95_443_000, 10);
    expect(pacer.waitMs(95_443_040, 10)).toBe(40);
    pacer.reset();
    expect(pacer.waitMs(0, 20)).toBe(0);
  });

  it('changes its speed without a burst and without a freeze: what has passed of the wait counts', () => {
    const pacer = new Pacer();
    pacer.shown(0, 0);
    expect(pacer.waitMs(1000, 500)).toBe(500);
    pacer.setSpeed(2, 500);
    expect(pacer.waitMs(1000, 500)).toBe(250);
    pacer.setSpeed(0.1, 600);
    expect(Math.round(pacer.waitMs(1000, 600))).toBe(3000);
    pacer.setSpeed('max', 700);
    expect(pacer.waitMs(1000, 700)).toBe(0);
    pacer.shown(1000, 700);
    pacer.setSpeed(1, 800);
    expect(pacer.waitMs(1040, 800)).toBeLessThanOrEqual(40);
  });
});
