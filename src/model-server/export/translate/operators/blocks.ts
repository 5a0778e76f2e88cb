import { attr } from '../../onnx/onnx-builder.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
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

/** Sizes of which all but the batch have to be known; -1 stands for that. */
function knownBehindBatch(node: NodeView): readonly number[] {
  const { shape } = node.input(0);
  const inner = staticShape(shape?.slice(1) ?? null);
  if (shape === null || inner === null) throw node.problem('the size of its input is not known');
  return [shape[0] ?? -1, ...inner];
}

/** Pads, then gives each place within a block a picture of its own, in front of the batch. */
const spaceToBatch: Translation = (node, writer) => {
  const value = node.input(0);
  const block = node.constantInts(1, 'block shape');
  const paddings = node.constantInts(2, 'paddings');
  const [batch = -1, ...sizes] = knownBehindBatch(node);
  const inner = sizes.slice(block.length);
  const before = block.map((_, axis) => paddings[2 * axis] ?? 0);
  const after = block.map((_, axis) => paddings[2 * axis + 1] ?? 0);
  const none = inner.map(() => 0);
  const padded = writer.builder.op('Pad', [writer.plain(value), writer.builder.ints([0, ...before, ...none, 0, ...after, ...none])]);
  const blocks = block.map((size, axis) => ((sizes[axis] ?? 0) + (before[axis] ?? 0) + (after[axis] ?? 0)) / size);
  const split = reshapeTo(padded, [batch, ...block.flatMap((size, axis) => [blocks[axis] ?? 0, size]), ...inner], writer);
  const within = block.map((_, axis) => 2 + 2 * axis);
  const which = block.map((_, axis) => 1 + 2 * axis);
  const moved = writer.builder.op('Transpose', [split], { perm: attr.ints([...within, 0, ...which, ...inner.map((_, axis) => 1 + 2 * block.length + axis)]) });
  const whole = batch === -1 ? -1 : batch * block.reduce((product, size) => product * size, 1);
  const result = sized(reshapeTo(moved, [whole, ...blocks, ...inner], writer), [whole, ...blocks, ...inner], value, writer);
  const [down, across] = block;
  if (down !== undefined && across !== undefined && block.length === 2 && inner.length === 1) writer.blocks.set(result, { source: value, block: [down, across], paddings });
  return result;
};

/** The way back, then crops. Around a convolution, the two are how dilations are written: it becomes one with dilations. */
const batchToSpace: Translation = (node, writer) => {
  const value = node.input(0);
  const block = node.constantInts(1, 'block shape');
  const crops = node.constantInts(2, 'crops');
  const dilated = writer.dilated.get(value)?.(crops);
  if (dilated != null) return dilated;
  const [batch = -1, ...sizes] = knownBehindBatch(node);
  const inner = sizes.slice(block.length);
  const single = batch === -1 ? -1 : batch / block.reduce((product, size) => product * size, 1);
  const split = reshapeTo(writer.plain(value), [...block, single, ...sizes], writer);
  const count = block.length;
  const interleaved = block.flatMap((_, axis) => [count + 1 + axis, axis]);
  const moved = writer.builder.op('Transpose', [split], { perm: attr.ints([count, ...interleaved, ...inner.map((_, axis) => 2 * count + 1 + axis)]) });
  const whole = block.map((size, axis) => size * (sizes[axis] ?? 0));
  const joined = reshapeTo(moved, [single, ...whole, ...inner], writer);
  const starts = block.map((_, axis) => crops[2 * axis] ?? 0);
  const ends = whole.map((size, axis) => size - (crops[2 * axis + 1] ?? 0));
  const name = writer.builder.op('Slice', [joined, writer.builder.ints(starts), writer.builder.ints(ends), writer.builder.ints(block.map((_, axis) => axis + 1))]);
  return sized(name, [single, ...ends.map((end, axis) => end - (starts[axis] ?? 0)), ...inner], value, writer);
};

function reshapeTo(name: string, shape: readonly number[], writer: GraphWriter): string {
  return writer.builder.op('Reshape', [name, writer.builder.ints(shape)]);
}

/** @param shape -1: not known */
function sized(name: string, shape: readonly number[], { dtype }: Value, writer: GraphWriter): Value {
  return writer.value(name, dtype, shape.map((size) => (size === -1 ? null : size)));
}

export const BLOCKS: OperatorTable = {
  DepthToSpace: depthAndSpace('DepthToSpace'),
  SpaceToDepth: depthAndSpace('SpaceToDepth'),
  SpaceToBatchND: spaceToBatch,
  BatchToSpaceND: batchToSpace,
};
