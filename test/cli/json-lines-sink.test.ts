import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { JsonLinesSink } from '../../src/cli/json-lines-sink.js';
import type { DetectedFrame } from '../../src/core/frames.js';
import { testFrame } from '../helpers/frames.js';

const REST = { model: null, timingsMs: { capture: 0, queue: 0, predict: 0, annotate: 0 } };

async function lineOf(found: Pick<DetectedFrame, 'detections' | 'classes'>): Promise<unknown> {
  const target = new PassThrough();
  const sink = new JsonLinesSink('walk', target, 'out.jsonl');
  await sink.write({ ...REST, frame: testFrame({ seq: 3, ptsMs: 120, sourceSize: { widthPx: 64, heightPx: 36 } }), ...found });
  sink.finish();
  target.end();
  return JSON.parse(await text(target));
}

const HEAD = { stream: 'walk', seq: 3, ptsMs: 120, widthPx: 64, heightPx: 36 };
const PERSON = { classId: 1, label: 'person', score: 0.5, box: [1, 2, 3, 4] as const };

describe('a JSON line', () => {
  it('has no more than the boxes of a plain detector', async () => {
    expect(await lineOf({ detections: [PERSON] })).toEqual({ ...HEAD, detections: [PERSON] });
    expect(await lineOf({ detections: [], classes: [] })).toEqual({ ...HEAD, detections: [] });
  });

  it('has the mask and the keypoints of a detection, in the form of a frame’s header, and the classes of the frame', async () => {
    const mask = { widthPx: 2, heightPx: 1, data: Float32Array.of(1, 0), box: [1, 2, 3, 4] as const };
    const keypoints = [{ xPx: 1.00049, yPx: 2, score: null }, { xPx: 3, yPx: 4, score: 0.25 }];
    expect(await lineOf({ detections: [{ ...PERSON, mask, keypoints }], classes: [{ classId: 7, label: 'beach', score: 1 / 3 }] })).toEqual({
      ...HEAD,
      detections: [{ ...PERSON, mask: { box: [1, 2, 3, 4], widthPx: 2, heightPx: 2, runs: [0, 1, 1, 1, 1] }, keypoints: [[1, 2, null], [3, 4, 0.25]] }],
      classes: [{ classId: 7, label: 'beach', score: 0.333333 }],
    });
  });
});
