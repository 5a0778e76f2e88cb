import { attr } from '../../onnx/onnx-builder.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import { layoutOf, pictureInput, pictureOutput, pictureShape, readWindow, windowAttrs, windowOutput, windowPads } from './windows.js';

/** An average counts what is in the picture only: ONNX's default too. */
function pool(opType: string): Translation {
  return (node, writer) => {
    const sizes = node.ints('ksize');
    const layout = layoutOf(node);
    const kernel = sizes.length === 2 ? sizes : layout === 'channelsLast' ? sizes.slice(1, 3) : sizes.slice(2, 4);
    const [height, width] = kernel;
    if (height === undefined || width === undefined) throw node.problem('it has no ksize');
    if (sizes.length === 4 && sizes[0] !== 1) throw node.problem('pools over the batch are not supported');
    const value = node.input(0);
    const shape = pictureShape(value.shape, layout);
    const window = readWindow(node, [height, width]);
    if (windowPads(window, shape) === null && (height < window.strides[0] || width < window.strides[1])) throw node.problem('a window smaller than its stride over a picture whose size is not known is not supported');
    const { dilations, ...rest } = windowAttrs(window, shape);
    const name = writer.builder.op(opType, [pictureInput(value, layout, node, writer)], { ...rest, ...(opType === 'MaxPool' && dilations !== undefined ? { dilations } : { count_include_pad: attr.int(0) }) });
    return pictureOutput(name, value.dtype, { ...shape, ...windowOutput(window, shape) }, layout, writer);
  };
}

export const POOLING: OperatorTable = { MaxPool: pool('MaxPool'), AvgPool: pool('AveragePool') };
