import type { DType } from '../../../../serving/tensor.js';
import { attr } from '../../onnx/onnx-builder.js';
import { reshapeTensor, tensorOf, transposeTensor } from '../constant-tensor.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import { broadcastShapes, permuted, TO_CHANNELS_FIRST, TO_CHANNELS_LAST, type Shape, type Value } from '../value.js';
import { staysInOrder } from './reductions.js';

const same: Translation = (node) => node.input(0);
const sameAll: Translation = (node) => node.inputs;

const constant: Translation = (node, writer) => {
  const value = node.node.attrs.get('value');
  if (value?.kind !== 'tensor') throw node.problem('it has no value');
  return writer.constant(value.value);
};

const shapeOf: Translation = (node, writer) => sizesOf(node.input(0), node.dtype('out_type', 'int32'), writer);

function sizesOf(value: Value, dtype: DType, writer: GraphWriter): Value {
  const known = value.shape;
  if (known !== null && known.every((size) => size !== null) && (dtype === 'int32' || dtype === 'int64')) return writer.constant(tensorOf(dtype, known, [known.length]));
  const order = writer.orderOf([value]);
  const lying = writer.builder.op('Shape', [writer.in(order, value)]);
  const name = order === 'plain' ? lying : writer.builder.op('Gather', [lying, writer.builder.ints(TO_CHANNELS_LAST)]);
  return writer.followed(dtype === 'int64' ? name : writer.castName(name, dtype), dtype, known === null ? [null] : [known.length], known);
}

const size: Translation = (node, writer) => {
  const value = node.input(0);
  const name = writer.builder.op('Size', [writer.in(writer.orderOf([value]), value)]);
  const total = value.shape?.reduce<number | null>((product, next) => (product === null || next === null ? null : product * next), 1) ?? null;
  const dtype = node.dtype('out_type', 'int32');
  return writer.followed(dtype === 'int64' ? name : writer.castName(name, dtype), dtype, [], [total]);
};

const rank: Translation = (node, writer) => {
  const { shape } = node.input(0);
  if (shape !== null) return writer.constant(tensorOf('int32', [shape.length], []));
  return writer.value(writer.castName(writer.builder.op('Size', [writer.builder.op('Shape', [writer.plain(node.input(0))])]), 'int32'), 'int32', []);
};

const reshape: Translation = (node, writer) => {
  const [value, target] = [node.input(0), node.input(1)];
  const shape = reshaped(value.shape, target);
  if (value.tensor !== null && shape !== null && shape.every((known) => known !== null)) return writer.constant(reshapeTensor(value.tensor, shape));
  // A size that is not known can be left to ONNX when it is the only one.
  const open = shape?.filter((known) => known === null).length ?? 2;
  const sizes = shape !== null && open <= 1 && !shape.includes(0) ? writer.builder.ints(shape.map((known) => known ?? -1)) : writer.int64List(target);
  const name = writer.builder.op('Reshape', [writer.plain(value), sizes], { allowzero: attr.int(1) });
  return writer.followed(name, value.dtype, shape, shape !== null && shape.length <= 1 ? value.ints : null);
};

/** The shape that comes out, as far as it can be told. */
function reshaped(from: Shape | null, target: Value): Shape | null {
  if (target.ints === null) {
    const count = target.shape?.[0];
    return count == null ? null : Array<null>(count).fill(null);
  }
  const total = from?.reduce<number | null>((product, next) => (product === null || next === null ? null : product * next), 1) ?? null;
  // Unknown sizes of the target are not -1: -1 stands for what is left over.
  const others = target.ints.reduce<number | null>((product, next) => (product === null || next === null ? null : next === -1 ? product : product * next), 1);
  return target.ints.map((next) => (next !== -1 ? next : total !== null && others !== null && others > 0 ? total / others : null));
}

const expandDims: Translation = (node, writer) => {
  const value = node.input(0);
  const axis = node.axis(node.constantInt(1, 'axis'), node.rank(0) + 1);
  const shape = [...(value.shape ?? []).slice(0, axis), 1, ...(value.shape ?? []).slice(axis)];
  if (value.tensor !== null) return writer.constant(reshapeTensor(value.tensor, shape as number[]));
  return writer.followed(writer.builder.op('Unsqueeze', [writer.plain(value), writer.builder.ints([axis])]), value.dtype, shape, value.ints);
};

const squeeze: Translation = (node, writer) => {
  const value = node.input(0);
  const listed = node.ints('squeeze_dims').length > 0 ? node.ints('squeeze_dims') : node.ints('axis');
  const { shape } = value;
  if (shape === null && listed.every((axis) => axis >= 0)) return writer.value(writer.builder.op('Squeeze', [writer.plain(value), ...(listed.length > 0 ? [writer.builder.ints(listed)] : [])]), value.dtype, null);
  const all = node.rank(0);
  if (listed.length === 0 && shape?.includes(null) === true) return writer.value(writer.builder.op('Squeeze', [writer.plain(value)]), value.dtype, null);
  const axes = listed.length > 0 ? listed.map((axis) => node.axis(axis, all)) : (shape ?? []).flatMap((known, axis) => (known === 1 ? [axis] : []));
  const left = (shape ?? []).filter((_, axis) => !axes.includes(axis));
  if (axes.length === 0) return value;
  if (value.tensor !== null) return writer.constant(reshapeTensor(value.tensor, left as number[]));
  const order = all === 4 && staysInOrder(axes) ? writer.orderOf([value]) : 'plain';
  const name = writer.builder.op('Squeeze', [writer.in(order, value), writer.builder.ints(axes.map((axis) => writer.axisIn(order, axis)))]);
  return writer.followed(name, value.dtype, left, left.length <= 1 ? value.ints : null);
};

