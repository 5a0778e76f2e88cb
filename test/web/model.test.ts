import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { DetectionRecord } from '../../src/core/detection-record.js';
import { countByClass, DetectionRows } from '../../web/src/model/detection-rows.js';
import { FpsMeter } from '../../web/src/model/fps-meter.js';
import { latencyParts, totalMs } from '../../web/src/model/latency.js';
import { parseRoute, streamHash } from '../../web/src/model/route.js';
import { detectorSummary } from '../../web/src/model/summary.js';
import { formatAge, formatCount, formatFps, formatPosition, plural } from '../../web/src/model/text.js';

describe('text', () => {
  it.each([
    [null, '–'],
    [Number.NaN, '–'],
    [-5, '0 ms'],
    [0, '0 ms'],
    [84.4, '84 ms'],
    [999.4, '999 ms'],
    [999.6, '1.0 s'],
    [2440, '2.4 s'],
    [9949, '9.9 s'],
    [9960, '10 s'],
    [59_499, '59 s'],
    [59_500, '1 min'],
    [3_599_999, '59 min'],
    [3_600_000, '1 h'],
    [90_000_000, '1 d'],
  ])('tells an age of %s ms as %s', (ageMs, text) => {
    expect(formatAge(ageMs)).toBe(text);
  });

  it.each([
    [null, '–'],
    [-1, '0:00'],
    [999, '0:00'],
    [42_360, '0:42'],
    [139_400, '2:19'],
    [3_739_000, '1:02:19'],
  ])('tells the position %s ms as %s', (positionMs, text) => {
    expect(formatPosition(positionMs)).toBe(text);
  });

  it.each([
    [null, '–'],
    [0.52, '0.5'],
    [4.94, '4.9'],
    [9.96, '10'],
    [29.97, '30'],
  ])('tells %s frames a second as %s', (fps, text) => {
    expect(formatFps(fps)).toBe(text);
  });

  it('groups digits and knows one from many', () => {
    expect(formatCount(1_234_567)).toBe('1,234,567');
    expect([0, 1, 2].map((count) => plural(count, 'stream'))).toEqual(['0 streams', '1 stream', '2 streams']);
  });
});

describe('FpsMeter', () => {
  it('knows nothing from less than two frames', () => {
    const meter = new FpsMeter();
    expect(meter.fps(0)).toBeNull();
    meter.add(10);
    expect(meter.fps(20)).toBeNull();
  });

  it('measures an even rate exactly, at any moment between two frames', () => {
    const meter = new FpsMeter();
    for (let at = 0; at <= 10_000; at += 40) meter.add(at);
    for (const nowMs of [10_000, 10_020, 10_039]) expect(meter.fps(nowMs)).toBeCloseTo(25, 1);
  });

  it('falls while no frames come, and then knows nothing', () => {
    const meter = new FpsMeter();
    for (let at = 0; at <= 3000; at += 100) meter.add(at);
    expect(meter.fps(4500)).toBeLessThan(6);
    expect(meter.fps(6100)).toBeNull();
  });
});

