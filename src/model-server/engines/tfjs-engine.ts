import type { EngineName } from './engine.js';
import type { Graph, GraphEngine, GraphFiles, GraphTensor } from './graph.js';

/** A tensor of TensorFlow.js. */
export type TfjsTensor = { readonly shape: readonly number[]; data(): Promise<ArrayLike<number>>; dispose(): void };

type TfjsTensorInfo = { readonly name: string; readonly shape?: readonly number[] | undefined; readonly dtype: string };

/** A graph model of TensorFlow.js. */
export type TfjsGraphModel = {
  readonly inputs: readonly TfjsTensorInfo[];
  readonly outputs: readonly TfjsTensorInfo[];
  execute(inputs: Record<string, TfjsTensor>, outputs: string[]): TfjsTensor | TfjsTensor[];
  executeAsync(inputs: Record<string, TfjsTensor>, outputs: string[]): Promise<TfjsTensor | TfjsTensor[]>;
  dispose(): void;
};

/** What is used of TensorFlow.js; the same in `@tensorflow/tfjs-core` with the converter and in `@tensorflow/tfjs-node`. */
export type TfjsModule = {
  readonly version: string;
  tensor(values: Float32Array, shape: number[], dtype: 'float32' | 'int32'): TfjsTensor;
  memory(): { readonly numTensors: number };
  loadGraphModel(handler: { load: () => Promise<unknown> }): Promise<TfjsGraphModel>;
};

/** An engine on top of any TensorFlow.js. */
export class TfjsEngine implements GraphEngine {
  readonly name: EngineName;
  readonly version: string;
  readonly #tf: TfjsModule;

  constructor(name: EngineName, tf: TfjsModule) {
    this.name = name;
    this.version = tf.version;
    this.#tf = tf;
  }

  async load(files: GraphFiles): Promise<Graph> {
    const { manifest, weights } = files;
    const artifacts = {
      modelTopology: manifest.modelTopology,
      ...(manifest.signature === undefined ? {} : { signature: manifest.signature }),
      weightSpecs: manifest.weightsManifest.flatMap((group) => group.weights),
      weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
    };
    return new TfjsGraph(this.#tf, await this.#tf.loadGraphModel({ load: () => Promise.resolve(artifacts) }));
  }

  tensorCount(): number {
    return this.#tf.memory().numTensors;
  }
}

class TfjsGraph implements Graph {
  readonly inputs: Graph['inputs'];
  readonly outputNames: readonly string[];
  readonly #tf: TfjsModule;
  readonly #model: TfjsGraphModel;
  /** Graphs with control flow or shapes that depend on values run asynchronously only; TensorFlow.js tells on the first run. */
  #isAsync = false;
  #closed = false;

  constructor(tf: TfjsModule, model: TfjsGraphModel) {
    this.#tf = tf;
    this.#model = model;
    this.inputs = model.inputs.map(({ name, dtype, shape }) => ({ name, dtype, shape: shape ?? null }));
    this.outputNames = model.outputs.map((output) => output.name);
  }

  async run(inputName: string, input: GraphTensor, outputNames: readonly string[]): Promise<GraphTensor[]> {
    const dtype = this.inputs.find(({ name }) => name === inputName)?.dtype === 'int32' ? 'int32' : 'float32';
    const tensor = this.#tf.tensor(input.data, [...input.shape], dtype);
    let outputs: TfjsTensor[] = [];
    try {
      const answer = await this.#execute({ [inputName]: tensor }, [...outputNames]);
      outputs = Array.isArray(answer) ? answer : [answer];
      return await Promise.all(outputs.map(async (output) => ({ shape: [...output.shape], data: Float32Array.from(await output.data()) })));
    } finally {
      tensor.dispose();
      for (const output of outputs) output.dispose();
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#model.dispose();
  }

  async #execute(inputs: Record<string, TfjsTensor>, outputNames: string[]): Promise<TfjsTensor | TfjsTensor[]> {
    if (this.#isAsync) return this.#model.executeAsync(inputs, outputNames);
    try {
      return this.#model.execute(inputs, outputNames);
    } catch (error) {
      if (!(error instanceof Error) || !error.message.includes('executeAsync')) throw error;
      this.#isAsync = true;
      return this.#model.executeAsync(inputs, outputNames);
    }
  }
}
