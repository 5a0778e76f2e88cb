import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../../src/core/errors.js';
import type { Detection } from '../../../src/core/frames.js';
import { letterbox, type Letterbox } from '../../../src/core/geometry.js';
import { parseLabelMapTxt } from '../../../src/detection/label-map.js';
import { decodeObjectDetection, type ObjectDetectionExtras } from '../../../src/detection/contract/object-detection-decoder.js';
import type { Tensor } from '../../../src/serving/tensor.js';

const labels = parseLabelMapTxt('person\nbicycle\n', 'labels.txt');
const square = letterbox({ widthPx: 100, heightPx: 100 }, { widthPx: 100, heightPx: 100 });
const wide = letterbox({ widthPx: 1280, heightPx: 720 }, { widthPx: 512, heightPx: 512 });

const float = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'float', shape, data: Float32Array.from(data) });

const decode = (outputs: ReadonlyMap<string, Tensor>, letterboxes: readonly Letterbox[], extras?: ObjectDetectionExtras): Detection[][] => decodeObjectDetection(outputs, { batchSize: letterboxes.length, letterboxes, labels }, extras);

/** Answer for one frame; each row is [yMin, xMin, yMax, xMax, classId, score]. */
function answer(rows: readonly (readonly number[])[], changes: Record<string, Tensor | null> = {}): Map<string, Tensor> {
  const column = (from: number, to: number): number[] => rows.flatMap((row) => row.slice(from, to));
  const outputs = new Map<string, Tensor>([
    ['detection_boxes', float([1, rows.length, 4], column(0, 4))],
    ['detection_classes', float([1, rows.length], column(4, 5))],
    ['detection_scores', float([1, rows.length], column(5, 6))],
    ['num_detections', float([1], [rows.length])],
  ]);
  for (const [name, tensor] of Object.entries(changes)) {
    if (tensor === null) outputs.delete(name);
    else outputs.set(name, tensor);
  }
  return outputs;
}

