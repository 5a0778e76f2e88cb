import { attr } from '../../onnx/onnx-builder.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { Attrs } from '../graph-writer.js';
import { pictureInput, pictureOutput, pictureShape } from './windows.js';

/** Which point of what goes in a pixel of what comes out is. */
function coordinates(node: NodeView): 'align_corners' | 'half_pixel' | 'asymmetric' {
  return node.bool('align_corners') ? 'align_corners' : node.bool('half_pixel_centers') ? 'half_pixel' : 'asymmetric';
}

function resize(attrs: (node: NodeView) => Attrs, dtype: 'float' | 'same'): Translation {
  return (node, writer) => {
    const value = dtype === 'float' ? writer.cast(node.input(0), 'float') : node.input(0);
    const sizes = node.input(1).ints ?? [];
    const picture = pictureInput(value, 'channelsLast', node, writer);
    const name = writer.builder.op('Resize', [picture, '', '', writer.int64List(node.input(1))], {
      axes: attr.ints([2, 3]),
      coordinate_transformation_mode: attr.text(coordinates(node)),
      ...attrs(node),
    });
    return pictureOutput(name, value.dtype, { ...pictureShape(value.shape, 'channelsLast'), height: sizes[0] ?? null, width: sizes[1] ?? null }, 'channelsLast', writer);
  };
}

/** Rounds down, except where pixel centres or corners are aligned: there the nearer one, the greater of two equally near. */
function nearest(node: NodeView): Attrs {
  return { mode: attr.text('nearest'), nearest_mode: attr.text(coordinates(node) === 'asymmetric' ? 'floor' : 'round_prefer_ceil') };
}

export const RESIZING: OperatorTable = {
  ResizeBilinear: resize(() => ({ mode: attr.text('linear') }), 'float'),
  ResizeNearestNeighbor: resize(nearest, 'same'),
};
