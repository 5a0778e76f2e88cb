import { attr } from '../../onnx/onnx-builder.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { Shape, Value } from '../value.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import { select } from './elementwise.js';

const gather: Translation = (node, writer) => {
  const [value, indices] = [node.input(0), node.input(1)];
  const all = node.rank(0);
  const axis = node.axis(node.inputs.length > 2 ? node.constantInt(2, 'axis') : 0, all);
  const batch = node.int('batch_dims', 0);
  if (batch !== 0) return gatherBatch(node, { axis, batch: batch < 0 ? batch + node.rank(1) : batch }, writer);
  const name = writer.builder.op('Gather', [writer.plain(value), writer.plain(indices)], { axis: attr.int(axis) });
  const known = value.shape ?? [];
  const shape = indices.shape === null ? null : [...known.slice(0, axis), ...indices.shape, ...known.slice(axis + 1)];
  const { ints } = value;
  const picked = ints !== null && all === 1 && indices.ints !== null ? indices.ints.map((index) => (index === null ? null : (ints[index] ?? null))) : null;
  return writer.followed(name, value.dtype, shape, picked);
};

/** Along the axis behind the batch: as ONNX's GatherND does. */
function gatherBatch(node: NodeView, { axis, batch }: { axis: number; batch: number }, writer: GraphWriter): Value {
  const [value, indices] = [node.input(0), node.input(1)];
  if (axis !== batch) throw node.problem(`gathering along axis ${axis} with ${batch} axes of batch is not supported`);
  const list = writer.builder.op('Unsqueeze', [writer.int64(indices), writer.builder.ints([-1])]);
  const shape: Shape | null = indices.shape === null || value.shape === null ? null : [...indices.shape, ...value.shape.slice(axis + 1)];
  return writer.value(writer.builder.op('GatherND', [writer.plain(value), list], { batch_dims: attr.int(batch) }), value.dtype, shape);
}

const gatherNd: Translation = (node, writer) => {
  const [value, indices] = [node.input(0), node.input(1)];
  const depth = indices.shape?.at(-1) ?? null;
  const shape = indices.shape === null || value.shape === null || depth === null ? null : [...indices.shape.slice(0, -1), ...value.shape.slice(depth)];
  return writer.value(writer.builder.op('GatherND', [writer.plain(value), writer.int64(indices)]), value.dtype, shape);
};

/** By comparison: ONNX's own OneHot counts negative indices from the end, where TensorFlow has nothing on. */
const oneHot: Translation = (node, writer) => {
  const [indices, depth, on, off] = [0, 1, 2, 3].map((index) => node.input(index)) as [Value, Value, Value, Value];
  const all = node.rank(0) + 1;
  const axis = node.axis(node.int('axis', -1), all);
  const count = depth.ints?.[0] ?? null;
  const steps = writer.builder.op('Range', [writer.builder.int(0), writer.builder.op('Squeeze', [writer.int64List(depth)]), writer.builder.int(1)]);
  const wide = writer.builder.op('Reshape', [steps, writer.builder.ints(Array.from({ length: all }, (_, at) => (at === axis ? -1 : 1)))]);
  const lifted = writer.builder.op('Unsqueeze', [writer.int64(indices), writer.builder.ints([axis])]);
  const shape = [...(indices.shape ?? []).slice(0, axis), count, ...(indices.shape ?? []).slice(axis)];
  return select(writer.value(writer.builder.op('Equal', [lifted, wide]), 'bool', shape), on, off, writer);
};

/** Places where a condition holds, `[n, axes]`. */
const where: Translation = (node, writer) => {
  if (node.inputs.length !== 1) throw node.problem('expected one input');
  const value = node.input(0);
  const places = writer.builder.op('NonZero', [writer.plain(writer.cast(value, 'bool'))]);
  return writer.value(writer.builder.op('Transpose', [places], { perm: attr.ints([1, 0]) }), 'int64', [null, value.shape?.length ?? null]);
};

/** Inputs: boxes `[n, 4]`, scores `[n]`, how many at most, overlap, score; the fifth version: sigma of its soft kind, which has to be 0. */
const nonMaxSuppression: Translation = (node, writer) => {
  const [boxes, scores, most] = [node.input(0), node.input(1), node.input(2)];
  const soft = node.inputs[5]?.tensor;
  if (node.op === 'NonMaxSuppressionV5' && (soft?.dtype !== 'float' || soft.data[0] !== 0)) throw node.problem('its soft kind is not supported');
  const { builder } = writer;
  const wideBoxes = builder.op('Unsqueeze', [writer.plain(boxes), builder.ints([0])]);
  const wideScores = builder.op('Unsqueeze', [writer.plain(scores), builder.ints([0, 1])]);
  const thresholds = [3, 4].flatMap((index) => (node.inputs[index] === undefined ? [] : [builder.op('Reshape', [writer.plain(node.input(index)), builder.ints([1])])]));
  const rows = builder.op('NonMaxSuppression', [wideBoxes, wideScores, writer.int64List(most), ...thresholds]);
  const kept = builder.op('Gather', [rows, builder.int(2)], { axis: attr.int(1) });
  const count = builder.op('Shape', [kept]);
  const isPadded = node.bool('pad_to_max_output_size');
  const full = (name: string): string => (isPadded ? builder.op('Pad', [name, builder.op('Concat', [builder.ints([0]), builder.op('Sub', [writer.int64List(most), count])], { axis: attr.int(0) })]) : name);
  const shape: Shape = [isPadded ? (most.ints?.[0] ?? null) : null];
  const indices = writer.value(writer.castName(full(kept), 'int32'), 'int32', shape);
  const valid = writer.value(writer.castName(builder.op('Squeeze', [count]), 'int32'), 'int32', []);
  if (node.op === 'NonMaxSuppressionV5') return [indices, writer.value(full(builder.op('Gather', [writer.plain(scores), kept])), scores.dtype, shape), valid];
  return [indices, valid];
};

export const GATHERING: OperatorTable = {
  Gather: gather,
  GatherV2: gather,
  GatherNd: gatherNd,
  OneHot: oneHot,
  Where: where,
  NonMaxSuppressionV2: nonMaxSuppression,
  NonMaxSuppressionV3: nonMaxSuppression,
  NonMaxSuppressionV4: nonMaxSuppression,
  NonMaxSuppressionV5: nonMaxSuppression,
};
