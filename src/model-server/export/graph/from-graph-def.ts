import { ModelOutputError } from '../../../core/errors.js';
import { dtypeName } from '../../../serving/dtypes.js';
import { decodeTensor, type TensorProto, type TensorShapeProto } from '../../../serving/tensor-codec.js';
import type { Tensor } from '../../../serving/tensor.js';
import { graphProblem } from './graph-problem.js';
import type { AttrValueMessage, GraphDefMessage, ListMessage, NodeDefMessage } from './graph-messages.js';
import type { TfAttr, TfNode, TfPort } from './tf-graph.js';

/** Memory that all constants of a graph together may take beyond what the file carries: a few bytes can ask for a tensor of any size filled with one value. */
const MAX_FILLED_BYTES = 256 * 1024 * 1024;

/** Reads the nodes of a GraphDef.
 * @param file for messages @param weights constants whose values lie elsewhere, by their node's name
 * @returns by name, every node after its inputs (loops excepted)
 * @throws {ConfigError} when a node has no name or another's, or reads from one that does not exist, or a constant is none */
export function nodesFromGraphDef(graph: GraphDefMessage, file: string, weights: ReadonlyMap<string, Tensor> = new Map()): ReadonlyMap<string, TfNode> {
  const nodes = new Map<string, TfNode>();
  const reader = new AttrReader(file);
  for (const message of graph.node ?? []) {
    const node = readNode(message, reader, weights);
    if (node.name === '' || nodes.has(node.name)) throw graphProblem(file, 'node', `there are two nodes with the name ${JSON.stringify(node.name)}, or one has none`);
    nodes.set(node.name, node);
  }
  for (const { name, inputs } of nodes.values()) {
    const missing = inputs.find((input) => !nodes.has(input.node));
    if (missing !== undefined) throw graphProblem(file, `node ${name}`, `it reads from ${missing.node}, which does not exist`);
  }
  return inOrder(nodes);
}

/** `node`, `node:1`.
 * @returns `null` for anything else */
export function parsePort(text: string): TfPort | null {
  const parts = /^([^:^]+)(?::([0-9]{1,4}))?$/.exec(text);
  return parts?.[1] === undefined ? null : { node: parts[1], index: Number(parts[2] ?? 0) };
}

/** @returns -1 where a size is unknown; `null` when not even the rank is known */
export function readShape(shape: TensorShapeProto): number[] | null {
  if (shape.unknownRank === true) return null;
  return (shape.dim ?? []).map(({ size }) => Math.max(-1, Number((size ?? 0).toString())));
}

function readNode(message: NodeDefMessage, reader: AttrReader, weights: ReadonlyMap<string, Tensor>): TfNode {
  const name = message.name ?? '';
  const where = `node ${name}`;
  const inputs = (message.input ?? []).flatMap((text) => {
    if (text.startsWith('^')) return [];
    const port = parsePort(text);
    if (port === null) throw graphProblem(reader.file, where, `it reads from ${JSON.stringify(text)}: expected a node's name, or "name:1"`);
    return [port];
  });
  const weight = weights.get(name);
  const attrs = new Map<string, TfAttr>();
  for (const [key, value] of Object.entries(message.attr ?? {})) {
    const attr: TfAttr | null = key === 'value' && weight !== undefined ? { kind: 'tensor', value: weight } : reader.read(value, `${where}.${key}`);
    if (attr !== null) attrs.set(key, attr);
  }
  if (weight !== undefined && message.op === 'Const') attrs.set('value', { kind: 'tensor', value: weight });
  return { name, op: message.op ?? '', inputs, attrs };
}

class AttrReader {
  readonly file: string;
  #filledBytes = 0;

  constructor(file: string) {
    this.file = file;
  }

  /** @returns `null` for an attribute that has no value */
  read(value: AttrValueMessage, where: string): TfAttr | null {
    const has = (field: keyof AttrValueMessage): boolean => Object.hasOwn(value, field) && value[field] != null;
    if (has('s')) return stringAttr(value.s ?? Buffer.alloc(0));
    if (has('i')) return { kind: 'int', value: Number((value.i ?? 0).toString()) };
    if (has('f')) return { kind: 'float', value: value.f ?? 0 };
    if (has('b')) return { kind: 'bool', value: value.b ?? false };
    if (has('type')) return { kind: 'type', value: dtypeName(value.type ?? 0) };
    if (value.shape != null) return { kind: 'shape', value: readShape(value.shape) };
    if (value.tensor != null) return { kind: 'tensor', value: this.#tensor(value.tensor, where) };
    if (value.func != null) return { kind: 'function', name: value.func.name ?? '', attrs: this.#attrs(value.func.attr ?? {}, where) };
    if (value.list != null) return { kind: 'list', values: this.#list(value.list, where) };
    return null;
  }

  #attrs(attr: Readonly<Record<string, AttrValueMessage>>, where: string): ReadonlyMap<string, TfAttr> {
    return new Map(Object.entries(attr).flatMap(([key, value]) => {
      const read = this.read(value, where);
      return read === null ? [] : [[key, read] as const];
    }));
  }

  #list(list: ListMessage, where: string): TfAttr[] {
    return [
      ...(list.s ?? []).map(stringAttr),
      ...(list.i ?? []).map((value): TfAttr => ({ kind: 'int', value: Number(value.toString()) })),
      ...(list.f ?? []).map((value): TfAttr => ({ kind: 'float', value })),
      ...(list.b ?? []).map((value): TfAttr => ({ kind: 'bool', value })),
      ...(list.type ?? []).map((value): TfAttr => ({ kind: 'type', value: dtypeName(value) })),
      ...(list.shape ?? []).map((value): TfAttr => ({ kind: 'shape', value: readShape(value) })),
      ...(list.tensor ?? []).map((value): TfAttr => ({ kind: 'tensor', value: this.#tensor(value, where) })),
      ...(list.func ?? []).map((value): TfAttr => ({ kind: 'function', name: value.name ?? '', attrs: this.#attrs(value.attr ?? {}, where) })),
    ];
  }

  #tensor(proto: TensorProto, where: string): Tensor {
    try {
      const tensor = decodeTensor(proto, { name: where, maxFilledBytes: MAX_FILLED_BYTES - this.#filledBytes });
      if (tensor.dtype !== 'string' && (proto.tensorContent ?? []).length === 0) this.#filledBytes += tensor.data.byteLength;
      return tensor;
    } catch (error) {
      if (!(error instanceof ModelOutputError)) throw error;
      throw graphProblem(this.file, where, error.message);
    }
  }
}

function stringAttr(bytes: Uint8Array): TfAttr {
  return { kind: 'string', value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8') };
}

/** Every node after its inputs. Without recursion: graphs are deeper than the stack. */
function inOrder(nodes: ReadonlyMap<string, TfNode>): ReadonlyMap<string, TfNode> {
  const ordered = new Map<string, TfNode>();
  const seen = new Set<string>();
  for (const start of nodes.values()) {
    const stack: { node: TfNode; next: number }[] = seen.has(start.name) ? [] : [{ node: start, next: 0 }];
    seen.add(start.name);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const input = top.node.inputs[top.next];
      top.next += 1;
      if (input === undefined) {
        ordered.set(top.node.name, top.node);
        stack.pop();
        continue;
      }
      const node = nodes.get(input.node);
      if (node === undefined || seen.has(input.node)) continue;
      seen.add(input.node);
      stack.push({ node, next: 0 });
    }
  }
  return ordered;
}
