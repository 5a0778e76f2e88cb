import { describe, expect, it } from 'vitest';
import { ArrivalClock } from '../../src/batching/arrival-clock.js';
import { dueInMs, type FormingBatch } from '../../src/batching/batch-due.js';

const idle = { inFlightBatches: 0, busyForMs: 0, costMs: 30, leadMs: 2 };
const busy = { inFlightBatches: 1, busyForMs: 20, costMs: 30, leadMs: 2 };
const forming = (batch: Partial<FormingBatch>): FormingBatch => ({ batchTimeoutMs: 10, waitedMs: 4, isFull: false, place: idle, isStuck: false, expectsCompanyWithinMs: () => true, ...batch });

describe('dueInMs', () => {
  it.each<[string, Partial<FormingBatch>, number | null]>([
    ['waits for the rest of the timeout while company is expected', {}, 6],
    ['goes when the oldest has waited', { waitedMs: 10 }, 0],
    ['goes at once with a timeout of 0', { batchTimeoutMs: 0, waitedMs: 0 }, 0],
    ['goes to an idle backend when nobody is expected in time', { expectsCompanyWithinMs: () => false }, 0],
    ['waits for a busy backend although nobody is expected: it could not begin', { place: busy, expectsCompanyWithinMs: () => false }, 6],
    ['goes at once when it is full', { isFull: true, place: busy }, 0],
    ['auto goes to an idle backend at once when it is full', { batchTimeoutMs: 'auto', isFull: true }, 0],
    ['auto goes to an idle backend at once when nobody is expected', { batchTimeoutMs: 'auto', expectsCompanyWithinMs: () => false }, 0],
    ['auto waits for company up to half the time that a batch takes', { batchTimeoutMs: 'auto' }, 11],
    ['auto does not wait longer', { batchTimeoutMs: 'auto', waitedMs: 15 }, 0],
    ['auto does not wait for what was never measured', { batchTimeoutMs: 'auto', place: { ...idle, costMs: null } }, 0],
    ['auto keeps a full batch open for newer frames while the backend is busy', { batchTimeoutMs: 'auto', isFull: true, place: busy }, 18],
    ['by count alone goes when it is full', { batchTimeoutMs: null, isFull: true }, 0],
    ['auto waits until a busy backend is about to be through', { batchTimeoutMs: 'auto', place: busy }, 18],
    ['auto goes when the backend is late', { batchTimeoutMs: 'auto', place: { ...busy, busyForMs: 0 } }, 0],
    ['auto goes when the backend was never measured', { batchTimeoutMs: 'auto', place: { ...busy, busyForMs: null } }, 0],
    ['by count alone waits for ever', { batchTimeoutMs: null, waitedMs: 1e6 }, null],
    ['by count alone goes when no other frame can come', { batchTimeoutMs: null, isStuck: true }, 0],
  ])('%s', (_title, batch, expected) => {
    expect(dueInMs(forming(batch))).toBe(expected);
  });

  it('asks for company in the time that is left', () => {
    const asked: number[] = [];
    dueInMs(forming({ waitedMs: 3, expectsCompanyWithinMs: (ms) => asked.push(ms) > 0 }));
    expect(asked).toEqual([7]);
  });
});

describe('ArrivalClock', () => {
  const clockAt = (...timesMs: readonly number[]): ArrivalClock => {
    const clock = new ArrivalClock();
    for (const timeMs of timesMs) clock.mark(timeMs);
    return clock;
  };

  it.each<[string, readonly number[], number, number, boolean]>([
    ['does not expect a stream that has never sent anything', [], 0, 1_000, false],
    ['expects the second frame at any time', [0], 0, 1, true],
    ['expects a frame an interval after the last', [0, 40, 80], 81, 120, true],
    ['does not expect one earlier', [0, 40, 80], 81, 119, false],
    ['expects one that is late', [0, 40, 80], 150, 151, true],
    ['gives up on a stream that has fallen silent', [0, 40, 80], 201, 1_000, false],
  ])('%s', (_title, timesMs, nowMs, untilMs, expected) => {
    expect(clockAt(...timesMs).expects(nowMs, untilMs)).toBe(expected);
  });

  it('follows a change of rate', () => {
    const times = [...Array.from({ length: 20 }, (_, index) => index * 40), ...Array.from({ length: 40 }, (_, index) => 800 + index * 10)];
    const lastMs = times.at(-1) ?? 0;
    expect(clockAt(...times).expects(lastMs, lastMs + 12)).toBe(true);
  });
});
