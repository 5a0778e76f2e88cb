import type { Size } from '../../../core/geometry.js';
import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import { axisSize, toFloat } from './found-rows.js';
import type { AnswerRows } from './answer-rows.js';
import type { PicturePlace } from './picture-operators.js';

/** Side of a mask of the answer: what Mask R-CNN gives. */
export const MASK_SIZE = 28;
/** Points along each side of a mask's pixel that are averaged. */
const SAMPLES = 2;

/** Writes the operators that make a mask for each row from a segmentation head's prototypes: the row's mixture of them, inside its box, as probability.
 * @param coefficients `[n, k, c]`
 * @param prototypes `[n, c, h, w]`, covering all that the graph looks at
 * @returns `[n, k, 28, 28]`, relative to the box; 0 where the row is empty */
export function addMasks(b: OnnxBuilder, rows: AnswerRows, coefficients: string, prototypes: string, place: PicturePlace, canvas: Size): string {
  const size = b.op('Shape', [prototypes], { start: attr.int(2), end: attr.int(4) });
  const flat = b.op('Reshape', [prototypes, b.op('Concat', [b.ints([0, 0]), b.ints([-1])], { axis: attr.int(0) })]);
  const mixtures = b.op('Reshape', [b.op('MatMul', [coefficients, flat]), b.op('Concat', [b.ints([-1, 1]), size], { axis: attr.int(0) })]);

  const onCanvas = b.op('Add', [b.op('Mul', [rows.boxes, place.content]), place.offset]);
  const sizes = toFloat(b, b.op('Concat', [size, size], { axis: attr.int(0) }));
  const scale = b.op('Div', [sizes, b.floats([canvas.heightPx, canvas.widthPx, canvas.heightPx, canvas.widthPx])]);
  const regions = b.op('Reshape', [b.op('Gather', [b.op('Mul', [onCanvas, scale]), b.ints([1, 0, 3, 2])], { axis: attr.int(-1) }), b.ints([-1, 4])]);
  const count = b.op('Squeeze', [axisSize(b, mixtures, 0), b.ints([0])]);
  const own = b.op('Range', [b.int(0), count, b.int(1)]);
  const inside = b.op('RoiAlign', [mixtures, regions, own], {
    mode: attr.text('avg'),
    output_height: attr.int(MASK_SIZE),
    output_width: attr.int(MASK_SIZE),
    sampling_ratio: attr.int(SAMPLES),
    spatial_scale: attr.float(1),
    coordinate_transformation_mode: attr.text('half_pixel'),
  });
  const shape = b.op('Concat', [b.op('Shape', [rows.scores]), b.ints([MASK_SIZE, MASK_SIZE])], { axis: attr.int(0) });
  return whereRow(b, rows, b.op('Reshape', [b.op('Sigmoid', [inside]), shape]), 2);
}

/** Values of rows that are not empty, where they are numbers; 0 elsewhere.
 * @param value `[n, k, …]` with `axes` axes behind the rows */
export function whereRow(b: OnnxBuilder, { counts }: AnswerRows, value: string, axes: number): string {
  const isRow = b.op('Unsqueeze', [counts, b.ints(Array.from({ length: axes }, (_, axis) => axis + 2))]);
  const isNumber = b.op('Less', [b.op('Abs', [value]), b.float(1e30)]);
  return b.op('Where', [b.op('And', [isRow, isNumber]), value, b.float(0)]);
}
