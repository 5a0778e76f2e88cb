import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CircuitBreaker } from '../../../src/detection/backend/circuit-breaker.js';
import { LinearCost } from '../../../src/detection/backend/linear-cost.js';
import { LoadLimit } from '../../../src/detection/backend/load-limit.js';
import { ServiceClock } from '../../../src/detection/backend/service-clock.js';
import { chooseBackend, rankBackends, type Candidate } from '../../../src/detection/pool/choose-backend.js';

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

describe('CircuitBreaker', () => {
  it('opens after three failures in a row, not after three in all', () => {
    const breaker = new CircuitBreaker();
    expect([breaker.failed(), breaker.failed()]).toEqual([false, false]);
    breaker.succeeded();
    expect([breaker.failed(), breaker.failed(), breaker.failed()]).toEqual([false, false, true]);
    expect(breaker.state).toBe('open');
  });

  it('opens again when its trial fails, and closes when it succeeds', () => {
    const breaker = new CircuitBreaker();
    breaker.trip();
    breaker.tryAgain();
    expect(breaker.state).toBe('half-open');
    expect(breaker.failed()).toBe(true);
    breaker.tryAgain();
    breaker.succeeded();
    expect([breaker.state, breaker.failures]).toEqual(['closed', 0]);
    expect(() => { breaker.tryAgain(); }).toThrow(RangeError);
  });

  it('is never closed after a failed trial, under any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('failed', 'succeeded', 'trip', 'try'), { maxLength: 60 }), (events) => {
        const breaker = new CircuitBreaker();
        let inARow = 0;
        for (const event of events) {
          if (event === 'failed') {
            const wasTrial = breaker.state === 'half-open';
            const isOpen = breaker.failed();
            inARow += 1;
            if (wasTrial || inARow >= 3) expect(isOpen).toBe(true);
          } else if (event === 'succeeded') {
            breaker.succeeded();
            inARow = 0;
          } else if (event === 'trip') breaker.trip();
          else if (breaker.state === 'open') breaker.tryAgain();
          if (inARow === 0 && event === 'succeeded') expect(breaker.state).toBe('closed');
        }
      }),
    );
  });
});

describe('chooseBackend', () => {
  type Given = Partial<Omit<Candidate, 'finishMs'>> & { name: string; finishesMs: number | null };
  const candidate = ({ finishesMs, ...rest }: Given): Candidate & { name: string } => ({ hasRoom: true, inFlight: 0, lastSentMs: 990, finishMs: () => finishesMs, ...rest });
  const choose = (...given: readonly Given[]): string | undefined => chooseBackend(given.map(candidate), 1, 1_000)?.name;

  it.each<[string, readonly Given[], string | undefined]>([
    ['nobody', [], undefined],
    ['the only one', [{ name: 'a', finishesMs: null }], 'a'],
    ['the one that answers soonest', [{ name: 'a', finishesMs: 40 }, { name: 'b', finishesMs: 20 }], 'b'],
    ['nobody while the one that answers soonest is full', [{ name: 'slow', finishesMs: 230 }, { name: 'fast', finishesMs: 60, hasRoom: false, inFlight: 2 }], undefined],
    ['the slow one once it answers sooner than the queue of the fast one', [{ name: 'slow', finishesMs: 230 }, { name: 'fast', finishesMs: 240, hasRoom: false, inFlight: 2 }], 'slow'],
    ['an idle one that nothing is known of', [{ name: 'a', finishesMs: 5 }, { name: 'new', finishesMs: null }], 'new'],
    ['one that was passed over for long', [{ name: 'a', finishesMs: 5 }, { name: 'slow', finishesMs: 500, lastSentMs: -1_500 }], 'slow'],
    ['the less busy of two that nothing is known of', [{ name: 'a', finishesMs: null, inFlight: 1 }, { name: 'b', finishesMs: null }], 'b'],
    ['of equals the one that has waited longest', [{ name: 'a', finishesMs: 5, lastSentMs: 995 }, { name: 'b', finishesMs: 5 }], 'b'],
  ])('gives the batch to %s', (_title, given, expected) => {
    expect(choose(...given)).toBe(expected);
  });

  it('ranks all of them, each once', () => {
    const given = [{ name: 'a', finishesMs: 40 }, { name: 'b', finishesMs: null }, { name: 'c', finishesMs: 10 }].map(candidate);
    expect(rankBackends(given, 1).map(({ name }) => name)).toEqual(['b', 'c', 'a']);
  });
});
