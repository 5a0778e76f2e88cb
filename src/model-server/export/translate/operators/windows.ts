import type { NodeView } from '../node-view.js';
import type { GraphWriter } from '../graph-writer.js';
import type { Shape, Value } from '../value.js';
import { attr } from '../../onnx/onnx-builder.js';
import type { Attrs } from '../graph-writer.js';

/** How a convolution or a pool looks at a picture; pairs are of height and width. */
export type Window = {
  /** `channelsLast` is what TensorFlow calls NHWC. */
  readonly layout: 'channelsLast' | 'channelsFirst';
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly padding: 'SAME' | 'VALID' | readonly [top: number, left: number, bottom: number, right: number];
};

/** Sizes of a picture in TensorFlow's order of axes. */
export type PictureShape = { readonly batch: number | null; readonly height: number | null; readonly width: number | null; readonly channels: number | null };

/** Reads strides, dilations and padding of a node. */
export function readWindow(node: NodeView, kernel: readonly [number, number]): Window {
  const layout = layoutOf(node);
  const pair = (name: string): [number, number] => {
    const list = node.ints(name);
    const [height, width] = layout === 'channelsLast' ? [list[1], list[2]] : [list[2], list[3]];
    // Older graphs of TensorFlow.js give two numbers.
    return list.length === 2 ? [list[0] ?? 1, list[1] ?? 1] : [height ?? 1, width ?? 1];
  };
  const padding = node.text('padding', 'VALID');
  if (padding === 'SAME' || padding === 'VALID') return { layout, kernel, strides: pair('strides'), dilations: pair('dilations'), padding };
  const explicit = node.ints('explicit_paddings');
  const from = layout === 'channelsLast' ? 2 : 4;
  const [top, bottom, left, right] = explicit.slice(from, from + 4);
  if (padding !== 'EXPLICIT' || top === undefined || bottom === undefined || left === undefined || right === undefined) throw node.problem(`padding ${padding} is not supported`);
  return { layout, kernel, strides: pair('strides'), dilations: pair('dilations'), padding: [top, left, bottom, right] };
}

export function layoutOf(node: NodeView): Window['layout'] {
  const format = node.text('data_format', 'NHWC');
  if (format !== 'NHWC' && format !== 'NCHW') throw node.problem(`data_format ${format} is not supported`);
  return format === 'NHWC' ? 'channelsLast' : 'channelsFirst';
}

export function pictureShape(shape: Shape | null, layout: Window['layout']): PictureShape {
  const [batch = null, a = null, b = null, c = null] = shape ?? [];
  return layout === 'channelsLast' ? { batch, height: a, width: b, channels: c } : { batch, height: b, width: c, channels: a };
}

/** Name of a picture as ONNX takes it. */
export function pictureInput(value: Value, layout: Window['layout'], node: NodeView, writer: GraphWriter): string {
  if (value.shape !== null && value.shape.length !== 4) throw node.problem(`expected a picture of four axes, got ${value.shape.length}`);
  if (layout === 'channelsFirst') return writer.plain(value);
  return writer.channelsFirst(value.shape === null ? { ...value, shape: [null, null, null, null] } : value);
}

/** What an operator of ONNX on pictures gives. */
export function pictureOutput(name: string, dtype: Value['dtype'], { batch, height, width, channels }: PictureShape, layout: Window['layout'], writer: GraphWriter): Value {
  return layout === 'channelsFirst' ? writer.value(name, dtype, [batch, channels, height, width]) : writer.channelsFirstValue(name, dtype, [batch, height, width, channels]);
}

/** Pads of ONNX (top, left, bottom, right), or `null` where they depend on sizes that are not known. With SAME the odd one goes below and to the right. */
export function windowPads({ kernel, strides, dilations, padding }: Window, { height, width }: PictureShape): readonly [number, number, number, number] | null {
  if (padding === 'VALID') return [0, 0, 0, 0];
  if (padding !== 'SAME') return padding;
  const totals = [0, 1].map((axis) => {
    const size = axis === 0 ? height : width;
    const [stride, extent] = [strides[axis] ?? 1, ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1];
    if (stride === 1) return extent - 1;
    if (extent === 1) return 0;
    return size === null ? null : Math.max((Math.ceil(size / stride) - 1) * stride + extent - size, 0);
  });
  const [vertical, horizontal] = totals;
  if (vertical == null || horizontal == null) return null;
  return [vertical >> 1, horizontal >> 1, vertical - (vertical >> 1), horizontal - (horizontal >> 1)];
}

/** Sizes that a window gives. */
export function windowOutput({ kernel, strides, dilations, padding }: Window, input: PictureShape): Pick<PictureShape, 'height' | 'width'> {
  const [height = null, width = null] = [input.height, input.width].map((size, axis) => {
    if (size === null) return null;
    const [stride, extent] = [strides[axis] ?? 1, ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1];
    if (padding === 'SAME') return Math.ceil(size / stride);
    const padded = size + (padding === 'VALID' ? 0 : (padding[axis] ?? 0) + (padding[axis + 2] ?? 0));
    return Math.floor((padded - extent) / stride) + 1;
  });
  return { height, width };
}

/** Attributes of ONNX for a window. */
export function windowAttrs(window: Window, input: PictureShape): Attrs {
  const pads = windowPads(window, input);
  return {
    kernel_shape: attr.ints(window.kernel),
    strides: attr.ints(window.strides),
    dilations: attr.ints(window.dilations),
    ...(pads === null ? { auto_pad: attr.text('SAME_UPPER') } : { pads: attr.ints(pads) }),
  };
}
