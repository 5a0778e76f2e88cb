import { attr } from '../../onnx/onnx-builder.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { Attrs, GraphWriter } from '../graph-writer.js';
import type { Value } from '../value.js';
import { pictureInput, pictureOutput, pictureShape, type PictureShape } from './windows.js';

/** Which point of what goes in a pixel of what comes out is. */
function coordinates(node: NodeView): 'align_corners' | 'half_pixel' | 'asymmetric' {
  return node.bool('align_corners') ? 'align_corners' : node.bool('half_pixel_centers') ? 'half_pixel' : 'asymmetric';
}

function resize(attrs: (node: NodeView) => Attrs, dtype: 'float' | 'same'): Translation {
  return (node, writer) => {
    const value = dtype === 'float' ? writer.cast(node.input(0), 'float') : node.input(0);
    const [height = null, width = null] = node.input(1).ints ?? [];
    const picture = pictureInput(value, 'channelsLast', node, writer);
    const shape = { ...pictureShape(value.shape, 'channelsLast'), height, width };
    const name = writer.builder.op('Resize', [picture, '', '', allSizes(picture, shape, node.input(1), writer)], { coordinate_transformation_mode: attr.text(coordinates(node)), ...attrs(node) });
    return pictureOutput(name, value.dtype, shape, 'channelsLast', writer);
  };
}

/** Sizes of all four axes: ONNX Runtime 1.30 moves a Transpose over a Resize as if there always were so many, whatever its attribute `axes` says. */
function allSizes(picture: string, { batch, channels, height, width }: PictureShape, sizes: Value, writer: GraphWriter): string {
  if (batch !== null && channels !== null && height !== null && width !== null) return writer.builder.ints([batch, channels, height, width]);
  const front = writer.builder.op('Slice', [writer.builder.op('Shape', [picture]), writer.builder.ints([0]), writer.builder.ints([2])]);
  return writer.builder.op('Concat', [front, writer.int64List(sizes)], { axis: attr.int(0) });
}

/** Rounds down, except where pixel centres or corners are aligned: there the nearer one, the greater of two equally near. */
function nearest(node: NodeView): Attrs {
  return { mode: attr.text('nearest'), nearest_mode: attr.text(coordinates(node) === 'asymmetric' ? 'floor' : 'round_prefer_ceil') };
}

export const RESIZING: OperatorTable = {
  ResizeBilinear: resize(() => ({ mode: attr.text('linear') }), 'float'),
  ResizeNearestNeighbor: resize(nearest, 'same'),
};
