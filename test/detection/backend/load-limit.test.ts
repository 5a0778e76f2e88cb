import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadLimit } from '../../../src/detection/backend/load-limit.js';

describe('LoadLimit', () => {
  const limitOf = (maxBatchSize = 8, maxInFlightBatches = 4): LoadLimit => {
    const limit = new LoadLimit();
    limit.reset({ maxBatchSize, maxInFlightBatches });
    return limit;
  };
  const seen = (limit: LoadLimit): [number, number] => [limit.maxInFlightBatches, limit.maxBatchSize];

  it('halves what is in flight when the queue is full, and what a batch holds when nothing is left to halve', () => {
    const limit = limitOf();
    expect(seen(limit)).toEqual([4, 8]);
    limit.queueFull({ sentMs: 1, nowMs: 2, others: 1 });
    limit.queueFull({ sentMs: 3, nowMs: 4, others: 1 });
    expect(seen(limit)).toEqual([1, 8]);
    expect(limit.pauseMs(4)).toBe(0);
    limit.queueFull({ sentMs: 5, nowMs: 6, others: 0 });
    expect(seen(limit)).toEqual([1, 4]);
    expect(limit.pauseMs(6)).toBeGreaterThan(0);
    expect(limit.isReduced).toBe(true);
  });

  it('counts the batches of one burst once', () => {
    const limit = limitOf();
    for (const nowMs of [10, 11, 12]) limit.queueFull({ sentMs: 5, nowMs, others: 1 });
    expect(limit.maxInFlightBatches).toBe(2);
  });

  it('gives more again, step by step, up to what was configured', () => {
    const limit = limitOf();
    limit.queueFull({ sentMs: 1, nowMs: 2, others: 1 });
    limit.tooLarge(8, 3);
    expect(seen(limit)).toEqual([2, 4]);
    for (let call = 0; call < 100; call += 1) limit.answered();
    expect(seen(limit)).toEqual([4, 8]);
    expect(limit.isReduced).toBe(false);
  });

  it('pauses longer and longer, at most a second, and begins anew after an answer', () => {
    const limit = limitOf(1, 1);
    const pauses = Array.from({ length: 12 }, (_, call) => {
      limit.queueFull({ sentMs: call * 10, nowMs: call * 10, others: 0 });
      return limit.pauseMs(call * 10);
    });
    expect(pauses.slice(0, 3)).toEqual([10, 20, 40]);
    expect(Math.max(...pauses)).toBe(1_000);
    limit.answered();
    limit.queueFull({ sentMs: 999, nowMs: 1_000, others: 0 });
    expect(limit.pauseMs(1_000)).toBe(10);
  });

  it('always allows something, and never more than configured', () => {
    const event = fc.oneof(fc.constant('answered' as const), fc.constant('full' as const), fc.constant('large' as const));
    fc.assert(
      fc.property(fc.array(event, { maxLength: 80 }), fc.integer({ min: 1, max: 32 }), fc.integer({ min: 1, max: 8 }), (events, size, batches) => {
        const limit = limitOf(size, batches);
        events.forEach((kind, index) => {
          if (kind === 'answered') limit.answered();
          else if (kind === 'full') limit.queueFull({ sentMs: index, nowMs: index, others: index % 2 });
          else limit.tooLarge(limit.maxBatchSize, index);
          expect(limit.maxBatchSize).toBeGreaterThanOrEqual(1);
          expect(limit.maxBatchSize).toBeLessThanOrEqual(size);
          expect(limit.maxInFlightBatches).toBeGreaterThanOrEqual(1);
          expect(limit.maxInFlightBatches).toBeLessThanOrEqual(batches);
        });
      }),
    );
  });
});
