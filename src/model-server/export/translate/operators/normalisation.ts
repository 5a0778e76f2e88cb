import { attr } from '../../onnx/onnx-builder.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import type { Value } from '../value.js';
import { layoutOf, pictureInput, pictureOutput, pictureShape, type Window } from './windows.js';

/** @param parameters scale, offset, mean, variance: one number a channel */
export function batchNorm(value: Value, parameters: readonly Value[], { epsilon, layout }: { epsilon: number; layout: Window['layout'] }, node: NodeView, writer: GraphWriter): Value {
  if (parameters.some(({ shape }) => shape?.[0] === 0)) throw node.problem('it is in training mode, without mean and variance of its own: freeze the graph for inference');
  const name = writer.builder.op('BatchNormalization', [pictureInput(value, layout, node, writer), ...parameters.map((parameter) => writer.plain(parameter))], { epsilon: attr.float(epsilon) });
  return pictureOutput(name, value.dtype, pictureShape(value.shape, layout), layout, writer);
}

const fusedBatchNorm: Translation = (node, writer) => {
  const parameters = [1, 2, 3, 4].map((index) => node.input(index));
  return batchNorm(node.input(0), parameters, { epsilon: node.float('epsilon', 1e-4), layout: layoutOf(node) }, node, writer);
};

/** Sums squares over 2 × radius + 1 channels; ONNX divides alpha by that number. */
const localResponse: Translation = (node, writer) => {
  const size = 2 * node.int('depth_radius', 5) + 1;
  const name = writer.builder.op('LRN', [pictureInput(node.input(0), 'channelsLast', node, writer)], {
    size: attr.int(size),
    alpha: attr.float(node.float('alpha', 1) * size),
    beta: attr.float(node.float('beta', 0.5)),
    bias: attr.float(node.float('bias', 1)),
  });
  return pictureOutput(name, node.input(0).dtype, pictureShape(node.input(0).shape, 'channelsLast'), 'channelsLast', writer);
};

function lastAxis(opType: string): Translation {
  return (node, writer) => {
    const value = node.input(0);
    const order = writer.orderOf([value]);
    return writer.valueIn(order, writer.builder.op(opType, [writer.in(order, value)], { axis: attr.int(order === 'channelsFirst' ? 1 : -1) }), value.dtype, value.shape);
  };
}

export const NORMALISATION: OperatorTable = {
  FusedBatchNorm: fusedBatchNorm,
  FusedBatchNormV2: fusedBatchNorm,
  FusedBatchNormV3: fusedBatchNorm,
  LRN: localResponse,
  Softmax: lastAxis('Softmax'),
  LogSoftmax: lastAxis('LogSoftmax'),
};
