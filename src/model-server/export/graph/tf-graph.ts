import type { DType, Tensor } from '../../../serving/tensor.js';

/** An output of a node: the second output of `split` is `{ node: 'split', index: 1 }`. */
export type TfPort = { readonly node: string; readonly index: number };

/** A value of a node's attribute (AttrValue of TensorFlow). Element types are named as in {@link DType}; one that no tensor travels in is kept by its name too (`resource`, `variant`). */
export type TfAttr =
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'type'; readonly value: string }
  /** -1 where a size is unknown; `null` when not even the rank is known. */
  | { readonly kind: 'shape'; readonly value: readonly number[] | null }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'function'; readonly name: string; readonly attrs: ReadonlyMap<string, TfAttr> }
  | { readonly kind: 'list'; readonly values: readonly TfAttr[] };

/** An operation of a TensorFlow graph. */
export type TfNode = {
  readonly name: string;
  /** As TensorFlow (or TensorFlow.js: `_FusedConv2D`, `FusedDepthwiseConv2dNative`, …) calls it. */
  readonly op: string;
  /** Data inputs in order; control inputs are left out, a frozen graph computes the same without. */
  readonly inputs: readonly TfPort[];
  readonly attrs: ReadonlyMap<string, TfAttr>;
};

/** A tensor that goes into the graph or comes out of it. */
export type TfEndpoint = {
  /** As the signature calls it, else as the node. */
  readonly name: string;
  readonly port: TfPort;
  readonly dtype: DType;
  /** -1 where a size is unknown; `null` when not even the rank is known. */
  readonly shape: readonly number[] | null;
};

/** A frozen graph: weights are `Const` nodes with the attribute `value`, there are no variables. */
export type TfGraph = {
  /** By name; in an order in which every node comes after its inputs (loops excepted). */
  readonly nodes: ReadonlyMap<string, TfNode>;
  readonly inputs: readonly TfEndpoint[];
  readonly outputs: readonly TfEndpoint[];
};
