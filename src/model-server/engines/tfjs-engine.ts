import { join } from 'node:path';
import type { ServableFolder } from '../store/servable-manifest.js';
import { oneLine, servableProblem } from './engine-problems.js';
import type { Engine, EngineName, LoadedServable } from './engine.js';
import { readGraphFiles } from '../store/graph-files.js';
import { GraphServable } from './graph-servable.js';
import { completeRecipe } from './probe-graph.js';
import { refusal, takesSavedModel } from './refusals.js';
import { SavedModelServable } from './saved-model-servable.js';
import { loadTfjsGraph } from './tfjs-graph.js';
import type { TfjsModule } from './tfjs-module.js';
import { warmUp } from './warm-up.js';

/** Pictures that a graph which takes any number is given at once: a batch keeps native TensorFlow's threads busy; on WebAssembly, which has one, it costs memory and gains nothing. */
const NATIVE_BATCH = 8;

/** TensorFlow.js: native TensorFlow runs a servable's SavedModel where it has one, being complete, and else its graph, as WebAssembly does. */
export class TfjsEngine implements Engine {
  readonly name: Exclude<EngineName, 'onnxruntime'>;
  readonly version: string;
  readonly device: string;
  readonly #tf: TfjsModule;

  constructor(name: Exclude<EngineName, 'onnxruntime'>, tf: TfjsModule, device: string) {
    this.name = name;
    this.version = tf.version;
    this.device = device;
    this.#tf = tf;
  }

  refuses(servable: ServableFolder): string | null {
    return refusal(this.name, servable);
  }

  async load(servable: ServableFolder): Promise<LoadedServable> {
    const reason = this.refuses(servable);
    if (reason !== null) throw servableProblem(servable.path, `does not run on ${this.name}: ${reason}`);
    const { manifest, path } = servable;
    const { loadSavedModel } = this.#tf;
    if (loadSavedModel !== null && takesSavedModel(manifest)) return this.#loadSavedModel(servable, loadSavedModel);
    if (manifest.files.tfjs === null || manifest.recipe === null) throw servableProblem(path, `does not run on ${this.name}: it has no graph`);
    const file = join(path, manifest.files.tfjs);
    const files = await readGraphFiles(file);
    const graph = await loadTfjsGraph(this.#tf, files).catch((error: unknown) => {
      throw servableProblem(file, `does not load: ${oneLine(error)}`);
    });
    try {
      const recipe = await completeRecipe(graph, manifest.recipe, file);
      const loaded = new GraphServable(graph, {
        signature: manifest.signature,
        recipe,
        maxBatch: this.name === 'wasm' ? 1 : NATIVE_BATCH,
        engineName: this.name,
        countTensors: () => this.#tf.memory().numTensors,
      });
      return await warmUp(loaded, { ...manifest, inputSize: recipe.input.size }, file);
    } catch (error) {
      graph.close();
      throw error;
    }
  }

  async #loadSavedModel({ path, manifest }: ServableFolder, load: NonNullable<TfjsModule['loadSavedModel']>): Promise<LoadedServable> {
    const model = await load(path, ['serve'], 'serving_default').catch((error: unknown) => {
      throw servableProblem(path, `does not load as a SavedModel: ${oneLine(error)}`);
    });
    return warmUp(new SavedModelServable(this.#tf, model, manifest.signature, this.name), manifest, path);
  }
}
