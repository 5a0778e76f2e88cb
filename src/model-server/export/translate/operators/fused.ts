import { attr } from '../../onnx/onnx-builder.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { Value } from '../value.js';
import { prelu, relu6 } from './elementwise.js';
import { batchNorm } from './normalisation.js';

/** Where the arguments of what is fused to a convolution or a product begin. */
const FIRST_ARGUMENT = 2;

/** The bias that is fused, which ONNX's own convolution takes; `null`: there is none. */
export function biasOf(node: NodeView): Value | null {
  return node.texts('fused_ops')[0] === 'BiasAdd' ? node.input(FIRST_ARGUMENT) : null;
}

/** Applies what is fused behind the bias. */
export function applyFused(node: NodeView, value: Value, writer: GraphWriter): Value {
  const operators = node.texts('fused_ops');
  let at = FIRST_ARGUMENT;
  let result = value;
  for (const [index, name] of operators.entries()) {
    switch (name) {
      case 'BiasAdd':
        if (index > 0) throw node.problem('a fused BiasAdd that is not the first is not supported');
        at += 1;
        break;
      case 'FusedBatchNorm':
        result = batchNorm(result, [at, at + 1, at + 2, at + 3].map((input) => node.input(input)), { epsilon: node.float('epsilon', 1e-4), layout: 'channelsLast' }, node, writer);
        at += 4;
        break;
      case 'Prelu':
        result = prelu(result, node.input(at), writer);
        at += 1;
        break;
      case 'Relu6':
        result = relu6(result, writer);
        break;
      case 'LeakyRelu':
        result = writer.unary('LeakyRelu', result, { attrs: { alpha: attr.float(node.float('leakyrelu_alpha', 0.2)) } });
        break;
      case 'Relu':
      case 'Elu':
      case 'Sigmoid':
      case 'Tanh':
        result = writer.unary(name, result);
        break;
      default:
        throw node.problem(`the fused operator ${name} is not supported`);
    }
  }
  return result;
}
