import type { GraphFiles } from '../store/graph-files.js';
import type { Graph, GraphTensor } from './graph.js';
import type { TfjsGraphModel, TfjsModule, TfjsTensor } from './tfjs-module.js';

/** Loads a graph model into TensorFlow.js.
 * @throws {Error} when TensorFlow.js does not take it */
export async function loadTfjsGraph(tf: TfjsModule, { manifest, weights }: GraphFiles): Promise<Graph> {
  const artifacts = {
    modelTopology: manifest.modelTopology,
    ...(manifest.signature === undefined ? {} : { signature: manifest.signature }),
    weightSpecs: manifest.weightsManifest.flatMap((group) => group.weights),
    weightData: weights.buffer.slice(weights.byteOffset, weights.byteOffset + weights.byteLength),
  };
  return new TfjsGraph(tf, await tf.loadGraphModel({ load: () => Promise.resolve(artifacts) }));
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
      return await Promise.all(outputs.map(async (output) => ({ shape: [...output.shape], data: toFloats(await output.data()) })));
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

function toFloats(values: ArrayLike<number>): Float32Array {
  return values instanceof Float32Array ? values : Float32Array.from(values);
}
