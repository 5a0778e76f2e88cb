/** A tensor of ONNX Runtime. */
export type OrtTensor = {
  /** `float32`, `uint8`, … */
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayBufferView | readonly string[];
  /** Idempotent; the data stays whoever's has it. */
  dispose(): void;
};

/** An input or an output as a model declares it. A name instead of a size: it is only known when it runs. */
export type OrtValueMetadata = { readonly name: string; readonly isTensor: false } | { readonly name: string; readonly isTensor: true; readonly type: string; readonly shape: readonly (number | string)[] };

/** A model in ONNX Runtime's memory. */
export type OrtSession = {
  readonly inputMetadata: readonly OrtValueMetadata[];
  readonly outputMetadata: readonly OrtValueMetadata[];
  /** Blocks the thread while it computes. */
  run(feeds: Record<string, OrtTensor>, fetches: readonly string[]): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
};

export type OrtSessionOptions = {
  readonly executionProviders: readonly string[];
  readonly intraOpNumThreads: number;
  readonly interOpNumThreads: number;
  readonly graphOptimizationLevel: 'all';
  readonly executionMode: 'sequential';
  readonly enableCpuMemArena: boolean;
  readonly enableMemPattern: boolean;
  readonly logSeverityLevel: 0 | 1 | 2 | 3 | 4;
  readonly extra: { readonly session: { readonly intra_op: { readonly allow_spinning: '0' | '1' } } };
};

/** What is used of `onnxruntime-node`. */
export type OrtModule = {
  readonly env: { logLevel?: string; readonly versions: { readonly common: string; readonly node?: string } };
  readonly InferenceSession: { create(model: string | Uint8Array, options: Partial<OrtSessionOptions>): Promise<OrtSession> };
  readonly Tensor: new (type: string, data: ArrayBufferView | readonly string[], dims: readonly number[]) => OrtTensor;
  listSupportedBackends(): readonly { readonly name: string; readonly bundled: boolean }[];
};

/** Takes what an import gave for ONNX Runtime.
 * @throws {Error} when it is something else */
export function asOrtModule(imported: unknown): OrtModule {
  const namespace = imported as { default?: unknown };
  const ort = (namespace.default ?? namespace) as Partial<OrtModule>;
  const isOrt = typeof ort.InferenceSession?.create === 'function' && typeof ort.Tensor === 'function' && typeof ort.listSupportedBackends === 'function' && typeof ort.env === 'object';
  if (!isOrt) throw new Error('it does not look like ONNX Runtime');
  return ort as OrtModule;
}
