import type { DTypeName } from '../../../serving/dtypes.js';
import type { TfNode } from '../graph/tf-graph.js';
import { floatAttr, boolAttr, stringAttr, toAttrValueProto, typeAttr, type AttrsProto, type AttrValueProto } from './attr-values.js';
import type { GraphDefBuilder } from './graph-def-builder.js';

/** Operators of TensorFlow.js's converter that do several things at once → the operator of TensorFlow that does the first of them, and which attributes it has beside `T`. */
const FUSED: Readonly<Record<string, { readonly op: string; readonly attrs: readonly string[] }>> = {
  _FusedConv2D: { op: 'Conv2D', attrs: ['strides', 'padding', 'explicit_paddings', 'data_format', 'dilations'] },
  FusedConv2D: { op: 'Conv2D', attrs: ['strides', 'padding', 'explicit_paddings', 'data_format', 'dilations'] },
  FusedDepthwiseConv2dNative: { op: 'DepthwiseConv2dNative', attrs: ['strides', 'padding', 'explicit_paddings', 'data_format', 'dilations'] },
  _FusedMatMul: { op: 'MatMul', attrs: ['transpose_a', 'transpose_b'] },
};

/** What follows without a further input. */
const ACTIVATIONS: ReadonlySet<string> = new Set(['Relu', 'Relu6', 'Elu', 'Selu', 'Sigmoid', 'Tanh']);

/** TensorFlow's default of LeakyRelu's `alpha`, and of FusedBatchNorm's `epsilon`. */
const DEFAULT_LEAK = 0.2;
const DEFAULT_EPSILON = 1e-4;

/** Whether TensorFlow does not have this operator, or not for every device and combination, and {@link addUnfused} writes it with others. */
export function isFused(op: string): boolean {
  return op === 'Prelu' || Object.hasOwn(FUSED, op);
}

/** Writes a fused operator of TensorFlow.js as operators that TensorFlow has: what is first in it, then what was fused in turn (BiasAdd, FusedBatchNorm, an activation).
 * @param inputs of the node, as the new graph calls them
 * @param name of the node that gives what the fused one gives
 * @returns what cannot be written that way, or `null` */
export function addUnfused(graph: GraphDefBuilder, node: TfNode, inputs: readonly string[], name: string): string | null {
  const type = node.attrs.get('T');
  const dtype = (type?.kind === 'type' ? type.value : 'float') as DTypeName;
  const chain = new Chain(graph, dtype, name);
  if (node.op === 'Prelu') {
    const [x = '', alpha = ''] = inputs;
    return chain.finish(chain.prelu(x, alpha));
  }
  const fused = FUSED[node.op];
  if (fused === undefined) return `the operator ${node.op}`;
  const format = copied(node, 'data_format');
  const attrs = Object.fromEntries(fused.attrs.flatMap((attr) => Object.entries({ [attr]: copied(node, attr) }).filter((entry): entry is [string, AttrValueProto] => entry[1] !== undefined)));
  const [x = '', weights = '', ...others] = inputs;
  let at = chain.step(fused.op, [x, weights], attrs);
  for (const follower of fusedOps(node)) {
    const count = follower === 'BiasAdd' || follower === 'Prelu' ? 1 : follower === 'FusedBatchNorm' ? 4 : 0;
    const own = others.splice(0, count);
    if (own.length < count) return `${follower} without its inputs in the node ${node.name} (${node.op})`;
    if (follower === 'BiasAdd') at = chain.step('BiasAdd', [at, ...own], { data_format: fused.op === 'MatMul' ? stringAttr('NHWC') : (format ?? stringAttr('NHWC')) });
    else if (follower === 'Prelu') at = chain.prelu(at, own[0] ?? '');
    else if (follower === 'LeakyRelu') at = chain.step('LeakyRelu', [at], { alpha: floatAttr(numberOf(node, 'leakyrelu_alpha') ?? DEFAULT_LEAK) });
    else if (follower === 'FusedBatchNorm') at = chain.batchNorm(at, own, format ?? stringAttr('NHWC'), numberOf(node, 'epsilon') ?? DEFAULT_EPSILON);
    else if (ACTIVATIONS.has(follower)) at = chain.step(follower, [at]);
    else return `${follower} in the node ${node.name} (${node.op})`;
  }
  return chain.finish(at);
}

/** Nodes one after the other, named after the one they stand for. */
class Chain {
  readonly #graph: GraphDefBuilder;
  readonly #dtype: DTypeName;
  readonly #name: string;

  constructor(graph: GraphDefBuilder, dtype: DTypeName, name: string) {
    this.#graph = graph;
    this.#dtype = dtype;
    this.#name = name;
  }

  step(op: string, inputs: readonly string[], attrs: AttrsProto = {}): string {
    return this.#graph.add(op, inputs, { T: typeAttr(this.#dtype), ...attrs }, `${this.#name}/${op}`);
  }

  /** x where it is positive, alpha times it elsewhere. */
  prelu(x: string, alpha: string): string {
    const zero = this.#graph.constant(this.#dtype === 'half' ? { dtype: 'half', shape: [], data: Uint16Array.of(0) } : { dtype: 'float', shape: [], data: Float32Array.of(0) }, `${this.#name}/zero`).ref;
    return this.step('Add', [this.step('Maximum', [x, zero]), this.step('Mul', [alpha, this.step('Minimum', [x, zero])])]);
  }

  batchNorm(x: string, parameters: readonly string[], format: AttrValueProto, epsilon: number): string {
    return this.step('FusedBatchNormV3', [x, ...parameters], { U: typeAttr('float'), epsilon: floatAttr(epsilon), data_format: format, is_training: boolAttr(false) });
  }

  finish(last: string): null {
    this.#graph.addNamed(this.#name, 'Identity', [last], { T: typeAttr(this.#dtype) });
    return null;
  }
}

function copied(node: TfNode, attr: string): AttrValueProto | undefined {
  const value = node.attrs.get(attr);
  return value === undefined ? undefined : toAttrValueProto(value, `${attr} of the node ${node.name}`);
}

function fusedOps(node: TfNode): string[] {
  const list = node.attrs.get('fused_ops');
  return list?.kind === 'list' ? list.values.flatMap((value) => (value.kind === 'string' ? [value.value] : [])) : [];
}

function numberOf(node: TfNode, attr: string): number | undefined {
  const value = node.attrs.get(attr);
  return value?.kind === 'float' || value?.kind === 'int' ? value.value : undefined;
}
