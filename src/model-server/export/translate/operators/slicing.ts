import { attr } from '../../onnx/onnx-builder.js';
import type { GraphWriter } from '../graph-writer.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { Shape, Value } from '../value.js';
import { unified } from './elementwise.js';

/** "To the end" for ONNX's Slice. */
const TO_END = 2 ** 62;

const concat: Translation = (node, writer) => {
  const values = unified(node.inputs.slice(0, -1), writer);
  const [first] = values;
  const all = values.map(({ shape }) => shape?.length).find((length) => length !== undefined);
  const listed = node.constantInt(node.inputs.length - 1, 'axis');
  if (first === undefined || (all === undefined && listed < 0)) throw node.problem('the number of axes of its inputs is not known');
  const axis = all === undefined ? listed : node.axis(listed, all);
  const order = all === 4 ? writer.orderOf(values) : 'plain';
  const name = writer.builder.op('Concat', values.map((value) => writer.in(order, value)), { axis: attr.int(writer.axisIn(order, axis)) });
  const known = values.map(({ shape }) => shape);
  const shape = all === undefined ? null : Array.from({ length: all }, (_, index) => concatenated(known, index, index === axis));
  const ints = all === 1 && values.every(({ ints: each, shape: length }) => each !== null || length?.[0] != null) ? values.flatMap(({ ints: each, shape: length }) => each ?? Array<null>(length?.[0] ?? 0).fill(null)) : null;
  if (ints !== null && ints.some((value) => value !== null)) return writer.followed(name, first.dtype, shape, ints);
  return writer.valueIn(order, name, first.dtype, shape);
};

function concatenated(shapes: readonly (Shape | null)[], axis: number, isSum: boolean): number | null {
  const sizes = shapes.map((shape) => shape?.[axis] ?? null);
  return isSum ? sizes.reduce<number | null>((sum, size) => (sum === null || size === null ? null : sum + size), 0) : (sizes.find((size) => size !== null) ?? null);
}

/** @param sizes of the parts; `null`: equal ones */
function splitInto(value: Value, axis: number, sizes: readonly number[] | null, count: number, writer: GraphWriter): readonly Value[] {
  const order = value.shape?.length === 4 ? writer.orderOf([value]) : 'plain';
  const attrs = { axis: attr.int(writer.axisIn(order, axis)), ...(sizes === null ? { num_outputs: attr.int(count) } : {}) };
  const names = writer.builder.add('Split', [writer.in(order, value), ...(sizes === null ? [] : [writer.builder.ints(sizes)])], { attrs, outputs: count });
  const whole = value.shape?.[axis] ?? null;
  return names.map((name, index) => {
    const size = sizes === null ? (whole === null ? null : whole / count) : (sizes[index] ?? null);
    return writer.valueIn(order, name, value.dtype, value.shape?.map((known, at) => (at === axis ? size : known)) ?? null);
  });
}

const split: Translation = (node, writer) => {
  const axis = node.axis(node.constantInt(0, 'axis'), node.rank(1));
  return splitInto(node.input(1), axis, null, node.int('num_split', 1), writer);
};

const splitV: Translation = (node, writer) => {
  const value = node.input(0);
  const axis = node.axis(node.constantInt(2, 'axis'), node.rank(0));
  const sizes = node.constantInts(1, 'sizes');
  const whole = value.shape?.[axis] ?? null;
  if (sizes.includes(-1) && whole === null) throw node.problem('a part of it has a size that is not known');
  const rest = (whole ?? 0) - sizes.filter((size) => size >= 0).reduce((sum, size) => sum + size, 0);
  return splitInto(value, axis, sizes.map((size) => (size === -1 ? rest : size)), sizes.length, writer);
};

/** From `begin`, `size` elements along each axis; -1: all that are left. */
const slice: Translation = (node, writer) => {
  const [value, begin, size] = [node.input(0), node.input(1), node.input(2)];
  const axes = Array.from({ length: node.rank(0) }, (_, axis) => axis);
  const shape = axes.map((axis) => {
    const [from, count, whole] = [begin.ints?.[axis] ?? null, size.ints?.[axis] ?? null, value.shape?.[axis] ?? null];
    return count === null ? null : count >= 0 ? count : whole === null || from === null ? null : whole - from;
  });
  const name = writer.builder.op('Slice', [writer.plain(value), writer.int64List(begin), sliceEnds(begin, size, writer), writer.builder.ints(axes)]);
  const [from, count] = [begin.ints?.[0] ?? null, shape[0] ?? null];
  return writer.followed(name, value.dtype, shape, axes.length === 1 && value.ints !== null && from !== null && count !== null ? value.ints.slice(from, from + count) : null);
};

