import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSlot } from '../../src/viewers/frame-slot.js';

class CountedFrame {
  holds = 1;
  constructor(readonly seq: number) {}
  release(): void {
    this.holds -= 1;
    if (this.holds < 0) throw new RangeError('released too often');
  }
}

type Step =
  | { readonly do: 'offer' | 'take' | 'sent' | 'failed' | 'putBack' | 'clear' }
  | { readonly do: 'ack'; readonly back: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'fps'; readonly fps: number | null };

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'offer' }) },
  { weight: 6, arbitrary: fc.constant<Step>({ do: 'take' }) },
  { weight: 5, arbitrary: fc.constant<Step>({ do: 'sent' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'failed' }, { do: 'putBack' }, { do: 'clear' }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('ack' as const), back: fc.integer({ min: -3, max: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 200 }) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('fps' as const), fps: fc.option(fc.integer({ min: 1, max: 60 }), { nil: null }) }) },
);

describe('frame slot', () => {
  it('keeps its accounts, the newest frame and two unacknowledged under any sequence of events', () => {
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 200 }), (sequence) => {
        const frames: CountedFrame[] = [];
        const sent: number[] = [];
        let skipped = 0;
        let nowMs = 0;
        let atWork: CountedFrame | null = null;
        let ackedSeq: number | null = null;
        const slot = new FrameSlot<CountedFrame>(() => (skipped += 1));
        for (const step of sequence) {
          if (step.do === 'offer') {
            const frame = new CountedFrame(frames.length);
            frames.push(frame);
            slot.offer(frame);
          } else if (step.do === 'take') {
            const taken = slot.take(nowMs, () => true);
            if (taken !== null) {
              expect(atWork).toBeNull();
              expect(taken.seq).toBe(frames.length - 1); // the newest wins
              if (ackedSeq !== null) expect(sent.filter((seq) => seq > (ackedSeq ?? -1)).length).toBeLessThan(2);
              atWork = taken;
            }
          } else if (step.do === 'ack') {
            const seq: number = Math.max(0, (sent.at(-1) ?? 0) + step.back);
            slot.acknowledge(seq);
            // What is not sent yet cannot be acknowledged.
            ackedSeq = Math.max(ackedSeq ?? -1, Math.min(seq, sent.at(-1) ?? -1));
          } else if (step.do === 'wait') {
            nowMs += step.ms;
          } else if (step.do === 'fps') {
            slot.setMaxFps(step.fps);
          } else if (step.do === 'clear') {
            slot.clear();
          } else if (atWork !== null) {
            if (step.do === 'sent') {
              sent.push(atWork.seq);
              slot.sent(nowMs);
            } else if (step.do === 'failed') {
              slot.failed();
            } else {
              slot.putBack('room');
            }
            atWork = null;
          }
          const held = (slot.isWaiting ? 1 : 0) + (atWork === null ? 0 : 1);
          const counts = slot.counts;
          expect(counts.offered).toBe(counts.sent + counts.skipped + counts.thinned + counts.failed + held);
          expect(counts.skipped).toBe(skipped);
          expect(frames.filter((frame) => frame.holds > 0).length).toBe(held);
          expect(slot.unacknowledged).toBeLessThanOrEqual(2);
        }
        expect(sent).toEqual([...sent].sort((a, b) => a - b));
      }),
      { numRuns: 500 },
    );
  });

  it('sends at most maxFps frames in any second, and all of them when the source keeps that rate', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 60 }), fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 300, maxLength: 300 }), (maxFps, sourceFps, jitterMs) => {
        const slot = new FrameSlot<CountedFrame>();
        slot.setMaxFps(maxFps);
        const sentAtMs: number[] = [];
        const pump = (nowMs: number): void => {
          if (slot.take(nowMs, () => true) === null) return;
          slot.sent(nowMs);
          sentAtMs.push(nowMs);
        };
        let lastMs = 0;
        jitterMs.forEach((jitter, seq) => {
          const arrivesAtMs = Math.max(lastMs, (seq * 1000) / sourceFps + jitter);
          const dueMs = slot.msUntilDue(lastMs);
          if (dueMs !== null && lastMs + dueMs <= arrivesAtMs) pump(lastMs + dueMs);
          slot.offer(new CountedFrame(seq));
          pump(arrivesAtMs);
          lastMs = arrivesAtMs;
        });
        for (const startMs of sentAtMs) {
          expect(sentAtMs.filter((timeMs) => timeMs >= startMs && timeMs < startMs + 1000).length).toBeLessThanOrEqual(maxFps + 1);
        }
        if (sourceFps * 1.2 < maxFps) expect(sentAtMs.length).toBe(300 - (slot.isWaiting ? 1 : 0));
        const seconds = 300 / sourceFps;
        expect(sentAtMs.length).toBeGreaterThanOrEqual(Math.floor(Math.min(sourceFps, maxFps) * seconds * 0.9) - 1);
      }),
      { numRuns: 100 },
    );
  });

  it('calls a frame skipped when the viewer is slow, thinned when it asked for fewer', () => {
    const slot = new FrameSlot<CountedFrame>();
    slot.offer(new CountedFrame(0));
    slot.take(0, () => true);
    slot.sent(0);
    slot.offer(new CountedFrame(1));
    expect(slot.take(1, () => false)).toBeNull();
    slot.offer(new CountedFrame(2));
    expect(slot.counts).toMatchObject({ skipped: 1, thinned: 0 });
    slot.setMaxFps(10);
    slot.take(2, () => true);
    slot.sent(2);
    slot.offer(new CountedFrame(3));
    expect(slot.take(3, () => true)).toBeNull();
    expect(slot.msUntilDue(3)).toBe(99);
    slot.offer(new CountedFrame(4));
    expect(slot.counts).toMatchObject({ skipped: 1, thinned: 1 });
  });

  it('lets a frame that found no room wait again, unless a newer one waits', () => {
    const slot = new FrameSlot<CountedFrame>();
    const [old, newer] = [new CountedFrame(0), new CountedFrame(1)];
    slot.offer(old);
    expect(slot.take(0, () => true)).toBe(old);
    slot.putBack('room');
    expect(slot.take(0, () => true)).toBe(old);
    slot.offer(newer);
    slot.putBack('room');
    expect(old.holds).toBe(0);
    expect(slot.take(0, () => true)).toBe(newer);
  });

  it('refuses to end work that was not begun', () => {
    expect(() => new FrameSlot<CountedFrame>().sent(0)).toThrow(RangeError);
  });
});
