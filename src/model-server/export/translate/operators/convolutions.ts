import { attr } from '../../onnx/onnx-builder.js';
import { reshapeTensor, transposeTensor } from '../constant-tensor.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import { staticShape, type Value } from '../value.js';
import { applyFused, biasOf } from './fused.js';
import { pictureInput, pictureOutput, pictureShape, readWindow, windowAttrs, windowOutput, type Window } from './windows.js';

/** Filter `[height, width, in, out]` → `[out, in, height, width]`. */
const conv2d: Translation = (node, writer) => {
  const [kernelHeight, kernelWidth, perGroup, outputs] = filterShape(node);
  const window = windowFor(node, [kernelHeight, kernelWidth], node.input(0));
  const { channels } = pictureShape(node.input(0).shape, window.layout);
  const group = channels === null ? 1 : channels / perGroup;
  if (!Number.isInteger(group)) throw node.problem(`its filter takes ${perGroup} channels, its input has ${channels ?? 0}`);
  const filter = transposed(node.input(1), [3, 2, 0, 1], writer);
  return convolution(node, { window, filter: writer.plain(filter), group, channels: outputs }, writer);
};

/** Filter `[height, width, in, multiplier]` → `[in × multiplier, 1, height, width]`. */
const depthwise: Translation = (node, writer) => {
  const [kernelHeight, kernelWidth, channels, multiplier] = filterShape(node);
  const window = windowFor(node, [kernelHeight, kernelWidth], node.input(0));
  const filter = transposed(node.input(1), [2, 3, 0, 1], writer);
  const shape = [channels * multiplier, 1, kernelHeight, kernelWidth];
  const name = filter.tensor !== null ? writer.plain(writer.constant(reshapeTensor(filter.tensor, shape))) : writer.builder.op('Reshape', [writer.plain(filter), writer.builder.ints(shape)]);
  return convolution(node, { window, filter: name, group: channels, channels: channels * multiplier }, writer);
};

type Convolution = { readonly window: Window; readonly filter: string; readonly group: number; readonly channels: number };

function convolution(node: NodeView, given: Convolution, writer: GraphWriter): Value {
  const result = applyFused(node, convolve(node, node.input(0), given, writer), writer);
  const blocks = writer.blocks.get(node.input(0));
  const { window } = given;
  if (blocks === undefined || window.padding !== 'VALID' || window.layout !== 'channelsLast' || Math.max(...window.strides, ...window.dilations) > 1) return result;
  writer.dilated.set(result, (crops) => {
    const [top = 0, bottom = 0, left = 0, right = 0] = blocks.paddings.map((padding, index) => padding - (crops[index] ?? 0));
    if (Math.min(top, bottom, left, right) < 0) return null;
    return applyFused(node, convolve(node, blocks.source, { ...given, window: { ...window, dilations: blocks.block, padding: [top, left, bottom, right] } }, writer), writer);
  });
  return result;
}

function convolve(node: NodeView, input: Value, { window, filter, group, channels }: Convolution, writer: GraphWriter): Value {
  const shape = pictureShape(input.shape, window.layout);
  const bias = biasOf(node);
  const inputs = [pictureInput(input, window.layout, node, writer), filter, ...(bias === null ? [] : [writer.plain(bias)])];
  const name = writer.builder.op('Conv', inputs, { ...windowAttrs(window, shape), group: attr.int(group) });
  return pictureOutput(name, input.dtype, { batch: shape.batch, channels, ...windowOutput(window, shape) }, window.layout, writer);
}

/** The window of a convolution. */
function windowFor(node: NodeView, kernel: readonly [number, number], input: Value): Window {
  const window = readWindow(node, kernel);
  const { height, width } = pictureShape(input.shape, window.layout);
  if (window.padding === 'SAME' && (height === null || width === null) && Math.max(...window.strides) > 1 && Math.max(...window.dilations) > 1) throw node.problem('strides and dilations over a picture whose size is not known are not supported');
  return window;
}

