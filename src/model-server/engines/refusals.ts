import { unsupportedRecipe } from '../recipe/unsupported-recipe.js';
import type { ServableFolder, ServableManifest } from '../store/servable-manifest.js';
import type { EngineName } from './engine.js';
import { foreignTensor } from './saved-model-servable.js';

const DETECTION_OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'];
const CLASSIFICATION_OUTPUTS = ['probabilities'];

/** Says why an engine cannot run a servable, by what lies in its folder, one line; `null`: it can. */
export function refusal(engine: EngineName, { manifest }: ServableFolder): string | null {
  switch (engine) {
    case 'onnxruntime':
      return manifest.files.onnx === null ? 'it has no model.onnx' : null;
    case 'wasm':
      return refusedGraph(manifest);
    case 'tfjs-node':
    case 'tfjs-node-gpu':
      return takesSavedModel(manifest) ? null : (refusedSavedModel(manifest) ?? refusedGraph(manifest));
  }
}

/** Whether native TensorFlow runs a servable's SavedModel, and not its graph. */
export function takesSavedModel(manifest: ServableManifest): boolean {
  return manifest.files.savedModel && foreignTensor(manifest.signature) === null;
}

/** Only where there is no graph to run instead. */
function refusedSavedModel({ files, signature }: ServableManifest): string | null {
  if (files.tfjs !== null) return null;
  if (!files.savedModel) return 'it has neither a SavedModel nor a TensorFlow.js graph';
  const foreign = foreignTensor(signature);
  return foreign === null ? null : `its ${foreign.name} is of ${foreign.dtype}, which TensorFlow.js does not have`;
}

function refusedGraph({ files, recipe, signature }: ServableManifest): string | null {
  if (files.tfjs === null) return 'it has no TensorFlow.js graph';
  if (recipe === null) return 'nothing says what goes into its graph and what comes out';
  const made = recipe.output.kind === 'classification' ? CLASSIFICATION_OUTPUTS : DETECTION_OUTPUTS;
  const more = [...signature.outputs.keys()].find((name) => !made.includes(name));
  const [input, ...others] = signature.inputs.values();
  if (input?.dtype !== 'uint8' || others.length > 0) return 'it takes something else than pictures';
  return unsupportedRecipe(recipe) ?? (more === undefined ? null : `its graph answers without ${more}`);
}
