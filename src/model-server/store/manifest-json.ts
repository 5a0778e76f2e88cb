import { z } from 'zod';
import { ConfigError } from '../../core/errors.js';
import type { SignatureDef, TensorInfo } from '../../serving/metadata-messages.js';
import { recipeSchema } from './recipe-schema.js';
import type { ServableManifest } from './servable-manifest.js';

/** Name of a servable's manifest in its version folder. */
export const MANIFEST_FILE = 'servable.json';

/** A file in the folder or below it: no absolute path, no `..`, no hidden file. */
const PLAIN_NAME = /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*$/u;
const MAX_DIMENSIONS = 32;
const MAX_TENSORS = 1_000;

const text = z.string({ error: 'expected a text' });
const fileName = z.string({ error: 'expected a file name, or null' }).regex(PLAIN_NAME, { error: 'expected the name of a file inside the folder' }).nullable();

const tensorInfo: z.ZodType<TensorInfo> = z.object({
  name: text,
  dtype: text,
  shape: z.array(z.number({ error: 'expected sizes, -1 where unknown' }).int({ error: 'expected whole sizes, -1 where unknown' }).min(-1, { error: 'expected sizes, -1 where unknown' }), { error: 'expected a list of sizes, or null' }).max(MAX_DIMENSIONS, { error: `expected at most ${String(MAX_DIMENSIONS)} sizes` }).nullable(),
}, { error: 'expected name, dtype and shape' });

const tensors = z
  .record(z.string(), tensorInfo, { error: 'expected tensors by their names' })
  .refine((found) => Object.keys(found).length <= MAX_TENSORS, { error: `expected at most ${String(MAX_TENSORS)} tensors` })
  .transform((found): ReadonlyMap<string, TensorInfo> => new Map(Object.entries(found)));

const signature: z.ZodType<SignatureDef> = z.object({ inputs: tensors, outputs: tensors, methodName: text }, { error: 'expected inputs, outputs and methodName' });

const side = z.number({ error: 'expected a number of pixels' }).int({ error: 'expected whole pixels' }).min(1, { error: 'expected pixels > 0' });

const manifestSchema: z.ZodType<ServableManifest> = z.object({
  format: z.literal(1, { error: 'expected 1: it was written by a newer sightline, take that one or export the model again' }),
  kind: z.enum(['detection', 'classification', 'other'], { error: 'expected detection, classification or other' }),
  source: z.object({ name: text, kind: z.enum(['tfjs', 'frozen-graph', 'onnx', 'saved-model'], { error: 'expected tfjs, frozen-graph, onnx or saved-model' }), sha256: text.regex(/^[0-9a-f]{64}$/u, { error: 'expected a SHA-256, 64 hex digits' }) }, { error: 'expected name, kind and sha256' }),
  producer: text,
  signature,
  inputSize: z.object({ widthPx: side, heightPx: side }, { error: 'expected widthPx and heightPx, or null' }).nullable(),
  recipe: recipeSchema.nullable(),
  files: z.object({ onnx: fileName, tfjs: fileName, savedModel: z.boolean({ error: 'expected true or false' }), labels: fileName }, { error: 'expected onnx, tfjs, savedModel and labels' }),
}, { error: 'expected a mapping: the manifest of a servable' });

/** Writes a manifest as JSON, indented for people. */
export function formatManifest(manifest: ServableManifest): string {
  return `${JSON.stringify(manifestToJson(manifest), null, 2)}\n`;
}

/** A manifest as plain data that JSON and messages between processes can carry. */
export function manifestToJson(manifest: ServableManifest): Readonly<Record<string, unknown>> {
  const { inputs, outputs, methodName } = manifest.signature;
  return { ...manifest, signature: { inputs: Object.fromEntries(inputs), outputs: Object.fromEntries(outputs), methodName } };
}

/** Reads a manifest from JSON; keys that it does not know are passed over.
 * @param file for messages
 * @throws {ConfigError} with every defect, one line each */
export function parseManifest(json: string, file: string): ServableManifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new ConfigError([{ file, path: '', message: 'is not JSON: export the model again with sightline model export' }]);
  }
  return manifestFromJson(value, file);
}

/** Reads a manifest from plain data.
 * @param file for messages
 * @throws {ConfigError} with every defect, one line each */
export function manifestFromJson(value: unknown, file: string): ServableManifest {
  const result = manifestSchema.safeParse(value);
  if (result.success) return result.data;
  throw new ConfigError(result.error.issues.map(({ path, message }) => ({ file, path: path.map(String).join('.'), message })));
}
