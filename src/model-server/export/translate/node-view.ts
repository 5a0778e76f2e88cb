import type { ConfigError } from '../../../core/errors.js';
import { DTYPE_NUMBERS } from '../../../serving/dtypes.js';
import { dtypeFromNumber, type DType } from '../../../serving/tensor.js';
import { graphProblem } from '../graph/graph-problem.js';
import type { TfNode } from '../graph/tf-graph.js';
import type { Value } from './value.js';

/** A node of TensorFlow with the values that it reads: what a translation is given. */
export class NodeView {
  readonly node: TfNode;
  readonly inputs: readonly Value[];

  constructor(node: TfNode, inputs: readonly Value[]) {
    this.node = node;
    this.inputs = inputs;
  }

  get op(): string {
    return this.node.op;
  }

  /** @throws {ConfigError} when the node has not so many inputs */
  input(index: number): Value {
    const value = this.inputs[index];
    if (value === undefined) throw this.problem(`it has ${this.inputs.length} inputs, more were expected`);
    return value;
  }

  int(name: string, otherwise: number): number {
    const attr = this.node.attrs.get(name);
    return attr?.kind === 'int' ? attr.value : otherwise;
  }

  float(name: string, otherwise: number): number {
    const attr = this.node.attrs.get(name);
    return attr?.kind === 'float' || attr?.kind === 'int' ? attr.value : otherwise;
  }

  bool(name: string, otherwise = false): boolean {
    const attr = this.node.attrs.get(name);
    return attr?.kind === 'bool' ? attr.value : otherwise;
  }

  text(name: string, otherwise: string): string {
    const attr = this.node.attrs.get(name);
    return attr?.kind === 'string' ? attr.value : otherwise;
  }

  dtype(name: string, otherwise: DType): DType {
    const attr = this.node.attrs.get(name);
    if (attr?.kind !== 'type') return otherwise;
    const number = (DTYPE_NUMBERS as Readonly<Record<string, number>>)[attr.value];
    const dtype = number === undefined ? null : dtypeFromNumber(number);
    if (dtype === null) throw this.problem(`tensors of ${attr.value} are not supported`);
    return dtype;
  }

  /** Empty when it is not there. */
  ints(name: string): readonly number[] {
    const attr = this.node.attrs.get(name);
    return attr?.kind === 'list' ? attr.values.flatMap((value) => (value.kind === 'int' ? [value.value] : [])) : [];
  }

  /** Empty when it is not there. */
  texts(name: string): readonly string[] {
    const attr = this.node.attrs.get(name);
    return attr?.kind === 'list' ? attr.values.flatMap((value) => (value.kind === 'string' ? [value.value] : [])) : [];
  }

  /** Whole numbers that have to be known now.
   * @param what they are, for the message
   * @throws {ConfigError} when they are computed while it runs */
  constantInts(index: number, what: string): readonly number[] {
    const { ints } = this.input(index);
    if (ints === null || ints.some((value) => value === null)) throw this.problem(`its ${what} are computed while it runs: only constant ones are supported`);
    return ints as readonly number[];
  }

  constantInt(index: number, what: string): number {
    const [value, ...more] = this.constantInts(index, what);
    if (value === undefined || more.length > 0) throw this.problem(`expected one number for its ${what}`);
    return value;
  }

  /** The rank of an input.
   * @throws {ConfigError} when it is not known */
  rank(index: number): number {
    const { shape } = this.input(index);
    if (shape === null) throw this.problem('the number of axes of its input is not known');
    return shape.length;
  }

  /** An axis counted from the front.
   * @throws {ConfigError} when there is none such */
  axis(value: number, rank: number): number {
    const axis = value < 0 ? value + rank : value;
    if (!Number.isInteger(axis) || axis < 0 || axis >= rank) throw this.problem(`axis ${value} of a value with ${rank} axes`);
    return axis;
  }

  /** What is wrong with this node. */
  problem(message: string): ConfigError {
    return graphProblem(null, `${this.node.op} ${this.node.name}`, message);
  }
}
