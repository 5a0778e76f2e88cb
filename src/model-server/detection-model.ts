import { ConfigError } from '../core/errors.js';
import type { Size } from '../core/geometry.js';
import { readDetectionRows, VALUES_PER_ROW, type DetectionRow } from './detection-rows.js';
import type { Graph, GraphEngine, GraphTensor } from './engines/graph.js';
import { letterboxPixels } from './letterbox-pixels.js';
import type { ModelFiles } from './model-files.js';
import { RollingMedian } from './rolling-median.js';

/** Runs kept for the measured time per image. */
const MEASURED_RUNS = 15;
/** The first run prepares kernels and takes almost twice the time of the others. */
const WARM_UP_RUNS = 3;
const CHANNELS = 3;

/** A detector graph behind the contract of the Object Detection API: one image of any size in, rows of detections out.
 *
 * The graph takes one image, float32 `[1, height, width, 3]`, RGB, 0–255, and answers `[1, n, 6]`: x1, y1, x2, y2 in pixels of its input, score, class index
 * among the 80 COCO classes. Of the default model (CenterNet with MobileNetV3) the scores are sigmoid outputs already, in [0, 1], and its 100 rows are
 * the 100 highest local maxima of its heat maps. Measured: a walking person 0.64–0.79 letterboxed, 0.30–0.63 in the same frames stretched to a square;
 * a drawn stop sign 0.82 and a drawn clock 0.75; 160–250 ms an image of any size up to 1280x720 on two shared cores, 1.4 s from start to warm. */
export class DetectionModel {
  readonly version: string;
  /** Size of images that are not scaled. */
  readonly inputSize: Size;
  readonly #engine: GraphEngine;
  readonly #graph: Graph;
  readonly #inputName: string;
  readonly #outputName: string;
  /** One image at a time, so one canvas is enough. */
  readonly #canvas: Float32Array;
  readonly #measuredMs = new RollingMedian(MEASURED_RUNS);

  private constructor(version: string, engine: GraphEngine, graph: Graph, contract: GraphContract) {
    this.version = version;
    this.#engine = engine;
    this.#graph = graph;
    this.inputSize = contract.inputSize;
    this.#inputName = contract.inputName;
    this.#outputName = contract.outputName;
    this.#canvas = new Float32Array(contract.inputSize.widthPx * contract.inputSize.heightPx * CHANNELS);
  }

  /** Loads a graph, finds out what it takes and gives, and warms it up.
   * @throws {ConfigError} when it is not a graph, or not a detector of this kind */
  static async load(model: ModelFiles, engine: GraphEngine): Promise<DetectionModel> {
    const graph = await engine.load(model.files).catch((error: unknown) => {
      throw problem(model, `does not load: ${error instanceof Error ? error.message : String(error)}`);
    });
    try {
      const contract = await probeContract(graph, model);
      const detector = new DetectionModel(model.version, engine, graph, contract);
      const grey = Buffer.alloc(contract.inputSize.widthPx * contract.inputSize.heightPx * CHANNELS, 114);
      for (let run = 1; run < WARM_UP_RUNS; run += 1) await detector.detect(grey, contract.inputSize);
      return detector;
    } catch (error) {
      graph.close();
      throw error;
    }
  }

  /** Looks at one image.
   * @param pixels RGB `[height, width, 3]`
   * @returns at most 100 detections, best first */
  async detect(pixels: Uint8Array, size: Size): Promise<DetectionRow[]> {
    const startMs = performance.now();
    const lb = letterboxPixels(pixels, size, this.#canvas, this.inputSize);
    const [output] = await this.#graph.run(this.#inputName, { shape: inputShape(this.inputSize), data: this.#canvas }, [this.#outputName]);
    const rows = readDetectionRows(output?.data ?? [], lb);
    this.#measuredMs.push(performance.now() - startMs);
    return rows;
  }

  /** Median of the last runs, everything included, ms an image. */
  get msPerImage(): number | null {
    return this.#measuredMs.get();
  }

  /** Tensors alive in this process. */
  tensorCount(): number {
    return this.#engine.tensorCount();
  }

  /** Idempotent. */
  close(): void {
    this.#graph.close();
  }
}

type GraphContract = { readonly inputName: string; readonly inputSize: Size; readonly outputName: string };

/** Checks the input by what the graph declares and finds the output by running it once: graphs often do not declare their outputs' shapes. */
async function probeContract(graph: Graph, model: ModelFiles): Promise<GraphContract> {
  const [input, ...others] = graph.inputs;
  if (input === undefined || others.length > 0) throw problem(model, `has ${String(graph.inputs.length)} inputs: expected one, the image`);
  const [batch, height, width, channels] = input.shape ?? [];
  if (input.shape?.length !== 4 || (batch !== 1 && batch !== -1) || !isSide(height) || !isSide(width) || channels !== CHANNELS) {
    throw problem(model, `has the input ${input.name} of shape [${input.shape?.join(',') ?? 'unknown'}]: expected [1, height, width, 3]`);
  }
  const inputSize = { widthPx: width, heightPx: height };
  const grey = new Float32Array(width * height * CHANNELS).fill(114);
  const outputs = await graph.run(input.name, { shape: inputShape(inputSize), data: grey }, graph.outputNames).catch((error: unknown): GraphTensor[] => {
    throw problem(model, `does not run: ${error instanceof Error ? error.message : String(error)}`);
  });
  const at = outputs.findIndex(({ shape }) => shape.length === 3 && shape[0] === 1 && shape[2] === VALUES_PER_ROW);
  const outputName = graph.outputNames[at];
  if (outputName === undefined) {
    const found = outputs.map(({ shape }, index) => `${graph.outputNames[index] ?? ''} [${shape.join(',')}]`);
    throw problem(model, `has no output of shape [1, n, ${String(VALUES_PER_ROW)}] (x1, y1, x2, y2, score, class), only ${found.join(', ')}`);
  }
  return { inputName: input.name, inputSize, outputName };
}

function inputShape(size: Size): number[] {
  return [1, size.heightPx, size.widthPx, CHANNELS];
}

function isSide(value: number | undefined): value is number {
  return value !== undefined && value >= 1 && value <= 4096;
}

function problem(model: ModelFiles, what: string): ConfigError {
  return new ConfigError([{ file: null, path: '--model_base_path', message: `${model.path} ${what}` }]);
}
