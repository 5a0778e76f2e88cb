/** Element types of ONNX tensors by their number on the wire (TensorProto.DataType of onnx.proto). */
export const ONNX_DTYPES = { float: 1, uint8: 2, int8: 3, uint16: 4, int16: 5, int32: 6, int64: 7, string: 8, bool: 9, float16: 10, double: 11, uint32: 12, uint64: 13, bfloat16: 16 } as const;
export type OnnxDType = keyof typeof ONNX_DTYPES;

/** A constant tensor. */
export type OnnxTensor = {
  readonly name: string;
  readonly dtype: OnnxDType;
  readonly shape: readonly number[];
  /** Elements in little-endian order, row-major: what TensorProto calls `raw_data`. */
  readonly data: Uint8Array;
};

/** A value of a node's attribute. */
export type OnnxAttr =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: OnnxTensor }
  | { readonly kind: 'graph'; readonly value: OnnxGraph }
  | { readonly kind: 'ints'; readonly values: readonly number[] }
  | { readonly kind: 'floats'; readonly values: readonly number[] }
  | { readonly kind: 'strings'; readonly values: readonly string[] };

export type OnnxNode = {
  readonly name: string;
  readonly opType: string;
  /** '' is ONNX's own set. */
  readonly domain: string;
  /** Names of values; '' where an optional input is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: ReadonlyMap<string, OnnxAttr>;
};

/** A value that goes into a graph or comes out of it. */
export type OnnxValue = {
  readonly name: string;
  readonly dtype: OnnxDType;
  /** A size, the name of a size that is only known when it runs, or `null`: unknown. The whole is `null` when not even the rank is known. */
  readonly shape: readonly (number | string | null)[] | null;
};

export type OnnxGraph = {
  readonly name: string;
  /** Every node comes after those it reads from. */
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
};

export type OnnxModel = {
  readonly irVersion: number;
  readonly producerName: string;
  /** Version of each operator set by its domain; '' is ONNX's own. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly graph: OnnxGraph;
  /** `metadata_props`: Ultralytics keeps `names`, `task`, `stride`, `imgsz` there. */
  readonly metadata: ReadonlyMap<string, string>;
};
