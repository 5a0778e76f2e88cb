import { ModelMismatchError, ServingUnavailableError } from '../../core/errors.js';
import { ServingClient, type ModelMetadata } from '../../serving/serving-client.js';
import type { ModelVersionStatus } from '../../serving/status-messages.js';
import { readLabels } from '../../detection/label-map.js';
import type { Inspection } from './inspect.js';
import { describeSignature, describeUse, formatSections, signatureData, type Section } from './inspection-text.js';
import { describeLabels } from './labels-text.js';

const DEADLINE_MS = 10_000;
/** Names that servers give a model by themselves: tensorflow_model_server, and the tensorflow/serving image. */
const DEFAULT_NAMES = ['default', 'model'];

/** Asks a running server what its model is.
 * @throws {ServingUnavailableError} nothing answers there
 * @throws {ModelMismatchError} it has no such model */
export async function inspectServer(endpoint: string, { model, labels: labelsFile }: { readonly model: string | null; readonly labels: string | null }): Promise<Inspection> {
  const labels = labelsFile === null ? null : await readLabels(labelsFile);
  const client = new ServingClient({ endpoint });
  try {
    const found = await askMetadata(client, model === null ? DEFAULT_NAMES : [model]);
    const versions = await askStatus(client, found.model.name);
    const use = describeUse(found.signatures, found.hints.inputSize);
    const sections: Section[] = [
      ['model', [`${found.model.name}, version ${found.model.version}, at ${endpoint}`]],
      ['versions', versions.map(({ version, state, errorMessage }) => `${version} ${state}${errorMessage === '' ? '' : `: ${errorMessage}`}`)],
      ...[...found.signatures].map(([name, signature]): Section => [name.length > 10 ? 'signature' : name, [name, ...describeSignature(signature)]]),
      ['use', [use.text]],
      ['hints', describeHints(found.hints)],
      ['labels', labels === null ? [] : [describeLabels(labels, labelsFile)]],
    ];
    return {
      text: formatSections(sections),
      data: {
        endpoint,
        model: found.model,
        versions,
        signatures: Object.fromEntries([...found.signatures].map(([name, signature]) => [name, signatureData(signature)])),
        use,
        hints: found.hints,
        labels: labels === null ? null : Object.fromEntries(labels),
      },
    };
  } finally {
    await client.close();
  }
}

async function askMetadata(client: ServingClient, names: readonly string[]): Promise<ModelMetadata> {
  let mismatch: ModelMismatchError | null = null;
  for (const name of names) {
    try {
      return await client.getModelMetadata({ name }, { deadlineMs: DEADLINE_MS });
    } catch (error) {
      if (!(error instanceof ModelMismatchError)) throw error;
      mismatch ??= error;
    }
  }
  throw mismatch ?? new ServingUnavailableError(`${client.endpoint} has no model`);
}

/** Not every server tells its versions. */
async function askStatus(client: ServingClient, name: string): Promise<readonly ModelVersionStatus[]> {
  return client.getModelStatus({ name }, { deadlineMs: DEADLINE_MS }).catch((error: unknown) => {
    if (error instanceof ModelMismatchError) return [];
    throw error;
  });
}

function describeHints({ inputSize, preferredBatch, maxInFlight, msPerImage }: ModelMetadata['hints']): readonly string[] {
  const parts = [
    inputSize === null ? null : `pictures of ${String(inputSize.widthPx)}x${String(inputSize.heightPx)} suit it`,
    preferredBatch === null ? null : `batches of ${String(preferredBatch)}`,
    maxInFlight === null ? null : `${String(maxInFlight)} at once`,
    msPerImage === null ? null : `${String(msPerImage)} ms a picture`,
  ].filter((part) => part !== null);
  return parts.length === 0 ? [] : [parts.join(', ')];
}