describe('decodeObjectDetection', () => {
  it('maps y, x boxes to x, y pixels and names the classes', () => {
    const [[found] = []] = decode(answer([[0.25, 0.5, 0.75, 1, 2, 0.5]]), [square]);
    expect(found).toEqual({ classId: 2, label: 'bicycle', score: 0.5, box: [50, 25, 100, 75] });
  });

  it('maps boxes back through the letterbox and leaves out what lies in its bars', () => {
    const top = 112 / 512;
    const rows = [
      [top, 0, 1 - top, 1, 1, 0.9],
      [0, 0, top, 1, 1, 0.8],
    ];
    const [found = []] = decode(answer(rows), [wide]);
    expect(found).toHaveLength(1);
    found[0]?.box.forEach((value, index) => {
      expect(value).toBeCloseTo([0, 0, 1280, 720][index] ?? Number.NaN, 3);
    });
  });

  it('orders by score, descending, and names unknown classes by their number', () => {
    const rows = [
      [0, 0, 1, 1, 1, 0.25],
      [0, 0, 1, 1, 99, 0.75],
    ];
    const [found = []] = decode(answer(rows), [square]);
    expect(found.map(({ label, score }) => [label, score])).toEqual([
      ['99', 0.75],
      ['person', 0.25],
    ]);
  });

  it('reads no more rows than num_detections says', () => {
    const rows = [
      [0, 0, 1, 1, 1, 0.5],
      [0, 0, 1, 1, 1, 0.4],
    ];
    expect(decode(answer(rows, { num_detections: float([1], [1]) }), [square])[0]).toHaveLength(1);
    expect(decode(answer(rows, { num_detections: float([1], [0]) }), [square])[0]).toEqual([]);
  });

  it('keeps the frames of a batch apart', () => {
    const outputs = new Map<string, Tensor>([
      ['detection_boxes', float([2, 1, 4], [0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1])],
      ['detection_classes', float([2, 1], [1, 2])],
      ['detection_scores', float([2, 1], [0.5, 0.5])],
      ['num_detections', float([2], [1, 1])],
    ]);
    const found = decode(outputs, [square, square]);
    expect(found.map(([first]) => first?.box)).toEqual([
      [0, 0, 50, 50],
      [50, 50, 100, 100],
    ]);
  });

  it('reads half and double precision as well', () => {
    const outputs = answer([[0.25, 0.5, 0.75, 1, 2, 0.5]], {
      detection_boxes: { dtype: 'half', shape: [1, 1, 4], data: Uint16Array.of(0x3400, 0x3800, 0x3a00, 0x3c00) },
      detection_scores: { dtype: 'double', shape: [1, 1], data: Float64Array.of(0.5) },
    });
    expect(decode(outputs, [square])).toEqual([[{ classId: 2, label: 'bicycle', score: 0.5, box: [50, 25, 100, 75] }]]);
  });

  it('keeps masks, with the box that they cover, unclipped', () => {
    const outputs = answer([[-0.5, 0, 0.5, 0.5, 1, 0.5]], { detection_masks: float([1, 1, 2, 3], [0, 0.25, 0.5, 0.75, 1, 0]) });
    const [[found] = []] = decode(outputs, [square], { masks: true, keypoints: 'none' });
    expect(found?.box).toEqual([0, 0, 50, 50]);
    expect(found?.mask).toEqual({ widthPx: 3, heightPx: 2, data: Float32Array.of(0, 0.25, 0.5, 0.75, 1, 0), box: [0, -50, 50, 50] });
  });

  it('keeps keypoints, in source pixels, with their scores where there are some', () => {
    const outputs = answer([[0, 0, 1, 1, 1, 0.5]], { detection_keypoints: float([1, 1, 2, 2], [0.5, 0.25, 0, 0.5]), detection_keypoint_scores: float([1, 1, 2], [0.5, 0.25]) });
    expect(decode(outputs, [wide], { masks: false, keypoints: 'scored' })[0]?.[0]?.keypoints).toEqual([
      { xPx: 320, yPx: 360, score: 0.5 },
      { xPx: 640, yPx: -280, score: 0.25 },
    ]);
    expect(decode(outputs, [wide], { masks: false, keypoints: 'plain' })[0]?.[0]?.keypoints?.[0]).toEqual({ xPx: 320, yPx: 360, score: null });
  });

  it.each<[string, Record<string, Tensor>, RegExp]>([
    ['a mask for each frame', { detection_masks: float([1, 2, 2], [0, 0, 0, 0]) }, /detection_masks has shape \[1, 2, 2\], expected \[1, 1, -1, -1\]/],
    ['a mask that is no number', { detection_masks: float([1, 1, 1, 1], [Number.NaN]), detection_keypoints: float([1, 1, 0, 2], []), detection_keypoint_scores: float([1, 1, 0], []) }, /detection_masks holds a value that is not a number/],
    ['keypoints in space', { detection_masks: float([1, 1, 1, 1], [0]), detection_keypoints: float([1, 1, 1, 3], [0, 0, 0]) }, /detection_keypoints has shape \[1, 1, 1, 3\], expected \[1, 1, -1, 2\]/],
    ['scores of other keypoints', { detection_masks: float([1, 1, 1, 1], [0]), detection_keypoints: float([1, 1, 1, 2], [0, 0]), detection_keypoint_scores: float([1, 1, 2], [0, 0]) }, /detection_keypoint_scores has shape \[1, 1, 2\], expected \[1, 1, 1\]/],
  ])('refuses %s', (_what, extra, message) => {
    expect(() => decode(answer([[0, 0, 1, 1, 1, 0.5]], extra), [square], { masks: true, keypoints: 'scored' })).toThrow(message);
  });

  const row = [0, 0, 1, 1, 1, 0.5];
  it.each<[string, Map<string, Tensor>, RegExp]>([
    ['a missing output', answer([row], { detection_scores: null }), /no output detection_scores, only detection_boxes, /],
    ['another dtype', answer([row], { detection_classes: { dtype: 'int32', shape: [1, 1], data: Int32Array.of(1) } }), /detection_classes is int32/],
    ['another batch size', answer([row], { num_detections: float([2], [1, 1]) }), /num_detections has shape \[2\], expected \[1\]/],
    ['boxes of another shape', answer([row], { detection_boxes: float([1, 4], [0, 0, 1, 1]) }), /detection_boxes has shape \[1, 4\]/],
    ['scores of another length', answer([row], { detection_scores: float([1, 2], [0.5, 0.5]) }), /detection_scores has shape \[1, 2\], expected \[1, 1\]/],
    ['a box that is no number', answer([[0, Number.NaN, 1, 1, 1, 0.5]]), /not a number/],
    ['an endless box', answer([[0, 0, Infinity, 1, 1, 0.5]]), /not a number/],
    ['a logit for a score', answer([[0, 0, 1, 1, 1, 4.2]]), /holds 4\.\d+, expected values from 0 to 1/],
    ['half a class', answer([[0, 0, 1, 1, 1.5, 0.5]]), /holds 1.5, expected whole numbers/],
    ['more detections than rows', answer([row], { num_detections: float([1], [2]) }), /num_detections is 2, expected a whole number from 0 to 1/],
    ['a negative count', answer([row], { num_detections: float([1], [-1]) }), /num_detections is -1/],
  ])('refuses %s', (_what, outputs, message) => {
    expect(() => decode(outputs, [square])).toThrow(ModelOutputError);
    expect(() => decode(outputs, [square])).toThrow(message);
  });

  it('throws nothing but typed errors, whatever comes', () => {
    const tensor = fc
      .array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
      .chain((shape) => fc.array(fc.float(), { minLength: 0, maxLength: 64 }).map((data): Tensor => ({ dtype: 'float', shape, data: Float32Array.from(data) })));
    fc.assert(
      fc.property(fc.record({ detection_boxes: tensor, detection_classes: tensor, detection_scores: tensor, num_detections: tensor }), (outputs) => {
        try {
          decode(new Map(Object.entries(outputs)), [square]);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelOutputError);
        }
      }),
    );
  });
});
