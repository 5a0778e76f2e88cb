import { describe, expect, it } from 'vitest';
import { DetectionTimeline } from '../../src/pipeline/detection-timeline.js';

const CLOCK = { classId: 85, label: 'clock' };
const SIGN = { classId: 13, label: 'stop sign' };
const SIZE = { widthPx: 640, heightPx: 360 };

function timelineOf(durationMs: number | null): DetectionTimeline {
  const timeline = new DetectionTimeline();
  timeline.describe({ durationMs, sourceSize: SIZE });
  return timeline;
}
const total = (timeline: DetectionTimeline, label = 'clock'): number => timeline.snapshot().buckets.reduce((sum, { classes }) => sum + (classes[label] ?? 0), 0);

describe('the timeline of a recording', () => {
  it('is empty before anything was shown, and knows its buckets once it knows the duration', () => {
    expect(new DetectionTimeline().snapshot()).toEqual({ durationMs: null, bucketMs: null, buckets: [], classIds: {} });
    expect(timelineOf(600_000).snapshot()).toEqual({ durationMs: 600_000, bucketMs: 2_000, buckets: [], classIds: {} });
    expect(timelineOf(1_000).snapshot().bucketMs).toBe(100);
  });

  it('counts frames by place and label, however many objects of a label there are', () => {
    const timeline = timelineOf(600_000);
    timeline.add(0, [CLOCK, CLOCK, SIGN]);
    timeline.add(40, [CLOCK]);
    timeline.add(80, []);
    timeline.add(599_960, [SIGN]);
    timeline.add(600_000, [CLOCK]);
    expect(timeline.snapshot().buckets).toEqual([{ index: 0, classes: { clock: 2, 'stop sign': 1 } }, { index: 299, classes: { clock: 1, 'stop sign': 1 } }]);
    expect(timeline.snapshot().classIds).toEqual({ clock: 85, 'stop sign': 13 });
  });

  it('counts each frame once, however often and in whatever order it is shown', () => {
    const timeline = timelineOf(10_000);
    for (let round = 0; round < 3; round += 1) for (let frame = 0; frame < 250; frame += 1) timeline.add(((frame * 77) % 250) * 40, [CLOCK]);
    expect(total(timeline)).toBe(250);
    expect(timeline.snapshot().buckets).toHaveLength(100);
  });

  it('has at most 300 buckets when the recording is longer than it says, or says nothing, and loses no count', () => {
    for (const durationMs of [null, 5_000]) {
      const timeline = timelineOf(durationMs);
      for (let frame = 0; frame < 20_000; frame += 1) timeline.add(frame * 40, [CLOCK]);
      for (let frame = 0; frame < 20_000; frame += 1) timeline.add(frame * 40, [CLOCK]);
      const { bucketMs, buckets } = timeline.snapshot();
      expect(total(timeline)).toBe(20_000);
      expect(bucketMs).toBe(3_200);
      expect(buckets.length).toBe(250);
      expect(buckets.at(-1)).toEqual({ index: 249, classes: { clock: 80 } });
    }
  });

  it('tells frames of eight hours apart', () => {
    const timeline = timelineOf(8 * 3_600_000);
    for (let frame = 0; frame < 10_000; frame += 1) timeline.add(frame * 25, [CLOCK]);
    expect(total(timeline)).toBe(10_000);
    expect(timeline.snapshot().bucketMs).toBe(96_000);
  });

  it('goes on when the recording grows, and begins anew when it is another one', () => {
    const timeline = timelineOf(30_000);
    timeline.add(1_000, [CLOCK]);
    timeline.describe({ durationMs: null, sourceSize: null });
    timeline.describe({ durationMs: 60_000, sourceSize: SIZE });
    expect(timeline.snapshot()).toMatchObject({ durationMs: 60_000, bucketMs: 200, buckets: [{ index: 5 }] });
    timeline.describe({ durationMs: 60_000, sourceSize: { widthPx: 1280, heightPx: 720 } });
    expect(timeline.snapshot().buckets).toEqual([]);
    timeline.add(1_000, [SIGN]);
    timeline.describe({ durationMs: 45_000, sourceSize: null });
    expect(timeline.snapshot()).toEqual({ durationMs: 45_000, bucketMs: 150, buckets: [], classIds: {} });
  });

  it('leaves out what has no place, and labels beyond the 256th', () => {
    const timeline = timelineOf(10_000);
    for (const positionMs of [-1, Number.NaN, Number.POSITIVE_INFINITY]) timeline.add(positionMs, [CLOCK]);
    expect(timeline.snapshot().buckets).toEqual([]);
    timeline.add(0, Array.from({ length: 300 }, (_, classId) => ({ classId, label: `class ${String(classId)}` })));
    timeline.add(40, [CLOCK, { classId: 0, label: 'class 0' }]);
    expect(Object.keys(timeline.snapshot().classIds)).toHaveLength(256);
    expect(timeline.snapshot().buckets[0]?.classes).toMatchObject({ 'class 0': 2 });
    expect(total(timeline)).toBe(0);
  });

  it('keeps a label that is called like a property of every object', () => {
    const timeline = timelineOf(10_000);
    timeline.add(0, [{ classId: 1, label: '__proto__' }, { classId: 2, label: 'constructor' }]);
    expect(JSON.parse(JSON.stringify(timeline.snapshot().buckets[0]?.classes))).toEqual(JSON.parse('{"__proto__":1,"constructor":1}'));
  });
});
