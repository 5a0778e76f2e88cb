import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError, SightlineError } from '../../src/core/errors.js';
import { letterbox } from '../../src/core/geometry.js';
import { parseLabelMapTxt } from '../../src/detection/label-map.js';
import { decodeObjectDetection } from '../../src/detection/object-detection-decoder.js';
import type { Tensor } from '../../src/serving/tensor.js';

const labels = parseLabelMapTxt('person\nbicycle\n', 'labels.txt');
const square = letterbox({ widthPx: 100, heightPx: 100 }, { widthPx: 100, heightPx: 100 });
const wide = letterbox({ widthPx: 1280, heightPx: 720 }, { widthPx: 512, heightPx: 512 });

const float = (shape: readonly number[], data: readonly number[]): Tensor => ({ dtype: 'float', shape, data: Float32Array.from(data) });

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
    const [[found] = []] = decodeObjectDetection(answer([[0.25, 0.5, 0.75, 1, 2, 0.5]]), [square], labels);
    expect(found).toEqual({ classId: 2, label: 'bicycle', score: 0.5, box: [50, 25, 100, 75] });
  });

  it('maps boxes back through the letterbox and leaves out what lies in its bars', () => {
    const top = 112 / 512;
    const rows = [
      [top, 0, 1 - top, 1, 1, 0.9],
      [0, 0, top, 1, 1, 0.8],
    ];
    const [found = []] = decodeObjectDetection(answer(rows), [wide], labels);
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
    const [found = []] = decodeObjectDetection(answer(rows), [square], labels);
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
    expect(decodeObjectDetection(answer(rows, { num_detections: float([1], [1]) }), [square], labels)[0]).toHaveLength(1);
    expect(decodeObjectDetection(answer(rows, { num_detections: float([1], [0]) }), [square], labels)[0]).toEqual([]);
  });

  it('keeps the frames of a batch apart', () => {
    const outputs = new Map<string, Tensor>([
      ['detection_boxes', float([2, 1, 4], [0, 0, 0.5, 0.5, 0.5, 0.5, 1, 1])],
      ['detection_classes', float([2, 1], [1, 2])],
      ['detection_scores', float([2, 1], [0.5, 0.5])],
      ['num_detections', float([2], [1, 1])],
    ]);
    const found = decodeObjectDetection(outputs, [square, square], labels);
    expect(found.map(([first]) => first?.box)).toEqual([
      [0, 0, 50, 50],
      [50, 50, 100, 100],
    ]);
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
    expect(() => decodeObjectDetection(outputs, [square], labels)).toThrow(ModelOutputError);
    expect(() => decodeObjectDetection(outputs, [square], labels)).toThrow(message);
  });

  it('throws nothing but typed errors, whatever comes', () => {
    const tensor = fc
      .array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 })
      .chain((shape) => fc.array(fc.float(), { minLength: 0, maxLength: 64 }).map((data): Tensor => ({ dtype: 'float', shape, data: Float32Array.from(data) })));
    fc.assert(
      fc.property(fc.record({ detection_boxes: tensor, detection_classes: tensor, detection_scores: tensor, num_detections: tensor }), (outputs) => {
        try {
          decodeObjectDetection(new Map(Object.entries(outputs)), [square], labels);
        } catch (error) {
          expect(error).toBeInstanceOf(SightlineError);
        }
      }),
    );
  });
});
