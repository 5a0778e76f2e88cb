import type { DTypeName } from '../../../serving/dtypes.js';
import type { Tensor } from '../../../serving/tensor.js';
import { tensorAttr, typeAttr, type AttrsProto } from './attr-values.js';

/** NodeDef as it is encoded. */
export type NodeDefProto = { readonly name: string; readonly op: string; readonly input: readonly string[]; readonly attr: AttrsProto };

/** An output of a node: `node` for the first, `node:1` for the second, …, and what its elements are. */
export type TfValue = { readonly ref: string; readonly dtype: DTypeName };

/** What a node's name must look like (TensorFlow's node_def_util). */
const FORBIDDEN_CHARACTERS = /[^A-Za-z0-9_.\\/>-]/g;

/** Writes the nodes of a GraphDef, each under a name of its own. */
export class GraphDefBuilder {
  readonly nodes: NodeDefProto[] = [];
  readonly #names = new Set<string>();
  /** Control input of nodes that have no data input: inside a loop a constant must be computed in the loop. */
  #pivot: string | null = null;

  /** A name that no node has, and none gets but by `addNamed`: the one wished for, or that with a number. */
  reserve(wish: string): string {
    const valid = wish.replace(FORBIDDEN_CHARACTERS, '_').replace(/^[^A-Za-z0-9.]/, (first) => `.${first}`);
    let name = valid;
    // Names are compared as names of files are on some systems: as TensorFlow's own Python API compares them.
    for (let suffix = 1; this.#names.has(name.toLowerCase()); suffix += 1) name = `${valid}_${String(suffix)}`;
    this.#names.add(name.toLowerCase());
    return name;
  }

  /** Adds a node.
   * @param wish for its name; default: as the operation is called
   * @returns the name it got, which is its first output too */
  add(op: string, inputs: readonly string[], attrs: AttrsProto = {}, wish: string = op): string {
    return this.addNamed(this.reserve(wish), op, inputs, attrs);
  }

  /** Adds a node whose name was reserved. */
  addNamed(name: string, op: string, inputs: readonly string[], attrs: AttrsProto = {}): string {
    const input = inputs.length === 0 && this.#pivot !== null ? [`^${this.#pivot}`] : [...inputs];
    this.nodes.push({ name, op, input, attr: attrs });
    return name;
  }

  constant(tensor: Tensor, wish = 'Const'): TfValue {
    return { ref: this.add('Const', [], { dtype: typeAttr(tensor.dtype), value: tensorAttr(tensor) }, wish), dtype: tensor.dtype };
  }

  /** Lets `build` add nodes that belong into a loop.
   * @param pivot a node of the loop's body that runs in each turn */
  insideLoop<T>(pivot: string, build: () => T): T {
    this.#pivot = pivot;
    try {
      return build();
    } finally {
      this.#pivot = null;
    }
  }
}
