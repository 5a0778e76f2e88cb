import { ConfigError } from '../../../core/errors.js';

/** An input or an output of a graph of any format. */
export type Endpoint = {
  readonly name: string;
  /** As TensorFlow or as ONNX names it: `float`, `half` or `float16`, `uint8`, … */
  readonly dtype: string;
  /** -1, a name or `null` where a size is unknown; the whole is `null` when not even the rank is known. */
  readonly shape: readonly (number | string | null)[] | null;
  /** Operator that computes an output (`Softmax`, `Sigmoid`, …), where the format tells. */
  readonly op?: string;
};

/** What is known of a graph. */
export type GraphEndpoints = {
  readonly inputs: readonly Endpoint[];
  readonly outputs: readonly Endpoint[];
  /** Of ONNX, `metadata_props`; else empty. */
  readonly metadata: ReadonlyMap<string, string>;
};

/** `images float [1, 3, 640, 640]`. */
export function describe(endpoint: Endpoint): string {
  const { name, dtype, shape } = endpoint;
  return `${name} ${dtype} ${shape === null ? 'of unknown shape' : `[${shape.map((_, axis) => sizeOf(endpoint, axis) ?? '?').join(', ')}]`}`;
}

/** `a float [1], b float [2]`. */
export function describeAll(endpoints: readonly Endpoint[]): string {
  return endpoints.length === 0 ? 'none' : endpoints.map(describe).join(', ');
}

/** The size of an axis; `null` where it or the rank is unknown. Negative axes count from the end. */
export function sizeOf({ shape }: Endpoint, axis: number): number | null {
  const size = shape?.at(axis);
  return typeof size === 'number' && size >= 0 ? size : null;
}

/** What a graph is could not be seen. */
export function recognitionProblem(path: string, message: string): ConfigError {
  return new ConfigError([{ file: null, path, message }]);
}
