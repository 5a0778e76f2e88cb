import { ConfigError } from '../../../core/errors.js';
import { graphProblem } from '../graph/graph-problem.js';
import type { TfGraph, TfNode, TfPort } from '../graph/tf-graph.js';
import { OnnxBuilder } from '../onnx/onnx-builder.js';
import type { OnnxModel } from '../onnx/onnx-model.js';
import { onnxDType } from './constant-tensor.js';
import { GraphWriter } from './graph-writer.js';
import { NodeView } from './node-view.js';
import { OPERATORS } from './operators/all-operators.js';
import { withoutUnused } from './unused-nodes.js';
import type { Shape, Value } from './value.js';

/** Translates a frozen graph of TensorFlow to ONNX, with the names of its inputs and outputs, and axes in TensorFlow's order in both. What its outputs do not need is left out.
 * @returns a model whose outputs have shapes as far as they can be told without running it
 * @throws {ConfigError} one issue that names every operator that is not supported, how often it occurs and one node; or what a node does that is not supported */
export function translateGraph(graph: TfGraph): OnnxModel {
  const needed = neededNodes(graph);
  refuseUnsupported(needed, graph);
  const builder = new OnnxBuilder();
  const writer = new GraphWriter(builder);
  const values = new Map<string, readonly Value[]>();
  for (const { name, port, dtype, shape } of graph.inputs) {
    const onnx = onnxDType(dtype);
    if (onnx === null) throw graphProblem(null, `input ${name}`, `tensors of ${dtype} are not supported`);
    const sizes = shape?.map((size) => (size < 0 ? null : size)) ?? null;
    values.set(port.node, [writer.value(builder.input(name, onnx, sizes), dtype, sizes)]);
  }
  const read = ({ node, index }: TfPort): Value => {
    const value = values.get(node)?.[index];
    if (value === undefined) throw graphProblem(null, `node ${node}`, `it has no output ${index}, or is part of a loop`);
    return value;
  };
  for (const node of needed) {
    if (!values.has(node.name)) values.set(node.name, translateNode(new NodeView(node, node.inputs.map(read)), writer));
  }
  for (const { name, port, shape } of graph.outputs) {
    const value = read(port);
    const onnx = onnxDType(value.dtype);
    if (onnx === null) throw graphProblem(null, `output ${name}`, `tensors of ${value.dtype} are not supported`);
    builder.output(name, writer.plain(value), onnx, merged(value.shape, shape));
  }
  const model = builder.toModel();
  return { ...model, graph: withoutUnused(model.graph) };
}

function translateNode(node: NodeView, writer: GraphWriter): readonly Value[] {
  const translation = OPERATORS[node.op];
  if (translation === undefined) throw node.problem('it is not supported');
  const result = translation(node, writer);
  return 'dtype' in result ? [result] : result;
}

/** Nodes that outputs depend on, in the graph's order; those behind an input do not count. */
function neededNodes(graph: TfGraph): readonly TfNode[] {
  const given = new Set(graph.inputs.map(({ port }) => port.node));
  const needed = new Set<string>();
  const open = graph.outputs.map(({ port }) => port.node);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (needed.has(name) || given.has(name)) continue;
    needed.add(name);
    for (const { node } of graph.nodes.get(name)?.inputs ?? []) open.push(node);
  }
  return [...graph.nodes.values()].filter(({ name }) => needed.has(name));
}

function refuseUnsupported(nodes: readonly TfNode[], graph: TfGraph): void {
  const counts = new Map<string, { count: number; example: string }>();
  for (const { op, name } of nodes) {
    if (Object.hasOwn(OPERATORS, op)) continue;
    const known = counts.get(op);
    if (known === undefined) counts.set(op, { count: 1, example: name });
    else known.count += 1;
  }
  if (counts.size === 0) return;
  const list = Array.from(counts, ([op, { count, example }]) => `${op} (${count}, ${example})`).join(', ');
  const names = graph.outputs.map(({ name }) => name).join(', ');
  throw new ConfigError([{ file: null, path: '', message: `operators of TensorFlow that cannot be translated to ONNX, how often and where: ${list}; the outputs ${names} need them` }]);
}

/** What was found out, and what the signature says where nothing was. */
function merged(found: Shape | null, given: readonly number[] | null): Shape | null {
  if (found === null) return given?.map((size) => (size < 0 ? null : size)) ?? null;
  return found.map((size, axis) => size ?? (given?.length === found.length && (given[axis] ?? -1) >= 0 ? (given[axis] ?? null) : null));
}