describe('DetectionRows', () => {
  it('keeps every object in its row while scores change their order', () => {
    const rows = new DetectionRows();
    const first = rows.update([person(0, 0.9), person(100, 0.8)]);
    const second = rows.update([person(103, 0.95), person(4, 0.7)]);
    expect(second.map(({ key, detection }) => [key, detection.box[0]])).toEqual([
      [first[0]?.key, 4],
      [first[1]?.key, 103],
    ]);
  });

  it('drops what is gone at once and puts what is new last, under a new key', () => {
    const rows = new DetectionRows();
    const [gone, stays] = rows.update([person(0, 0.9), person(100, 0.8)]);
    const after = rows.update([person(300, 0.99), person(100, 0.8)]);
    expect(after.map(({ detection }) => detection.box[0])).toEqual([100, 300]);
    expect(after[0]?.key).toBe(stays?.key);
    expect(after[1]?.key).not.toBe(gone?.key);
    expect(rows.update([])).toEqual([]);
  });

  it('never takes another class for the same object', () => {
    const rows = new DetectionRows();
    const [before] = rows.update([person(0, 0.9)]);
    const [after] = rows.update([{ ...person(0, 0.9), classId: 2 }]);
    expect(after?.key).not.toBe(before?.key);
  });

  it('shows every detection of a frame exactly once', () => {
    const detection = fc.record({ classId: fc.nat(2), x: fc.nat(50) }).map(({ classId, x }) => ({ ...person(x, 0.5), classId }));
    fc.assert(
      fc.property(fc.array(fc.array(detection, { maxLength: 6 }), { maxLength: 8 }), (frames) => {
        const rows = new DetectionRows();
        for (const frame of frames) {
          const shown = rows.update(frame);
          expect(new Set(shown.map((row) => row.detection))).toEqual(new Set(frame));
          expect(new Set(shown.map((row) => row.key)).size).toBe(frame.length);
        }
      }),
    );
  });
});

describe('countByClass', () => {
  it('counts most first, then in the order of ids, and an empty frame as nothing', () => {
    const clock = { ...person(0, 0.9), classId: 85, label: 'clock' };
    const bicycle = { ...clock, classId: 2, label: 'bicycle' };
    expect(countByClass([])).toEqual([]);
    expect(countByClass([clock, bicycle, person(0, 0.1), person(9, 0.2)]).map(({ label, count }) => `${label} ${String(count)}`)).toEqual(['person 2', 'bicycle 1', 'clock 1']);
  });
});

describe('latencyParts', () => {
  const header = {
    ...{ stream: 'door', seq: 1, ptsMs: 0, widthPx: 2, heightPx: 2, model: null, detections: [] },
    capturedAtMs: 1000,
    sentAtMs: 1060,
    timingsMs: { capture: 12, queue: 9, predict: 34, annotate: 11 },
  };

  it('sums up to the age of the frame when it was shown', () => {
    const parts = latencyParts(header, { receivedAtMs: 1063, shownAtMs: 1075 });
    expect(parts.map(({ name, ms }) => `${name} ${String(ms)}`)).toEqual(['capture 12', 'queue 9', 'predict 34', 'draw 11', 'wait 6', 'send 3', 'show 12']);
    expect(totalMs(parts)).toBe(12 + 75);
  });

  it('is never negative, even where clocks disagree', () => {
    expect(latencyParts(header, { receivedAtMs: 900, shownAtMs: 905 }).find(({ name }) => name === 'send')?.ms).toBe(0);
  });
});

describe('detectorSummary', () => {
  const ok = { state: 'ok', message: '' } as const;
  it.each([
    [[], [], ''],
    [[ok], [], 'detector ready'],
    [[ok, ok, ok], [30, 500, 34], 'detector ready 34 ms'],
    [[ok, { state: 'unavailable', message: '' } as const], [30], 'detector unavailable'],
    [[{ state: 'unavailable', message: '' } as const, { state: 'misconfigured', message: '' } as const], [], 'detector misconfigured'],
  ])('tells %j with %j as %s', (states, predictMs, text) => {
    expect(detectorSummary(states, predictMs).text).toBe(text);
  });
});

describe('route', () => {
  it('leads back to any stream', () => {
    fc.assert(fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (stream) => { expect(parseRoute(streamHash(stream))).toEqual({ view: 'stream', stream }); }));
  });

  it.each(['', '#', '#/', '#/stream/', '#/other', '#/stream/%E0%A4%A'])('takes %j for the grid', (hash) => {
    expect(parseRoute(hash)).toEqual({ view: 'grid' });
  });
});

function person(x: number, score: number): DetectionRecord {
  return { classId: 1, label: 'person', score, box: [x, 0, x + 40, 100] };
}
