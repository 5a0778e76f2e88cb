import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { testFrame } from '../helpers/frames.js';
import { until } from '../helpers/until.js';
import { recorder, scriptedDetector, seqs, TestBatcher, turn, type Call, type Detect } from './test-batcher.js';

describe('MicroBatcher', () => {
  it('refuses a timeout that cannot be', () => {
    const detect: Detect = () => Promise.resolve([]);
    expect(() => new TestBatcher({ detect, batchTimeoutMs: Number.NaN })).toThrow(RangeError);
    expect(() => new TestBatcher({ detect, batchTimeoutMs: -1 })).toThrow(RangeError);
  });

  it('sends a full batch at once and a partial one when its oldest frame has waited', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 2, maxInFlightBatches: 8, batchTimeoutMs: 500 });
    const lane = batcher.openLane(recorder({ policy: 'wait', capacity: 8 }).options);
    lane.offer(testFrame({ seq: 0 }));
    await turn();
    expect(calls).toHaveLength(0);
    lane.offer(testFrame({ seq: 1 }));
    await turn();
    expect(calls.map((call) => seqs(call.batch))).toEqual([[0, 1]]);
    const offeredAtMs = performance.now();
    lane.offer(testFrame({ seq: 2 }));
    await until(() => calls.length === 2);
    expect(performance.now() - offeredAtMs).toBeGreaterThanOrEqual(499);
    expect(seqs(calls[1]?.batch)).toEqual([2]);
  });

  it('forms batches by count alone without a timeout, and flush sends the rest', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 2, maxInFlightBatches: 8, batchTimeoutMs: null });
    const lane = batcher.openLane(recorder({ policy: 'wait', capacity: 8 }).options);
    for (let seq = 0; seq < 3; seq += 1) lane.offer(testFrame({ seq }));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(calls.map((call) => seqs(call.batch))).toEqual([[0, 1]]);
    batcher.flush();
    expect(calls.map((call) => seqs(call.batch))).toEqual([[0, 1], [2]]);
  });

  it('keeps the newest frame of a live lane and says which ones it superseded', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect });
    const { events, options } = recorder();
    const lane = batcher.openLane(options);
    lane.offer(testFrame({ seq: 0 }));
    await turn();
    for (let seq = 1; seq < 4; seq += 1) lane.offer(testFrame({ seq }));
    await turn();
    // The timeout of 0 has sent frame 0; 3 is what waits.
    expect(calls.map((call) => seqs(call.batch))).toEqual([[0]]);
    expect(events).toEqual(['superseded 1', 'superseded 2']);
    expect(lane.size).toBe(2);
  });

  it('refuses a frame that a waiting lane has no room for', () => {
    const { detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxInFlightBatches: 0 });
    const lane = batcher.openLane(recorder({ policy: 'wait', capacity: 1 }).options);
    lane.offer(testFrame({ seq: 0 }));
    expect(lane.free).toBe(0);
    batcher.setLimits({ maxBatchSize: 4, maxInFlightBatches: 1 });
    expect(lane.free).toBe(0);
    expect(() => {
      lane.offer(testFrame({ seq: 1 }));
    }).toThrow(RangeError);
  });

  it('gives outcomes in the order of the frames although batches end in another', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1, maxInFlightBatches: 3 });
    const { events, options } = recorder({ policy: 'wait', capacity: 3 });
    const lane = batcher.openLane(options);
    for (let seq = 0; seq < 3; seq += 1) lane.offer(testFrame({ seq }));
    await turn();
    calls[2]?.answer();
    calls[1]?.refuse(new Error('no'));
    await until(() => batcher.inFlightBatches === 1);
    expect(events).toEqual([]);
    calls[0]?.answer();
    await until(() => events.length === 3);
    expect(events).toEqual(['detected 0', 'failed 1 no', 'detected 2']);
  });

  it('tries a failed frame again before those behind it, as often as its lane wants', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1 });
    const { events, options } = recorder({ policy: 'wait', capacity: 4, shouldRetry: (_error, attempts) => attempts < 3 });
    const lane = batcher.openLane(options);
    lane.offer(testFrame({ seq: 0 }));
    lane.offer(testFrame({ seq: 1 }));
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await until(() => calls.length === attempt + 1);
      expect(seqs(calls[attempt]?.batch)).toEqual([0]);
      calls[attempt]?.refuse(new Error('busy'));
    }
    await until(() => calls.length === 4);
    expect(events).toEqual(['failed 0 busy']);
    expect(seqs(calls[3]?.batch)).toEqual([1]);
  });

  it('fails all frames of a batch whose answer has another count', async () => {
    const batcher = new TestBatcher({ detect: () => Promise.resolve([]), maxBatchSize: 1 });
    const { events, options } = recorder();
    batcher.openLane(options).offer(testFrame({ seq: 0 }));
    await until(() => events.length === 1);
    expect(events[0]).toMatch(/^failed 0 1 frames were sent/);
  });

  it('puts only frames of equal model input size together', () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxInFlightBatches: 0, maxBatchSize: 4 });
    const big = batcher.openLane(recorder().options);
    const small = batcher.openLane(recorder({ policy: 'wait', capacity: 4 }).options);
    big.offer(testFrame({ seq: 0, modelInputSize: { widthPx: 64, heightPx: 64 } }));
    small.offer(testFrame({ seq: 1 }));
    small.offer(testFrame({ seq: 2 }));
    batcher.setLimits({ maxBatchSize: 4, maxInFlightBatches: 2 });
    expect(calls.map((call) => seqs(call.batch))).toEqual([[0], [1, 2]]);
  });

  it('takes from every lane in turn', () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxInFlightBatches: 0, maxBatchSize: 4 });
    const lanes = ['a', 'b', 'c'].map((streamId) => ({ streamId, lane: batcher.openLane(recorder({ policy: 'wait', capacity: 8 }).options) }));
    for (const { streamId, lane } of lanes) for (let seq = 0; seq < 4; seq += 1) lane.offer(testFrame({ streamId, seq }));
    batcher.setLimits({ maxBatchSize: 4, maxInFlightBatches: 3 });
    const share = (streamId: string): number => calls.flatMap((call) => call.batch.frames).filter((frame) => frame.streamId === streamId).length;
    expect(['a', 'b', 'c'].map(share)).toEqual([4, 4, 4]);
    expect(new Set(calls[0]?.batch.frames.map((frame) => frame.streamId)).size).toBe(3);
  });

  it('gives a camera its turn beside a recording whose frames have always waited longer', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1 });
    const recording = batcher.openLane(recorder({ policy: 'wait', capacity: 16 }).options);
    const camera = batcher.openLane(recorder().options);
    for (let seq = 0; seq < 16; seq += 1) recording.offer(testFrame({ streamId: 'recording', seq }));
    for (let seq = 0; seq < 8; seq += 1) {
      camera.offer(testFrame({ streamId: 'camera', seq }));
      camera.offer(testFrame({ streamId: 'camera', seq: 100 + seq }));
      const sent = calls.length;
      calls.at(-1)?.answer();
      await until(() => calls.length > sent);
    }
    const served = calls.map((call) => call.batch.frames[0]?.streamId);
    expect(served.filter((id) => id === 'camera').length).toBeGreaterThanOrEqual(4);
    expect(served.filter((id) => id === 'recording').length).toBeGreaterThanOrEqual(4);
  });

  it('drops what waits when closed, and waits for what is in flight', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1 });
    const { events, options } = recorder();
    const lane = batcher.openLane(options);
    lane.offer(testFrame({ seq: 0 }));
    await turn();
    lane.offer(testFrame({ seq: 1 }));
    let closed = false;
    const closing = batcher.close().then(() => {
      closed = true;
    });
    expect(events).toEqual(['closed 1']);
    await Promise.resolve();
    expect(closed).toBe(false);
    calls[0]?.answer();
    await closing;
    await batcher.close();
    lane.offer(testFrame({ seq: 2 }));
    expect(events).toEqual(['closed 1', 'detected 0', 'closed 2']);
  });

  it('ends every frame exactly once, in order within its lane, never above the limits, under any sequence of events', async () => {
    const event = fc.oneof(
      { weight: 6, arbitrary: fc.record({ type: fc.constant('offer' as const), lane: fc.nat(2) }) },
      { weight: 3, arbitrary: fc.record({ type: fc.constant('answer' as const), call: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('refuse' as const), call: fc.nat(4) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('limit' as const), size: fc.integer({ min: 1, max: 5 }), inFlight: fc.nat(3) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 60 }), fc.boolean(), async (script, retry) => {
        const { calls, detect } = scriptedDetector();
        let limits = { maxBatchSize: 3, maxInFlightBatches: 2 };
        let unanswered: Call[] = [];
        const batcher = new TestBatcher({
          ...limits,
          batchTimeoutMs: 0,
          detect: (batch) => {
            expect(batch.frames.length).toBeGreaterThan(0);
            expect(batch.frames.length).toBeLessThanOrEqual(limits.maxBatchSize);
            return detect(batch);
          },
        });
        const offered: number[][] = [[], [], []];
        const ended: number[][] = [[], [], []];
        const left: number[][] = [[], [], []];
        const lanes = [0, 1, 2].map((index) =>
          batcher.openLane({
            policy: index === 2 ? 'wait' : 'drop-oldest',
            capacity: index + 1,
            onDetected: ({ frame }) => ended[index]?.push(frame.seq),
            onFailed: (frame) => ended[index]?.push(frame.seq),
            onDropped: (frame) => left[index]?.push(frame.seq),
            shouldRetry: (_error, attempts) => retry && attempts < 3,
          }),
        );
        let seq = 0;
        const take = (index: number): Call | undefined => {
          unanswered = [...unanswered, ...calls.splice(0)];
          return unanswered.splice(index % Math.max(1, unanswered.length), 1)[0];
        };
        for (const step of script) {
          if (step.type === 'offer') {
            const lane = lanes[step.lane];
            if (lane === undefined || (step.lane === 2 && lane.free === 0)) continue;
            offered[step.lane]?.push(seq);
            lane.offer(testFrame({ streamId: String(step.lane), seq }));
            seq += 1;
          } else if (step.type === 'limit') {
            limits = { maxBatchSize: step.size, maxInFlightBatches: step.inFlight };
            batcher.setLimits(limits);
          } else if (step.type === 'answer') take(step.call)?.answer();
          else take(step.call)?.refuse(new Error('no'));
          await new Promise((resolve) => setImmediate(resolve));
        }
        const closing = batcher.close();
        for (let call = take(0); call !== undefined; call = take(0)) call.answer();
        await closing;
        [0, 1, 2].forEach((index) => {
          expect([...(ended[index] ?? []), ...(left[index] ?? [])].sort((a, b) => a - b)).toEqual(offered[index]);
          expect(ended[index]).toEqual([...(ended[index] ?? [])].sort((a, b) => a - b));
        });
      }),
      { numRuns: 150 },
    );
  });

  it('goes on flushing until the lanes are empty: the last frames are tried again without company', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, batchTimeoutMs: null, maxBatchSize: 4, maxInFlightBatches: 2 });
    const { events, options } = recorder({ policy: 'wait', capacity: 8, shouldRetry: (_error, attempts) => attempts < 3 });
    const lane = batcher.openLane(options);
    lane.offer(testFrame({ seq: 0 }));
    batcher.flush();
    await until(() => calls.length === 1);
    calls[0]?.refuse(new Error('busy'));
    await until(() => calls.length === 2, { timeoutMs: 1_000 });
    calls[1]?.answer();
    await until(() => events.includes('detected 0'));
    // Once they were empty, batches form by count again.
    lane.offer(testFrame({ seq: 1 }));
    expect(batcher.inFlightBatches).toBe(0);
  });

  it('sends what a full lane holds when nothing is in flight, though the batch grew beyond it: nothing else could ever come', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, batchTimeoutMs: null, maxBatchSize: 1 });
    const { options } = recorder({ policy: 'wait', capacity: 2 });
    const lane = batcher.openLane(options);
    batcher.setLimits({ maxBatchSize: 4, maxInFlightBatches: 1 });
    lane.offer(testFrame({ seq: 0 }));
    await turn();
    expect(calls).toHaveLength(0);
    lane.offer(testFrame({ seq: 1 }));
    await until(() => calls.length === 1, { timeoutMs: 1_000 });
    expect(seqs(calls[0]?.batch)).toEqual([0, 1]);
  });

  it('gives an end to frames that were done behind one that was to be tried again when the lane closes', async () => {
    const { calls, detect } = scriptedDetector();
    const batcher = new TestBatcher({ detect, maxBatchSize: 1, maxInFlightBatches: 2 });
    const { events, options } = recorder({ policy: 'wait', capacity: 2, shouldRetry: () => true });
    const lane = batcher.openLane(options);
    lane.offer(testFrame({ seq: 0 }));
    lane.offer(testFrame({ seq: 1 }));
    await until(() => calls.length === 2);
    batcher.setLimits({ maxBatchSize: 1, maxInFlightBatches: 0 });
    calls[0]?.refuse(new Error('gone'));
    calls[1]?.answer();
    await until(() => batcher.inFlightBatches === 0);
    lane.close();
    expect(events).toEqual(['closed 0', 'detected 1']);
    expect(lane.size).toBe(0);
  });
});