/** The gradient of a convolution: inputs are the sizes it gives, the filter `[height, width, out, in]`, the picture. */
const transposedConv: Translation = (node, writer) => {
  const [kernelHeight, kernelWidth, outputs] = filterShape(node);
  const window = readWindow(node, [kernelHeight, kernelWidth]);
  if (Math.max(...window.dilations) > 1) throw node.problem('dilations of it are not supported');
  const picture = node.input(2);
  const shape = pictureShape(picture.shape, window.layout);
  const sizes = node.input(0).ints ?? [null, null, null, null];
  const given = sizes.length === 2 ? { batch: null, height: sizes[0] ?? null, width: sizes[1] ?? null, channels: outputs } : pictureShape(sizes, window.layout);
  const plan = [0, 1].map((axis) => transposedAxis(window, axis, { from: axis === 0 ? shape.height : shape.width, to: axis === 0 ? given.height : given.width }));
  const [vertical, horizontal] = plan as [TransposedAxis, TransposedAxis];
  const name = writer.builder.op('ConvTranspose', [pictureInput(picture, window.layout, node, writer), writer.plain(transposed(node.input(1), [3, 2, 0, 1], writer))], {
    kernel_shape: attr.ints(window.kernel),
    strides: attr.ints(window.strides),
    pads: attr.ints([vertical.before, horizontal.before, vertical.after, horizontal.after]),
    output_padding: attr.ints([vertical.extra, horizontal.extra]),
  });
  return pictureOutput(name, picture.dtype, { batch: shape.batch, channels: outputs, height: vertical.size, width: horizontal.size }, window.layout, writer);
};

type TransposedAxis = { readonly before: number; readonly after: number; readonly extra: number; readonly size: number | null };

/** What ONNX has to cut off, or add below and to the right, so that the size comes out. */
function transposedAxis({ kernel, strides, padding }: Window, axis: number, { from, to }: { from: number | null; to: number | null }): TransposedAxis {
  const [extent, stride] = [kernel[axis] ?? 1, strides[axis] ?? 1];
  // What the convolution forwards would make of that size.
  const picture = from ?? (to === null ? null : padding === 'SAME' ? Math.ceil(to / stride) : padding === 'VALID' ? Math.floor((to - extent) / stride) + 1 : null);
  const full = picture === null ? null : (picture - 1) * stride + extent;
  // Where sizes are not known, they are those that one gets without saying.
  const size = to ?? (padding === 'SAME' ? (picture === null ? null : picture * stride) : full);
  const surplus = size === null || full === null ? (padding === 'SAME' ? extent - stride : 0) : full - size;
  const total = Math.max(surplus, 0);
  const before = typeof padding === 'string' ? (padding === 'SAME' ? total >> 1 : 0) : (padding[axis] ?? 0);
  return { before, after: Math.max(surplus - before, 0), extra: Math.max(before - surplus, 0), size };
}

function filterShape(node: NodeView): readonly [number, number, number, number] {
  const shape = staticShape(node.input(1).shape);
  if (shape?.length !== 4) throw node.problem('the shape of its filter is not known');
  return shape as unknown as readonly [number, number, number, number];
}

/** A filter with its axes moved: now where it is a constant. */
function transposed(filter: Value, permutation: readonly number[], writer: GraphWriter): Value {
  const shape = permutation.map((axis) => filter.shape?.[axis] ?? null);
  if (filter.tensor !== null) return writer.constant(transposeTensor(filter.tensor, permutation));
  return writer.value(writer.builder.op('Transpose', [writer.plain(filter)], { perm: attr.ints(permutation) }), filter.dtype, shape);
}

export const CONVOLUTIONS: OperatorTable = {
  Conv2D: conv2d,
  _FusedConv2D: conv2d,
  DepthwiseConv2dNative: depthwise,
  FusedDepthwiseConv2dNative: depthwise,
  _FusedDepthwiseConv2dNative: depthwise,
  Conv2DBackpropInput: transposedConv,
};
