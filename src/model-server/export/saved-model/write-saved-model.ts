import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../../core/errors.js';
import { signatureDefProto, type SignatureDef } from '../../../serving/metadata-messages.js';
import { encodeMessage } from '../../../serving/proto-root.js';
import type { Recipe } from '../../store/recipe.js';
import type { TfGraph } from '../graph/tf-graph.js';
import { composeGraphDef } from './compose-graph-def.js';
import { DEFAULT_SIGNATURE, SAVED_MODEL_FILE, SERVE_TAG } from './saved-model-names.js';

const SCHEMA_VERSION = 1;
/** Version of graphs as TensorFlow 2.3 wrote them, which has all operators used here; later ones read it. */
const PRODUCER_VERSION = 440;
const TENSORFLOW_VERSION = '2.3.0';
/** A protobuf message is at most so long. */
const MAX_BYTES = 2 ** 31 - 1;

/** Writes a graph as a SavedModel that TensorFlow Serving serves: `saved_model.pb` in `folder`, weights in it as constants, pre- and post-processing as operators of TensorFlow; any number
 * of pictures of any size.
 * @returns its signature `serving_default`
 * @throws {ConfigError} when TensorFlow could not run the graph, or the recipe is one that is only there for ONNX */
export async function writeSavedModel(graph: TfGraph, recipe: Recipe, folder: string): Promise<SignatureDef> {
  const { nodes, signature } = composeGraphDef(graph, recipe);
  const bytes = encodeMessage('tensorflow.SavedModel', {
    savedModelSchemaVersion: SCHEMA_VERSION,
    metaGraphs: [
      {
        metaInfoDef: { tags: [SERVE_TAG], tensorflowVersion: TENSORFLOW_VERSION, strippedDefaultAttrs: true },
        graphDef: { node: nodes, versions: { producer: PRODUCER_VERSION } },
        signatureDef: { [DEFAULT_SIGNATURE]: signatureDefProto(signature) },
      },
    ],
  });
  if (bytes.length > MAX_BYTES) {
    throw new ConfigError([{ file: null, path: '', message: `cannot be written as a SavedModel: it would have ${String(bytes.length)} bytes, and 2 GiB is the most that one can have with its weights inside` }]);
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, SAVED_MODEL_FILE), bytes);
  return signature;
}
