import { attr } from '../../onnx/onnx-builder.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { GraphWriter } from '../graph-writer.js';
import { staticShape, type Value } from '../value.js';
import { layoutOf, pictureInput, pictureOutput, pictureShape } from './windows.js';

/** Depth is ordered by row, column and channel in both. */
function depthAndSpace(opType: 'DepthToSpace' | 'SpaceToDepth'): Translation {
  return (node, writer) => {
    const block = node.int('block_size', 2);
    const layout = layoutOf(node);
    const value = node.input(0);
    const { batch, height, width, channels } = pictureShape(value.shape, layout);
    const factor = opType === 'DepthToSpace' ? block : 1 / block;
    const name = writer.builder.op(opType, [pictureInput(value, layout, node, writer)], { blocksize: attr.int(block) });
    const scaled = (size: number | null, by: number): number | null => (size === null ? null : size * by);
    return pictureOutput(name, value.dtype, { batch, height: scaled(height, factor), width: scaled(width, factor), channels: scaled(channels, 1 / factor ** 2) }, layout, writer);
  };
}

/** Pads, then gives each place within a block a picture of its own, in front of the batch. */
const spaceToBatch: Translation = (node, writer) => {
  const value = node.input(0);
  const block = node.constantInts(1, 'block shape');
  const paddings = node.constantInts(2, 'paddings');
  const shape = staticShape(value.shape);
  if (shape === null || value.dtype === 'string') throw node.problem('the size of its input is not known');
  const rest = shape.length - 1 - block.length;
  const before = block.map((_, axis) => paddings[2 * axis] ?? 0);
  const after = block.map((_, axis) => paddings[2 * axis + 1] ?? 0);
  const none = Array<number>(rest).fill(0);
  const padded = writer.builder.op('Pad', [writer.plain(value), writer.builder.ints([0, ...before, ...none, 0, ...after, ...none])]);
  const [batch = 0, ...sizes] = shape;
  const inner = sizes.slice(block.length);
  const blocks = block.map((size, axis) => ((sizes[axis] ?? 0) + (before[axis] ?? 0) + (after[axis] ?? 0)) / size);
  const split = reshapeTo(padded, [batch, ...block.flatMap((size, axis) => [blocks[axis] ?? 0, size]), ...inner], writer);
  const within = block.map((_, axis) => 2 + 2 * axis);
  const which = block.map((_, axis) => 1 + 2 * axis);
  const moved = writer.builder.op('Transpose', [split], { perm: attr.ints([...within, 0, ...which, ...inner.map((_, axis) => 1 + 2 * block.length + axis)]) });
  return blockResult(moved, [batch * block.reduce((product, size) => product * size, 1), ...blocks, ...inner], value, writer);
};

/** The way back, then crops. */
const batchToSpace: Translation = (node, writer) => {
  const value = node.input(0);
  const block = node.constantInts(1, 'block shape');
  const crops = node.constantInts(2, 'crops');
  const shape = staticShape(value.shape);
  if (shape === null) throw node.problem('the size of its input is not known');
  const [batch = 0, ...sizes] = shape;
  const inner = sizes.slice(block.length);
  const single = batch / block.reduce((product, size) => product * size, 1);
  const split = reshapeTo(writer.plain(value), [...block, single, ...sizes], writer);
  const count = block.length;
  const interleaved = block.flatMap((_, axis) => [count + 1 + axis, axis]);
  const moved = writer.builder.op('Transpose', [split], { perm: attr.ints([count, ...interleaved, ...inner.map((_, axis) => 2 * count + 1 + axis)]) });
  const whole = block.map((size, axis) => size * (sizes[axis] ?? 0));
  const joined = reshapeTo(moved, [single, ...whole, ...inner], writer);
  const starts = block.map((_, axis) => crops[2 * axis] ?? 0);
  const ends = whole.map((size, axis) => size - (crops[2 * axis + 1] ?? 0));
  const name = writer.builder.op('Slice', [joined, writer.builder.ints(starts), writer.builder.ints(ends), writer.builder.ints(block.map((_, axis) => axis + 1))]);
  return writer.value(name, value.dtype, [single, ...ends.map((end, axis) => end - (starts[axis] ?? 0)), ...inner]);
};

function reshapeTo(name: string, shape: readonly number[], writer: GraphWriter): string {
  return writer.builder.op('Reshape', [name, writer.builder.ints(shape)]);
}

function blockResult(name: string, shape: readonly number[], value: Value, writer: GraphWriter): Value {
  return writer.value(reshapeTo(name, shape, writer), value.dtype, shape);
}

export const BLOCKS: OperatorTable = {
  DepthToSpace: depthAndSpace('DepthToSpace'),
  SpaceToDepth: depthAndSpace('SpaceToDepth'),
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
};
