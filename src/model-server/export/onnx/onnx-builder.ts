import type { OnnxAttr, OnnxDType, OnnxGraph, OnnxModel, OnnxNode, OnnxTensor, OnnxValue } from './onnx-model.js';
import { floatContent, int64Content, type OnnxTensorContent } from './onnx-tensor.js';

/** Version of ONNX's own operators that builders write: the first whose Resize has `antialias` and axes of their own. */
export const BUILDER_OPSET = 18;
/** The version of the file format that belongs to {@link BUILDER_OPSET}. */
const BUILDER_IR_VERSION = 8;
/** Larger constants are not looked for among those that exist. */
const MAX_SHARED_BYTES = 1024;

export type NodeOptions = {
  readonly attrs?: Readonly<Record<string, OnnxAttr>>;
  /** How many (default 1; names are made up), or their names, which have to be new. */
  readonly outputs?: number | readonly string[];
  /** Default: ONNX's own. */
  readonly domain?: string;
};

/** Attributes as builders write them: `{ axis: int(1), mode: text('linear') }`. */
export const attr = {
  int: (value: number): OnnxAttr => ({ kind: 'int', value }),
  float: (value: number): OnnxAttr => ({ kind: 'float', value }),
  text: (value: string): OnnxAttr => ({ kind: 'string', value }),
  ints: (values: readonly number[]): OnnxAttr => ({ kind: 'ints', values }),
  floats: (values: readonly number[]): OnnxAttr => ({ kind: 'floats', values }),
  graph: (value: OnnxGraph): OnnxAttr => ({ kind: 'graph', value }),
} as const;

/** Writes a graph, node after node. Names of values are unique in it and in all graphs inside it. */
export class OnnxBuilder {
  readonly #prefix: string;
  readonly #taken: Set<string>;
  readonly #nodes: OnnxNode[] = [];
  readonly #initializers: OnnxTensor[] = [];
  readonly #inputs: OnnxValue[] = [];
  readonly #outputs: OnnxValue[] = [];
  readonly #shared = new Map<string, string>();
  readonly #opsets: Map<string, number>;

  /** @param prefix of the names that are made up: `pre/` @param parent whose graph this one is to lie in: see {@link subgraph} */
  constructor(prefix = '', parent?: OnnxBuilder) {
    this.#prefix = prefix;
    this.#taken = parent === undefined ? new Set() : parent.#taken;
    this.#opsets = parent === undefined ? new Map([['', BUILDER_OPSET]]) : parent.#opsets;
  }

  /** A name that nothing has yet: the hint behind the prefix, with a number where it is taken. */
  uniqueName(hint: string): string {
    const base = `${this.#prefix}${hint}`;
    let name = base;
    for (let count = 2; this.#taken.has(name); count += 1) name = `${base}_${count}`;
    this.#taken.add(name);
    return name;
  }

  /** Adds a node.
   * @param inputs names of values; '' where an optional one is left out
   * @returns the names of its outputs */
  add(opType: string, inputs: readonly string[], { attrs = {}, outputs = 1, domain = '' }: NodeOptions = {}): readonly string[] {
    const names = typeof outputs === 'number' ? Array.from({ length: outputs }, () => this.uniqueName(opType)) : outputs.map((name) => this.#take(name));
    if (!this.#opsets.has(domain)) this.#opsets.set(domain, 1);
    this.#nodes.push({ name: names[0] ?? this.uniqueName(opType), opType, domain, inputs: [...inputs], outputs: names, attrs: new Map(Object.entries(attrs)) });
    return names;
  }

  /** Adds a node with one output.
   * @returns the name of it */
  op(opType: string, inputs: readonly string[], attrs: Readonly<Record<string, OnnxAttr>> = {}): string {
    const [name] = this.add(opType, inputs, { attrs });
    if (name === undefined) throw new RangeError(`Expected ${opType} to have an output`);
    return name;
  }

  /** Adds a constant; a small one that is there already is used again, whatever it is called.
   * @returns the name of it */
  constant(content: OnnxTensorContent, hint = 'const'): string {
    const key = content.data.byteLength > MAX_SHARED_BYTES ? null : `${content.dtype} ${content.shape.join()} ${Buffer.from(content.data).toString('latin1')}`;
    const known = key === null ? undefined : this.#shared.get(key);
    if (known !== undefined) return known;
    const name = this.uniqueName(hint);
    if (key !== null) this.#shared.set(key, name);
    this.#initializers.push({ ...content, name });
    return name;
  }

  /** A constant of float32. @param shape default: one axis; `[]` for a scalar */
  floats(values: ArrayLike<number>, shape?: readonly number[]): string {
    return this.constant(floatContent(values, shape));
  }

  /** A constant of int64, as shapes, axes and indices are given. @param shape default: one axis; `[]` for a scalar */
  ints(values: ArrayLike<number>, shape?: readonly number[]): string {
    return this.constant(int64Content(values, shape));
  }

  float(value: number): string {
    return this.floats([value], []);
  }

  int(value: number): string {
    return this.ints([value], []);
  }

  /** Declares an input of the graph; its name has to be new. */
  input(name: string, dtype: OnnxDType, shape: OnnxValue['shape']): string {
    this.#inputs.push({ name: this.#take(name), dtype, shape });
    return name;
  }

  /** Declares a value as an output of the graph; where it has another name, it gets this one beside it. */
  output(name: string, value: string, dtype: OnnxDType, shape: OnnxValue['shape']): void {
    if (name !== value) this.add('Identity', [value], { outputs: [name] });
    this.#outputs.push({ name, dtype, shape });
  }

  /** Takes over the nodes and constants of a graph under the names they have. What it reads from its inputs has to be added before, with `outputs` named so, or declared with `input`.
   * @param opsets of the model it comes from; they become the builder's
   * @throws {RangeError} when a name of it is taken */
  include(graph: OnnxGraph, opsets: ReadonlyMap<string, number>): void {
    for (const [domain, version] of opsets) this.#opsets.set(domain, version);
    for (const name of namesOf(graph)) this.#take(name);
    this.#nodes.push(...graph.nodes);
    this.#initializers.push(...graph.initializers);
  }

  /** A builder for a graph inside this one, which may read all values of this one. */
  subgraph(): OnnxBuilder {
    return new OnnxBuilder(this.#prefix, this);
  }

  toGraph(name = 'graph'): OnnxGraph {
    return { name, nodes: [...this.#nodes], initializers: [...this.#initializers], inputs: [...this.#inputs], outputs: [...this.#outputs] };
  }

  toModel(metadata: ReadonlyMap<string, string> = new Map()): OnnxModel {
    return { irVersion: BUILDER_IR_VERSION, producerName: 'sightline', opsets: this.#opsets, graph: this.toGraph(), metadata };
  }

  #take(name: string): string {
    if (this.#taken.has(name)) throw new RangeError(`Expected a new name, got ${name}`);
    this.#taken.add(name);
    return name;
  }
}

/** What a graph and the graphs inside it define. */
function namesOf(graph: OnnxGraph): string[] {
  const inner = graph.nodes.flatMap((node) => [...node.attrs.values()].flatMap((value) => (value.kind === 'graph' ? [...namesOf(value.value), ...value.value.inputs.map(({ name }) => name)] : [])));
  return [...new Set([...graph.initializers.map(({ name }) => name), ...graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== '')), ...inner])];
}
