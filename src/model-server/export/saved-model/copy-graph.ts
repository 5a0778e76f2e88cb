import { ConfigError } from '../../../core/errors.js';
import { NUMERIC_LAYOUTS, tensorNumbers, type DType, type Tensor } from '../../../serving/tensor.js';
import type { TfGraph, TfNode, TfPort } from '../graph/tf-graph.js';
import { tensorAttr, toAttrValueProto, typeAttr, type AttrsProto, type AttrValueProto } from './attr-values.js';
import type { GraphDefBuilder } from './graph-def-builder.js';
import { addUnfused, isFused } from './unfuse.js';

/** Operators that only mean something together with control inputs, which graphs in memory have not. */
const CONTROL_FLOW: ReadonlySet<string> = new Set(['Enter', 'Exit', 'NextIteration', 'LoopCond', 'Switch', 'Merge']);

/** Copies what the given outputs of a graph need into another, fused operators taken apart, each name behind `prefix`.
 * @param feeds what stands for nodes of the graph (its placeholders), by their names
 * @returns what the outputs are called there
 * @throws {ConfigError} when TensorFlow could not run it; one issue for each reason */
export function copyGraph(source: TfGraph, outputs: readonly TfPort[], feeds: ReadonlyMap<string, string>, target: GraphDefBuilder, prefix: string): string[] {
  const needed = findNeeded(source, outputs, feeds);
  const obstacles = findObstacles(needed);
  const names = new Map(needed.map(({ name }) => [name, target.reserve(`${prefix}${name}`)]));
  const refOf = ({ node, index }: TfPort): string => {
    const name = feeds.get(node) ?? names.get(node);
    if (name === undefined) throw new RangeError(`Expected \`node\` to be in the graph, got ${node}`);
    return index === 0 ? name : `${name}:${String(index)}`;
  };
  for (const node of obstacles.length > 0 ? [] : needed) {
    const name = names.get(node.name) ?? node.name;
    const inputs = node.inputs.map(refOf);
    const obstacle = isFused(node.op) ? addUnfused(target, node, inputs, name) : null;
    if (obstacle !== null) obstacles.push(obstacle);
    if (!isFused(node.op)) target.addNamed(name, node.op, inputs, attrsOf(node));
  }
  if (obstacles.length > 0) throw new ConfigError(obstacles.map((obstacle) => ({ file: null, path: '', message: `cannot be written as a SavedModel: ${obstacle}` })));
  return outputs.map(refOf);
}

/** Nodes that the outputs depend on, in the graph's order. */
function findNeeded(source: TfGraph, outputs: readonly TfPort[], feeds: ReadonlyMap<string, string>): TfNode[] {
  const found = new Set<string>();
  const waiting = outputs.map(({ node }) => node);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name) || feeds.has(name)) continue;
    const node = source.nodes.get(name);
    if (node === undefined) throw new ConfigError([{ file: null, path: '', message: `cannot be written as a SavedModel: its graph has no node ${name}` }]);
    found.add(name);
    for (const input of node.inputs) waiting.push(input.node);
  }
  return [...source.nodes.values()].filter(({ name }) => found.has(name));
}

function findObstacles(nodes: readonly TfNode[]): string[] {
  const obstacles: string[] = [];
  const loops = nodes.filter(({ op }) => CONTROL_FLOW.has(op));
  if (loops[0] !== undefined) obstacles.push(`${String(loops.length)} of its nodes are loops or branches, such as ${loops[0].name} (${loops[0].op})`);
  const calling = nodes.find(({ attrs }) => [...attrs.values()].some(({ kind }) => kind === 'function'));
  if (calling !== undefined) obstacles.push(`it calls functions, at the node ${calling.name} (${calling.op})`);
  for (const { name } of nodes.filter(({ op }) => op === 'Placeholder')) obstacles.push(`it has a second input, ${name}`);
  return obstacles;
}

/** Without what is there for tools (`_output_shapes`, `_class`, …): it names nodes that are not there any more. */
function attrsOf(node: TfNode): AttrsProto {
  if (node.op === 'Const') return constantAttrs(node);
  const entries = [...node.attrs].filter(([name]) => !name.startsWith('_'));
  return Object.fromEntries(entries.map(([name, value]): [string, AttrValueProto] => [name, toAttrValueProto(value, `${name} of the node ${node.name}`)]));
}

/** TensorFlow.js keeps 64-bit integers as 32-bit ones and halves as floats; the nodes that read them still say what they were. */
function constantAttrs(node: TfNode): AttrsProto {
  const value = node.attrs.get('value');
  if (value?.kind !== 'tensor') throw new ConfigError([{ file: null, path: '', message: `cannot be written as a SavedModel: its constant ${node.name} has no value` }]);
  const declared = node.attrs.get('dtype');
  const tensor = declared?.kind === 'type' ? asDType(value.value, declared.value, node.name) : value.value;
  return { dtype: typeAttr(tensor.dtype), value: tensorAttr(tensor) };
}

function asDType(tensor: Tensor, dtype: string, name: string): Tensor {
  if (tensor.dtype === dtype) return tensor;
  const convertible = ['double', 'float', 'int32', 'uint8', 'int16', 'int8', 'int64', 'bool', 'uint16', 'uint32', 'uint64'];
  if (!convertible.includes(dtype) || !convertible.includes(tensor.dtype)) {
    throw new ConfigError([{ file: null, path: '', message: `cannot be written as a SavedModel: its constant ${name} is declared as ${dtype}, its value is ${tensor.dtype}` }]);
  }
  const target = new NUMERIC_LAYOUTS[dtype as Exclude<DType, 'string'>].array(tensor.data.length);
  const numbers = tensorNumbers(tensor);
  if (target instanceof BigInt64Array || target instanceof BigUint64Array) numbers.forEach((value, index) => { target[index] = BigInt(Math.trunc(value)); });
  else target.set(numbers);
  return { dtype, shape: tensor.shape, data: target } as Tensor;
}
