/** A tensor of TensorFlow.js. */
export type TfjsTensor = { readonly shape: readonly number[]; data(): Promise<ArrayLike<number>>; dispose(): void };

export type TfjsTensorInfo = { readonly name: string; readonly shape?: readonly number[] | undefined; readonly dtype: string };

/** A graph model of TensorFlow.js. */
export type TfjsGraphModel = {
  readonly inputs: readonly TfjsTensorInfo[];
  readonly outputs: readonly TfjsTensorInfo[];
  execute(inputs: Record<string, TfjsTensor>, outputs: string[]): TfjsTensor | TfjsTensor[];
  executeAsync(inputs: Record<string, TfjsTensor>, outputs: string[]): Promise<TfjsTensor | TfjsTensor[]>;
  dispose(): void;
};

/** A SavedModel in native TensorFlow. Named tensors in, named tensors out; names are the signature's. */
export type TfjsSavedModel = {
  predict(inputs: Record<string, TfjsTensor>): TfjsTensor | TfjsTensor[] | Record<string, TfjsTensor>;
  dispose(): void;
};

/** Element types of TensorFlow.js that numbers come in. */
export type TfjsDType = 'float32' | 'int32' | 'bool';

/** What is used of TensorFlow.js; the same in `@tensorflow/tfjs-core` with the converter and in `@tensorflow/tfjs-node`. */
export type TfjsModule = {
  readonly version: string;
  tensor(values: Float32Array | Int32Array | Uint8Array, shape: number[], dtype: TfjsDType): TfjsTensor;
  memory(): { readonly numTensors: number };
  loadGraphModel(handler: { load: () => Promise<unknown> }): Promise<TfjsGraphModel>;
  /** Only native TensorFlow has it. */
  readonly loadSavedModel: ((folder: string, tags: string[], signature: string) => Promise<TfjsSavedModel>) | null;
};
