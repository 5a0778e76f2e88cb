import type { Letterbox, Size } from '../../core/geometry.js';
import { GrpcStatusError } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import type { SignatureDef } from '../../serving/metadata-messages.js';
import type { Tensor } from '../../serving/tensor.js';
import { toDetectionOutputs } from '../recipe/detection-outputs.js';
import { toDetectionRows, type DetectionRow } from '../recipe/detection-rows.js';
import type { GraphOutputs } from '../recipe/graph-outputs.js';
import { PictureInput } from '../recipe/picture-input.js';
import { readProbabilities } from '../recipe/probabilities.js';
import { detectionOutputNames, readCandidates } from '../recipe/read-candidates.js';
import type { OutputRecipe, Recipe } from '../store/recipe.js';
import { checkInputs, shapeText } from './check-inputs.js';
import { runProblem } from './engine-problems.js';
import type { LoadedServable } from './engine.js';
import type { Graph } from './graph.js';

export type GraphServableOptions = {
  readonly signature: SignatureDef;
  readonly recipe: Recipe;
  /** Pictures that the graph is given at once where the recipe leaves it open, >= 1. */
  readonly maxBatch: number;
  /** For messages. */
  readonly engineName: string;
  readonly countTensors: () => number;
};

/** A TensorFlow.js graph with what is before and after it done in JavaScript.
 *
 * Measured of the default model (CenterNet with MobileNetV3): a walking person 0.64–0.79 letterboxed, 0.30–0.63 in the same frames stretched to a square;
 * a drawn stop sign 0.82 and a drawn clock 0.75; 160–250 ms an image of any size up to 1280x720 on WebAssembly and two shared cores, 1.4 s from start to warm. */
export class GraphServable implements LoadedServable {
  readonly signature: SignatureDef;
  readonly #graph: Graph;
  readonly #options: GraphServableOptions;
  readonly #input: PictureInput;
  readonly #inputName: string;
  readonly #outputNames: readonly string[];
  /** The graph's input; calls come one at a time, so one is enough. */
  #canvas = new Float32Array(0);

  constructor(graph: Graph, options: GraphServableOptions) {
    const { input, output } = options.recipe;
    this.signature = options.signature;
    this.#graph = graph;
    this.#options = options;
    this.#input = new PictureInput(input);
    this.#inputName = [...options.signature.inputs.keys()][0] ?? '';
    this.#outputNames = output.kind === 'classification' ? [output.output] : detectionOutputNames(output);
  }

  async run(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[]): Promise<Map<string, Tensor>> {
    checkInputs(this.signature, inputs);
    const pictures = readPictures(this.#inputName, inputs.get(this.#inputName));
    try {
      const answer = await this.#answer(pictures);
      return new Map([...answer].filter(([name]) => outputNames.includes(name)));
    } catch (error) {
      throw runProblem(this.#options.engineName, error);
    }
  }

  tensorCount(): number {
    return this.#options.countTensors();
  }

  close(): Promise<void> {
    this.#graph.close();
    return Promise.resolve();
  }

  async #answer(pictures: Pictures): Promise<Map<string, Tensor>> {
    const { output } = this.#options.recipe;
    if (output.kind === 'classification') {
      const rows = await this.#look(pictures, (outputs, image) => readProbabilities(outputs, image, output));
      return new Map([['probabilities', toMatrix(rows)]]);
    }
    return toDetectionOutputs(await this.#look(pictures, (outputs, image, place) => this.#readRows(outputs, image, place, output)));
  }

  #readRows(outputs: GraphOutputs, image: number, place: Letterbox, output: Exclude<OutputRecipe, { kind: 'classification' }>): DetectionRow[] {
    return toDetectionRows(readCandidates(outputs, image, output, place.canvas), place, output.kind === 'object-detection' ? null : output.nms);
  }

  /** Runs the graph as often as it takes for all pictures, and reads what it found in each. */
  async #look<T>(pictures: Pictures, read: (outputs: GraphOutputs, image: number, place: Letterbox) => T): Promise<T[]> {
    const { batchSize, name } = this.#input.recipe;
    const step = batchSize ?? Math.min(this.#options.maxBatch, pictures.count);
    const found: T[] = [];
    for (let first = 0; first < pictures.count; first += step) {
      const count = Math.min(step, pictures.count - first);
      // A graph for a fixed number of pictures gets what was there before in the places left over.
      const places = this.#fill(pictures, first, count, batchSize ?? count);
      const shape = this.#input.shape(pictures.size, batchSize ?? count);
      const tensors = await this.#graph.run(name, { shape, data: this.#canvas }, this.#outputNames);
      const outputs: GraphOutputs = new Map(tensors.map((tensor, index) => [this.#outputNames[index] ?? '', tensor]));
      places.forEach((place, image) => found.push(read(outputs, image, place)));
    }
    return found;
  }

  #fill(pictures: Pictures, first: number, count: number, places: number): Letterbox[] {
    const valuesPerPicture = this.#input.valuesPerPicture(pictures.size);
    if (this.#canvas.length !== places * valuesPerPicture) this.#canvas = new Float32Array(places * valuesPerPicture);
    return Array.from({ length: count }, (_, index) => this.#input.fill(pictures.pixels(first + index), pictures.size, this.#canvas.subarray(index * valuesPerPicture, (index + 1) * valuesPerPicture)));
  }
}

type Pictures = { readonly count: number; readonly size: Size; pixels(index: number): Uint8Array };

function readPictures(name: string, tensor: Tensor | undefined): Pictures {
  const [count = 0, heightPx = 0, widthPx = 0, channels = 0] = tensor?.shape ?? [];
  if (tensor?.dtype !== 'uint8' || tensor.shape.length !== 4 || count < 1 || heightPx < 1 || widthPx < 1 || channels !== 3) {
    throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, `${name} has the shape ${shapeText(tensor?.shape ?? null)}: expected images as [batch, height, width, 3], each at least 1`);
  }
  const { data } = tensor;
  const bytes = heightPx * widthPx * channels;
  return { count, size: { widthPx, heightPx }, pixels: (index) => data.subarray(index * bytes, (index + 1) * bytes) };
}

function toMatrix(rows: readonly Float32Array[]): Tensor {
  const width = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, index) => data.set(row, index * width));
  return { dtype: 'float', shape: [rows.length, width], data };
}
