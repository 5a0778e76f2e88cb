import type { Size } from '../core/geometry.js';
import type { Tensor } from '../serving/tensor.js';
import type { LoadedServable } from './engines/engine.js';
import { RollingMedian } from './rolling-median.js';
import { INPUT_NAME } from './served-signature.js';
import type { ServableFolder } from './store/servable-manifest.js';

/** Runs kept for the measured time per image. */
const MEASURED_RUNS = 15;

/** A detector in memory, with the time that it takes. */
export class ServedModel {
  readonly version: string;
  /** Size of images that are not scaled; `null`: not known. */
  readonly inputSize: Size | null;
  readonly #loaded: LoadedServable;
  readonly #measuredMs = new RollingMedian(MEASURED_RUNS);

  constructor(servable: ServableFolder, loaded: LoadedServable) {
    this.version = servable.version;
    this.inputSize = servable.manifest.inputSize;
    this.#loaded = loaded;
  }

  /** Looks at one image.
   * @param pixels RGB `[height, width, 3]` */
  async detect(pixels: Uint8Array, size: Size, outputNames: readonly string[]): Promise<Map<string, Tensor>> {
    const startMs = performance.now();
    const answer = await this.#loaded.run(new Map([[INPUT_NAME, { dtype: 'uint8', shape: [1, size.heightPx, size.widthPx, 3], data: pixels }]]), outputNames);
    this.#measuredMs.push(performance.now() - startMs);
    return answer;
  }

  /** Median of the last runs, everything included, ms an image. */
  get msPerImage(): number | null {
    return this.#measuredMs.get();
  }

  /** Tensors alive in this process. */
  tensorCount(): number {
    return this.#loaded.tensorCount();
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.#loaded.close();
  }
}

/** Joins answers for one image each, of float tensors, to the answer for all. */
export function joinAnswers(answers: readonly ReadonlyMap<string, Tensor>[]): Map<string, Tensor> {
  const joined = new Map<string, Tensor>();
  for (const [name, { shape }] of answers[0] ?? []) {
    const parts = answers.map((answer) => answer.get(name)?.data as Float32Array);
    joined.set(name, { dtype: 'float', shape: [answers.length, ...shape.slice(1)], data: Float32Array.from(parts.flatMap((part) => [...part])) });
  }
  return joined;
}
