import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testFrame } from '../helpers/frames.js';
import { until } from '../helpers/until.js';
import { recorder, scriptedDetector, seqs, TestBatcher, turn } from './test-batcher.js';

describe('a lane in time', () => {
  it('drops a frame that has waited beyond its deadline instead of sending it', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxInFlightBatches: 0 });
    const { events, options } = recorder({ deadlineMs: 20 });
    const lane = batcher.openLane(options);
    lane.offer(testFrame({ seq: 0 }));
    await new Promise((resolve) => setTimeout(resolve, 30));
    batcher.setLimits({ maxBatchSize: 4, maxInFlightBatches: 1 });
    expect(events).toEqual(['deadline 0']);
    lane.offer(testFrame({ seq: 1 }));
    await until(() => calls.length === 1);
    expect(seqs(calls[0]?.batch)).toEqual([1]);
    expect(lane.size).toBe(1);
  });

  it('lets a frame that is done pass one that is held up, and drops that when it comes', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1, maxInFlightBatches: 3 });
    const { events, options } = recorder({ holdMs: 20 });
    const lane = batcher.openLane(options);
    for (const seq of [0, 1, 2]) {
      lane.offer(testFrame({ seq }));
      await turn();
    }
    calls[1]?.answer();
    await until(() => events.length === 1);
    expect(events).toEqual(['detected 1']);
    expect(lane.size).toBe(2);
    calls[0]?.refuse(new Error('late'));
    await until(() => events.length === 2);
    calls[2]?.answer();
    await until(() => events.length === 3);
    expect(events).toEqual(['detected 1', 'superseded 0', 'detected 2']);
    expect(lane.size).toBe(0);
  });

  it('keeps the order when the earlier one comes within the time that it is waited for', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1, maxInFlightBatches: 2 });
    const { events, options } = recorder({ holdMs: 10_000 });
    const lane = batcher.openLane(options);
    for (const seq of [0, 1]) {
      lane.offer(testFrame({ seq }));
      await turn();
    }
    calls[1]?.answer();
    await turn();
    calls[0]?.answer();
    await until(() => events.length === 2);
    expect(events).toEqual(['detected 0', 'detected 1']);
    // Nothing is left to wait for; a timer would hold the process.
    lane.close();
  });

  it('drops an overtaken frame as closed when its lane has closed meanwhile', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1, maxInFlightBatches: 2 });
    const { events, options } = recorder({ holdMs: 1 });
    const lane = batcher.openLane(options);
    for (const seq of [0, 1]) {
      lane.offer(testFrame({ seq }));
      await turn();
    }
    calls[1]?.answer();
    await until(() => events.length === 1);
    lane.close();
    calls[0]?.answer();
    await until(() => events.length === 2);
    expect(events).toEqual(['detected 1', 'closed 0']);
  });

  it('closes a batch for a busy backend only when that is about to be through: all that came meanwhile travels together', async () => {
    const { calls, detect } = scriptedDetector();
    let busyForMs = 60;
    const batcher = new TestBatcher({ detect, batchTimeoutMs: 'auto', maxBatchSize: 8, maxInFlightBatches: 2, busyForMs: () => busyForMs, leadMs: 5 });
    const lanes = [0, 1, 2, 3].map(() => batcher.openLane(recorder().options));
    lanes[0]?.offer(testFrame({ seq: 0 }));
    await until(() => calls.length === 1);
    for (const seq of [1, 2, 3]) {
      busyForMs -= 10;
      lanes[seq]?.offer(testFrame({ seq }));
      await turn();
      expect(calls).toHaveLength(1);
    }
    busyForMs = 0;
    await until(() => calls.length === 2);
    expect(seqs(calls[1]?.batch).sort()).toEqual([1, 2, 3]);
  });

  it('gives every stream its share under overload, and all that it asks for to one that asks for less', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 4, max: 9 }), async (busy, maxBatchSize, modestEvery) => {
        const { calls, detect } = scriptedDetector();
        const batcher = new TestBatcher({ detect, maxBatchSize });
        const lanes = Array.from({ length: busy }, (_, index) => ({ id: String(index), lane: batcher.openLane(recorder().options) }));
        const modest = batcher.openLane(recorder().options);
        let asked = 0;
        // A stream of less than its share: it sends a frame in so many rounds that all others could be served meanwhile.
        const roundsForAll = Math.ceil((busy + 1) / maxBatchSize);
        const rounds = modestEvery * roundsForAll * 12;
        for (let round = 0; round < rounds; round += 1) {
          for (const { id, lane } of lanes) lane.offer(testFrame({ streamId: id, seq: round }));
          if (round % (modestEvery * roundsForAll) === 0) {
            modest.offer(testFrame({ streamId: 'modest', seq: round }));
            asked += 1;
          }
          await turn();
          calls.at(-1)?.answer();
          await turn();
        }
        const served = (id: string): number => calls.flatMap(({ batch }) => batch.frames).filter(({ streamId }) => streamId === id).length;
        const shares = lanes.map(({ id }) => served(id));
        expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.9 * Math.max(...shares) - 1);
        expect(served('modest')).toBe(asked);
        calls.at(-1)?.answer();
      }),
      { numRuns: 30 },
    );
  });
});
