import { describe, expect, it } from 'vitest';

import { applyThresholds, thresholdFor, withThresholds } from '../../src/detection/thresholds.js';
import { testFrame } from '../helpers/frames.js';

describe('thresholdFor', () => {
  it.each([
    ['anything', {}, 0.4],
    ['anything', { '*': 0.7 }, 0.7],
    ['person', { '*': 0.7, person: 0.2 }, 0.2],
    ['person', { '*': 0.7, person: 0 }, 0],
    ['person', { '*': 0.7, person: false }, false],
    ['clock', { '*': false, person: 0.2 }, false],
    ['Person', { '*': 0.7, person: 0.2 }, 0.7],
    ['constructor', { '*': 0.7 }, 0.7],
    ['__proto__', {}, 0.4],
  ] as const)('of %s in %j is %j', (label, thresholds, threshold) => {
    expect(thresholdFor(label, thresholds)).toBe(threshold);
  });
});

describe('applyThresholds', () => {
  it('keeps what reaches its threshold, in order', () => {
    const detections = ([['person', 0.9], ['clock', 0.6], ['person', 0.6], ['dog', 0.4], ['dog', 0.39]] as const).map(([label, score]) => ({ classId: 1, label, score, box: [0, 0, 1, 1] as const }));
    const kept = applyThresholds(detections, { '*': 0.4, person: 0.7, clock: false });
    expect(kept).toEqual([detections[0], detections[3]]);
  });
});

describe('withThresholds', () => {
  it('holds for the classes of the whole frame as well', () => {
    const rest = { frame: testFrame(), model: null, timingsMs: { capture: 0, queue: 0, predict: 0, annotate: 0 } };
    const classes = [{ classId: 1, label: 'beach', score: 0.9 }, { classId: 2, label: 'sea', score: 0.3 }];
    expect(withThresholds({ ...rest, detections: [], classes }, {})).toEqual({ ...rest, detections: [], classes: classes.slice(0, 1) });
    expect(withThresholds({ ...rest, detections: [] }, {})).toEqual({ ...rest, detections: [] });
  });
});