const transpose: Translation = (node, writer) => {
  const value = node.input(0);
  const permutation = node.constantInts(1, 'permutation').map((axis) => node.axis(axis, node.inputs[1]?.ints?.length ?? 0));
  const shape = value.shape === null ? permutation.map(() => null) : permuted(value.shape, permutation);
  if (value.tensor !== null && value.tensor.dtype !== 'string') return writer.constant(transposeTensor(value.tensor, permutation));
  if (permutation.every((axis, index) => axis === index)) return value;
  // From NHWC to NCHW and back costs nothing where the other order is there already.
  if (writer.isChannelsFirst(value) && permutation.join() === TO_CHANNELS_FIRST.join()) return writer.value(writer.channelsFirst(value), value.dtype, shape);
  if (!writer.isChannelsFirst(value) && permutation.join() === TO_CHANNELS_LAST.join()) return { ...writer.channelsFirstValue(writer.plain(value), value.dtype, shape) };
  return writer.value(writer.builder.op('Transpose', [writer.plain(value)], { perm: attr.ints(permutation) }), value.dtype, shape);
};

/** A tensor of one value. */
function filled(value: Value, sizes: Value, writer: GraphWriter): Value {
  const shape = sizes.ints ?? (sizes.shape?.[0] == null ? null : Array<null>(sizes.shape[0]).fill(null));
  return writer.value(writer.builder.op('Expand', [writer.plain(value), writer.int64List(sizes)]), value.dtype, shape);
}

const broadcastTo: Translation = (node, writer) => {
  const [value, sizes] = [node.input(0), node.input(1)];
  const result = filled(value, sizes, writer);
  return { ...result, shape: broadcastShapes(value.shape, result.shape) };
};

const tile: Translation = (node, writer) => {
  const [value, repeats] = [node.input(0), node.input(1)];
  const shape = value.shape?.map((known, axis) => (known === null || repeats.ints?.[axis] == null ? null : known * (repeats.ints[axis] ?? 1))) ?? null;
  return writer.value(writer.builder.op('Tile', [writer.plain(value), writer.int64List(repeats)]), value.dtype, shape);
};

const range: Translation = (node, writer) => {
  const [start, limit, delta] = [0, 1, 2].map((index) => writer.cast(node.input(index), node.dtype('Tidx', node.input(0).dtype))) as [Value, Value, Value];
  const [from, to, step] = [start, limit, delta].map((value) => value.ints?.[0] ?? null);
  const count = from == null || to == null || step == null ? null : Math.max(0, Math.ceil((to - from) / step));
  return writer.value(writer.builder.op('Range', [writer.plain(start), writer.plain(limit), writer.plain(delta)]), start.dtype, [count]);
};

const pack: Translation = (node, writer) => {
  const dtype = node.input(0).dtype;
  const values = node.inputs.map((value) => writer.cast(value, dtype));
  const all = node.rank(0) + 1;
  const axis = node.axis(node.int('axis', 0), all);
  const name = writer.builder.op('Concat', values.map((value) => writer.builder.op('Unsqueeze', [writer.plain(value), writer.builder.ints([axis])])), { axis: attr.int(axis) });
  const inner = values.map(({ shape }) => shape).find((shape) => shape !== null) ?? [];
  const ints = all === 1 && values.some(({ ints: known }) => known !== null) ? values.map(({ ints: known }) => known?.[0] ?? null) : null;
  return writer.followed(name, dtype, [...inner.slice(0, axis), values.length, ...inner.slice(axis)], ints);
};

const unpack: Translation = (node, writer) => {
  const value = node.input(0);
  const axis = node.axis(node.int('axis', 0), node.rank(0));
  const count = node.int('num', value.shape?.[axis] ?? 0);
  const shape = (value.shape ?? []).filter((_, index) => index !== axis);
  const name = writer.plain(value);
  return Array.from({ length: count }, (_, index) => {
    const item = writer.builder.op('Gather', [name, writer.builder.int(index)], { axis: attr.int(axis) });
    return writer.followed(item, value.dtype, shape, value.ints !== null && shape.length === 0 ? [value.ints[index] ?? null] : null);
  });
};

function nothing(node: NodeView): readonly Value[] {
  return node.inputs.slice(0, 0);
}

export const SHAPES: OperatorTable = {
  Const: constant,
  Identity: same,
  StopGradient: same,
  PreventGradient: same,
  CheckNumerics: same,
  EnsureShape: same,
  Snapshot: same,
  PlaceholderWithDefault: same,
  IdentityN: sameAll,
  NoOp: nothing,
  Assert: nothing,
  Shape: shapeOf,
  ShapeN: (node, writer) => node.inputs.map((value) => sizesOf(value, node.dtype('out_type', 'int32'), writer)),
  Size: size,
  Rank: rank,
  Reshape: reshape,
  ExpandDims: expandDims,
  Squeeze: squeeze,
  Transpose: transpose,
  Fill: (node, writer) => filled(node.input(1), node.input(0), writer),
  BroadcastTo: broadcastTo,
  Tile: tile,
  Range: range,
  Pack: pack,
  Unpack: unpack,
};
