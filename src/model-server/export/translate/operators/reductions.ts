import type { DType } from '../../../../serving/tensor.js';
import { attr } from '../../onnx/onnx-builder.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import { TO_CHANNELS_FIRST, type Shape, type Value } from '../value.js';

/** Whether what is left of channels first is in TensorFlow's order when these axes have gone. */
export function staysInOrder(axes: readonly number[]): boolean {
  const left = TO_CHANNELS_FIRST.filter((axis) => !axes.includes(axis));
  return left.every((axis, index) => index === 0 || axis > (left[index - 1] ?? 0));
}

function reduction(opType: string): Translation {
  return (node, writer) => reduce(opType, node.input(0), node, writer);
}

/** Reduces over the axes of input 1 (none: all of them). */
function reduce(opType: string, value: Value, node: NodeView, writer: GraphWriter): Value {
  const keep = node.bool('keep_dims', node.bool('keepdims'));
  const rank = value.shape?.length;
  const listed = node.constantInts(1, 'axes');
  if (rank === undefined) {
    const name = writer.builder.op(opType, [writer.plain(value), writer.int64List(node.input(1))], { keepdims: attr.int(keep ? 1 : 0), noop_with_empty_axes: attr.int(1) });
    return writer.value(name, value.dtype, null);
  }
  const axes = listed.map((axis) => node.axis(axis, rank));
  if (axes.length === 0) return value;
  const inOrder = keep || (rank === 4 && staysInOrder(axes));
  const order = inOrder ? writer.orderOf([value]) : 'plain';
  const name = writer.builder.op(opType, [writer.in(order, value), writer.builder.ints(axes.map((axis) => writer.axisIn(order, axis)))], { keepdims: attr.int(keep ? 1 : 0) });
  const shape = (value.shape ?? []).flatMap((size, axis) => (axes.includes(axis) ? (keep ? [1] : []) : [size]));
  const followed = opType === 'ReduceProd' && value.ints !== null && rank === 1 ? product(value.ints) : null;
  if (followed !== null) return writer.followed(name, value.dtype, shape, [followed]);
  return writer.valueIn(keep ? order : 'plain', name, value.dtype, shape);
}

function product(ints: readonly (number | null)[]): number | null {
  return ints.reduce<number | null>((total, size) => (total === null || size === null ? null : total * size), 1);
}

/** ONNX reduces no truth values: as numbers, all are the least of them and any is the greatest. */
function logical(opType: 'ReduceMin' | 'ReduceMax'): Translation {
  return (node, writer) => writer.cast(reduce(opType, writer.cast(node.input(0), 'int32'), node, writer), 'bool');
}

/** ONNX averages real numbers well; TensorFlow cuts the average of whole ones off. */
const mean: Translation = (node, writer) => {
  const value = node.input(0);
  if (!/^u?int/.test(value.dtype)) return reduce('ReduceMean', value, node, writer);
  return writer.cast(reduce('ReduceMean', writer.cast(value, 'float'), node, writer), value.dtype);
};

function argument(opType: 'ArgMax' | 'ArgMin'): Translation {
  return (node, writer) => {
    const value = node.input(0);
    const rank = node.rank(0);
    const axis = node.axis(node.inputs.length > 1 ? node.constantInt(1, 'axis') : 0, rank);
    const order = rank === 4 && staysInOrder([axis]) ? writer.orderOf([value]) : 'plain';
    const name = writer.builder.op(opType, [writer.in(order, value)], { axis: attr.int(writer.axisIn(order, axis)), keepdims: attr.int(0) });
    const shape: Shape = (value.shape ?? []).filter((_, index) => index !== axis);
    return writer.cast(writer.value(name, 'int64', shape), node.dtype('output_type', 'int64'));
  };
}

const topK: Translation = (node, writer) => {
  const value = node.input(0);
  const count = node.input(1);
  const k = count.ints?.[0] ?? null;
  const [values = '', indices = ''] = writer.builder.add('TopK', [writer.plain(value), writer.int64List(count)], { attrs: { axis: attr.int(-1), largest: attr.int(1), sorted: attr.int(1) }, outputs: 2 });
  const shape: Shape | null = value.shape === null ? null : [...value.shape.slice(0, -1), k];
  const dtype: DType = node.dtype('index_type', 'int32');
  return [writer.value(values, value.dtype, shape), writer.cast(writer.value(indices, 'int64', shape), dtype)];
};

const cumulative: Translation = (node, writer) => {
  const value = node.input(0);
  const axis = node.axis(node.constantInt(1, 'axis'), node.rank(0));
  const name = writer.builder.op('CumSum', [writer.plain(value), writer.builder.int(axis)], { exclusive: attr.int(node.bool('exclusive') ? 1 : 0), reverse: attr.int(node.bool('reverse') ? 1 : 0) });
  return writer.value(name, value.dtype, value.shape);
};

export const REDUCTIONS: OperatorTable = {
  Mean: mean,
  Sum: reduction('ReduceSum'),
  Max: reduction('ReduceMax'),
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  All: logical('ReduceMin'),
  Any: logical('ReduceMax'),
  ArgMax: argument('ArgMax'),
  ArgMin: argument('ArgMin'),
  TopKV2: topK,
  Cumsum: cumulative,
};
