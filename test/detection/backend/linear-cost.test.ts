import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LinearCost } from '../../../src/detection/backend/linear-cost.js';

describe('LinearCost', () => {
  it('knows nothing before the first measurement', () => {
    expect(new LinearCost().of(1)).toBeNull();
  });

  it('finds what a batch and what an image costs', () => {
    const cost = new LinearCost();
    for (const images of [1, 8, 4, 2, 6]) cost.add(images, 15 + images);
    expect(cost.of(1)).toBeCloseTo(16, 6);
    expect(cost.of(16)).toBeCloseTo(31, 6);
  });

  it('gives back what it was told where all batches had one size', () => {
    const cost = new LinearCost();
    for (let call = 0; call < 10; call += 1) cost.add(1, 20);
    expect(cost.of(1)).toBeCloseTo(20, 6);
    expect(cost.of(8)).toBeGreaterThan(20);
  });

  it('follows a backend that has become slower', () => {
    const cost = new LinearCost();
    for (let call = 0; call < 50; call += 1) cost.add(4, 20);
    for (let call = 0; call < 60; call += 1) cost.add(4, 200);
    expect(cost.of(4)).toBeGreaterThan(180);
  });

  it('is never negative nor infinite, and grows with the batch', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ images: fc.integer({ min: 1, max: 64 }), ms: fc.double({ min: 0.01, max: 5_000, noNaN: true }) }), { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 64 }), (samples, images) => {
        const cost = new LinearCost();
        for (const sample of samples) cost.add(sample.images, sample.ms);
        const [one = NaN, more = NaN] = [cost.of(images), cost.of(images + 1)] as (number | undefined)[];
        expect(one).toBeGreaterThanOrEqual(0);
        expect(Number.isFinite(more)).toBe(true);
        expect(more).toBeGreaterThanOrEqual(one - 1e-9);
      }),
    );
  });
});
