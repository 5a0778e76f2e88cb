import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { packageVersion } from '../../core/package-paths.js';
import { DEFAULT_SIGNATURE_NAME } from '../../serving/model-spec.js';
import type { SignatureDef } from '../../serving/metadata-messages.js';
import { readSavedModelSignatures } from '../export/saved-model/read-signatures.js';
import { signatureKind } from './signature-kind.js';
import type { ServableManifest } from './servable-manifest.js';
import { storeProblem } from './store-problem.js';

/** What TensorFlow calls the file of a SavedModel. */
export const SAVED_MODEL_FILE = 'saved_model.pb';

/** Describes a SavedModel that lies in a folder without a manifest: it is taken as it is, for TensorFlow Serving and engines that are TensorFlow.
 * @throws {ConfigError} it cannot be read, or has no signature to call */
export async function describeSavedModel(folder: string): Promise<ServableManifest> {
  const signature = await savedModelSignature(folder);
  return {
    format: 1,
    kind: signatureKind(signature),
    source: { name: basename(folder), kind: 'saved-model', sha256: await sha256Of(join(folder, SAVED_MODEL_FILE)) },
    producer: `sightline ${packageVersion()}`,
    signature,
    inputSize: null,
    recipe: null,
    files: { onnx: null, tfjs: null, savedModel: true, labels: null },
  };
}

/** The signature that a SavedModel is called by.
 * @throws {ConfigError} it cannot be read, or has no such signature */
export async function savedModelSignature(folder: string): Promise<SignatureDef> {
  const signatures = await readSavedModelSignatures(folder);
  const signature = signatures.get(DEFAULT_SIGNATURE_NAME);
  if (signature === undefined) throw storeProblem(`${folder} has no signature ${DEFAULT_SIGNATURE_NAME}, only ${[...signatures.keys()].sort().join(', ') || 'none'}: export the SavedModel with one`);
  return signature;
}

/** SHA-256 of a file, hex. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
