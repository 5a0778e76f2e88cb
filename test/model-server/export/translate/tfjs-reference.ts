import * as tf from '@tensorflow/tfjs-core';
import { loadGraphModel, type GraphModel } from '@tensorflow/tfjs-converter';
import '@tensorflow/tfjs-backend-cpu';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { nodesFromGraphDef } from '../../../../src/model-server/export/graph/from-graph-def.js';
import { placeholderInputs, unreadOutputs } from '../../../../src/model-server/export/graph/graph-endpoints.js';
import { graphDefType, type GraphDefMessage } from '../../../../src/model-server/export/graph/graph-messages.js';
import type { TfGraph } from '../../../../src/model-server/export/graph/tf-graph.js';
import { encodeOnnxModel } from '../../../../src/model-server/export/onnx/onnx-codec.js';
import type { OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';
import type { Tensor as TfTensor } from '../../../../src/serving/tensor.js';
import { translateGraph } from '../../../../src/model-server/export/translate/translate-graph.js';

/** Numbers with their shape. */
export type Data = { readonly dtype: 'float32' | 'int32' | 'bool'; readonly shape: readonly number[]; readonly values: readonly number[] };
/** A node in protobuf's JSON form, as a model.json has it. */
export type JsonNode = { readonly name: string; readonly op: string; readonly input?: readonly string[]; readonly attr?: Readonly<Record<string, unknown>> };
export type OneOperator = {
  readonly op: string;
  /** In order; `constant` ones are weights, the others are given when it runs. */
  readonly inputs: readonly (Data & { readonly constant?: boolean })[];
  readonly attr?: Readonly<Record<string, unknown>>;
  /** How many outputs it has; 1 when left out. */
  readonly outputs?: number;
  /** Inputs that come out of a pool (which changes nothing), so that they lie channels first. */
  readonly pooled?: readonly number[];
};

const DTYPES = { float32: 'DT_FLOAT', int32: 'DT_INT32', bool: 'DT_BOOL' } as const;

export const attrs = {
  ints: (...values: number[]) => ({ list: { i: values.map(String) } }),
  int: (value: number) => ({ i: String(value) }),
  float: (value: number) => ({ f: value }),
  bool: (value: boolean) => ({ b: value }),
  text: (value: string) => ({ s: Buffer.from(value).toString('base64') }),
  texts: (...values: string[]) => ({ list: { s: values.map((value) => Buffer.from(value).toString('base64')) } }),
  type: (value: keyof typeof DTYPES | 'DT_INT64') => ({ type: value === 'DT_INT64' ? value : DTYPES[value] }),
};

export function float(shape: readonly number[], values: ArrayLike<number>): Data {
  return { dtype: 'float32', shape, values: Array.from(Float32Array.from(values)) };
}

export function int(shape: readonly number[], values: readonly number[]): Data {
  return { dtype: 'int32', shape, values };
}

/** A weight: known when the graph is translated. */
export function constant(data: Data): Data & { readonly constant: true } {
  return { ...data, constant: true };
}

/** Numbers that look random and are not: a seed gives the same every time. */
export function noise(shape: readonly number[], seed: number, scale = 2): Data {
  let state = seed * 2 + 1;
  return float(shape, Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0;
    return ((state >>> 8) / 2 ** 23 - 1) * scale;
  }));
}

/** The graph of one operator between its placeholders and weights, and how many of its outputs there are. */
function nodesOf({ op, inputs, attr = {}, outputs = 1, pooled = [] }: OneOperator): JsonNode[] {
  const given = inputs.map(({ dtype, shape, constant: isConstant }, index): JsonNode => {
    const info = { dim: shape.map((size) => ({ size: String(size) })) };
    return isConstant === true
      ? { name: `c${index}`, op: 'Const', attr: { dtype: { type: DTYPES[dtype] }, value: { tensor: { dtype: DTYPES[dtype], tensorShape: info } } } }
      : { name: `p${index}`, op: 'Placeholder', attr: { dtype: { type: DTYPES[dtype] }, shape: { shape: info } } };
  });
  const one = attrs.ints(1, 1, 1, 1);
  const pools = pooled.map((index): JsonNode => ({ name: `pool${index}`, op: 'MaxPool', input: [`p${index}`], attr: { ksize: one, strides: one, padding: attrs.text('VALID'), data_format: attrs.text('NHWC'), T: attrs.type('float32') } }));
  const node: JsonNode = { name: 'node', op, input: given.map(({ name }, index) => (pooled.includes(index) ? `pool${index}` : name)), attr };
  // An identity behind each output, so that every one of them is an output of the graph.
  return [...given, ...pools, node, ...Array.from({ length: outputs }, (_, index): JsonNode => ({ name: `out${index}`, op: 'Identity', input: [index === 0 ? 'node' : `node:${index}`] }))];
}

function weightsOf(inputs: OneOperator['inputs']): { specs: { name: string; shape: number[]; dtype: 'float32' | 'int32' | 'bool' }[]; bytes: Uint8Array } {
  const constants = inputs.flatMap((data, index) => (data.constant === true ? [{ ...data, name: `c${index}` }] : []));
  const parts = constants.map(({ dtype, values }) => Buffer.from((dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array).from(values).buffer));
  return { specs: constants.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype })), bytes: Uint8Array.from(Buffer.concat(parts)) };
}