function sliceEnds(begin: Value, size: Value, writer: GraphWriter): string {
  const { ints: from } = begin;
  const { ints: counts } = size;
  if (from !== null && counts !== null && [...from, ...counts].every((each) => each !== null)) return writer.builder.ints(counts.map((count, axis) => (count === -1 ? TO_END : (from[axis] ?? 0) + (count ?? 0))));
  const isRest = writer.builder.op('Equal', [writer.int64List(size), writer.builder.ints([-1])]);
  return writer.builder.op('Where', [isRest, writer.builder.ints([TO_END]), writer.builder.op('Add', [writer.int64List(begin), writer.int64List(size)])]);
}

const reverse: Translation = (node, writer) => {
  const value = node.input(0);
  const axes = node.constantInts(1, 'axes').map((axis) => node.axis(axis, node.rank(0)));
  if (axes.length === 0) return value;
  const order = value.shape?.length === 4 ? writer.orderOf([value]) : 'plain';
  const each = (number: number): string => writer.builder.ints(axes.map(() => number));
  const inputs = [writer.in(order, value), each(-1), each(-TO_END), writer.builder.ints(axes.map((axis) => writer.axisIn(order, axis))), each(-1)];
  return writer.valueIn(order, writer.builder.op('Slice', inputs), value.dtype, value.shape);
};

const pad: Translation = (node, writer) => padded(node.input(0), node.input(1), { mode: 'constant', ...(node.inputs[2] === undefined ? {} : { fill: node.inputs[2] }) }, writer);

/** @param paddings `[axes, 2]`: before and after */
function padded(value: Value, paddings: Value, { mode, fill }: { mode: string; fill?: Value }, writer: GraphWriter): Value {
  const { ints } = paddings;
  const known = ints !== null && ints.every((each) => each !== null) ? ints : null;
  const order = known === null || value.shape?.length !== 4 ? 'plain' : writer.orderOf([value]);
  const more = fill === undefined ? [] : [writer.plain(writer.cast(fill, value.dtype))];
  const name = writer.builder.op('Pad', [writer.in(order, value), known === null ? dynamicPads(paddings, writer) : writer.builder.ints(onnxPads(known, order, writer)), ...more], { mode: attr.text(mode) });
  const shape = value.shape?.map((size, axis) => {
    const [before, after] = [ints?.[2 * axis] ?? null, ints?.[2 * axis + 1] ?? null];
    return size === null || before === null || after === null ? null : size + before + after;
  });
  return writer.valueIn(order, name, value.dtype, shape ?? null);
}

/** All befores, then all afters, in that order of axes. */
function onnxPads(paddings: readonly number[], order: 'plain' | 'channelsFirst', writer: GraphWriter): number[] {
  const axes = paddings.length / 2;
  const pads = Array<number>(axes * 2).fill(0);
  for (let axis = 0; axis < axes; axis += 1) {
    const at = writer.axisIn(order, axis);
    pads[at] = paddings[2 * axis] ?? 0;
    pads[axes + at] = paddings[2 * axis + 1] ?? 0;
  }
  return pads;
}

function dynamicPads(paddings: Value, writer: GraphWriter): string {
  return writer.builder.op('Reshape', [writer.builder.op('Transpose', [writer.int64(paddings)], { perm: attr.ints([1, 0]) }), writer.builder.ints([-1])]);
}

/** SYMMETRIC repeats the edge itself, for which ONNX has no mode: the mirrored parts are cut out and put beside. */
const mirrorPad: Translation = (node, writer) => {
  if (node.text('mode', 'REFLECT') === 'REFLECT') return padded(node.input(0), node.input(1), { mode: 'reflect' }, writer);
  const paddings = node.constantInts(1, 'paddings');
  let value = node.input(0);
  for (let axis = 0; axis < node.rank(0); axis += 1) {
    const [before = 0, after = 0] = paddings.slice(2 * axis, 2 * axis + 2);
    if (before + after === 0) continue;
    const name = writer.plain(value);
    const cut = (start: number, end: number): string => writer.builder.op('Slice', [name, writer.builder.ints([start]), writer.builder.ints([end]), writer.builder.ints([axis]), writer.builder.ints([-1])]);
    const parts = [...(before > 0 ? [cut(before - 1, -TO_END)] : []), name, ...(after > 0 ? [cut(-1, -1 - after)] : [])];
    const shape = value.shape?.map((size, at) => (at === axis && size !== null ? size + before + after : size)) ?? null;
    value = writer.value(writer.builder.op('Concat', parts, { axis: attr.int(axis) }), value.dtype, shape);
  }
  return value;
};

export const SLICING: OperatorTable = {
  ConcatV2: concat,
  Split: split,
  SplitV: splitV,
  Slice: slice,
  ReverseV2: reverse,
  Pad: pad,
  PadV2: pad,
  MirrorPad: mirrorPad,
};