/** What TensorFlow.js computes on its plain backend. */
export async function runInTfjs(operator: OneOperator): Promise<Data[]> {
  await tf.setBackend('cpu');
  const { specs, bytes } = weightsOf(operator.inputs);
  const artifacts = { modelTopology: { node: nodesOf(operator), versions: { producer: 1 } }, weightSpecs: specs, weightData: bytes.buffer as ArrayBuffer };
  const model = await loadGraphModel({ load: () => Promise.resolve(artifacts) });
  const feeds = Object.fromEntries(operator.inputs.flatMap((data, index) => (data.constant === true ? [] : [[`p${index}`, tf.tensor([...data.values], [...data.shape], data.dtype)]])));
  const names = Array.from({ length: operator.outputs ?? 1 }, (_, index) => `out${index}`);
  const data = await executeModel(model, feeds, names, /^(Where|NonMaxSuppression.*)$/.test(operator.op));
  tf.dispose(feeds);
  model.dispose();
  return data;
}

/** Runs a model of TensorFlow.js, whether or not shapes in it depend on values. */
export async function executeModel(model: GraphModel, feeds: Record<string, tf.Tensor>, names: string[], isDynamic: boolean): Promise<Data[]> {
  const results = isDynamic ? await model.executeAsync(feeds, names) : model.execute(feeds, names);
  const data = (Array.isArray(results) ? results : [results]).map((tensor): Data => ({ dtype: tensor.dtype as Data['dtype'], shape: tensor.shape, values: Array.from(tensor.dataSync()) }));
  tf.dispose(results);
  return data;
}

/** The graph of one operator as the translation takes it. @param dynamic sizes of its placeholders are not known */
export function graphOf(operator: OneOperator, dynamic = false): TfGraph {
  const tensors = operator.inputs.flatMap((data, index) => (data.constant === true ? [[`c${index}`, toTensor(data)] as const] : []));
  const nodes = nodesFromGraphDef(graphDefType().fromObject({ node: nodesOf(operator) }) as unknown as GraphDefMessage, 'test', new Map(tensors));
  const inputs = placeholderInputs(nodes).map((input) => (dynamic ? { ...input, shape: input.shape?.map(() => -1) ?? null } : input));
  return { nodes, inputs, outputs: unreadOutputs(nodes).filter(({ name }) => name.startsWith('out')) };
}

/** What ONNX Runtime computes. */
export async function runInOnnxRuntime(model: OnnxModel, feeds: Readonly<Record<string, Data>>): Promise<Data[]> {
  const session = await InferenceSession.create(encodeOnnxModel(model), { executionProviders: ['cpu'], logSeverityLevel: 3, intraOpNumThreads: 1 });
  const inputs = Object.fromEntries(Object.entries(feeds).map(([name, { dtype, shape, values }]) => [name, new Tensor(dtype, (dtype === 'float32' ? Float32Array : dtype === 'int32' ? Int32Array : Uint8Array).from(values), [...shape])]));
  const results = await session.run(inputs);
  await session.release();
  return model.graph.outputs.map(({ name, shape }) => {
    const tensor = results[name];
    if (tensor === undefined) throw new Error(`no output ${name}`);
    if (shape !== null && (shape.length !== tensor.dims.length || shape.some((size, axis) => typeof size === 'number' && size !== tensor.dims[axis]))) throw new Error(`${name} is declared as [${shape.join(', ')}], it is [${tensor.dims.join(', ')}]`);
    return { dtype: tensor.type === 'float32' ? 'float32' : tensor.type === 'bool' ? 'bool' : 'int32', shape: tensor.dims, values: Array.from(tensor.data as ArrayLike<number | bigint>, Number) };
  });
}

export async function runTranslated(operator: OneOperator, dynamic = false): Promise<Data[]> {
  const feeds = Object.fromEntries(operator.inputs.flatMap((data, index) => (data.constant === true ? [] : [[`p${index}`, data]])));
  return runInOnnxRuntime(translateGraph(graphOf(operator, dynamic)), feeds);
}

function toTensor({ dtype, shape, values }: Data): TfTensor {
  if (dtype === 'float32') return { dtype: 'float', shape, data: Float32Array.from(values) };
  return dtype === 'int32' ? { dtype: 'int32', shape, data: Int32Array.from(values) } : { dtype: 'bool', shape, data: Uint8Array.from(values) };
}

/** Why two results differ; `null` when they do not.
 * @param tolerance relative to the greater of 1 and the number expected */
export function difference(actual: readonly Data[], expected: readonly Data[], tolerance = 2e-4): string | null {
  if (actual.length !== expected.length) return `${actual.length} outputs instead of ${expected.length}`;
  for (const [index, right] of expected.entries()) {
    const left = actual[index];
    if (left === undefined || left.shape.join() !== right.shape.join()) return `output ${index} has the shape [${String(left?.shape)}] instead of [${String(right.shape)}]`;
    const at = right.values.findIndex((value, place) => {
      const got = left.values[place] ?? NaN;
      return !(Object.is(got, value) || Math.abs(got - value) <= tolerance * Math.max(1, Math.abs(value)));
    });
    if (at >= 0) return `output ${index} has ${String(left.values[at])} at ${at} instead of ${String(right.values[at])} (shape [${String(right.shape)}])`;
  }
  return null;
}
