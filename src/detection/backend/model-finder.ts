import { ClosedError, ModelMismatchError, ServingUnavailableError } from '../../core/errors.js';
import type { ModelIdentity } from '../../core/frames.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import type { ServingHints } from '../../serving/hints.js';
import type { CallOptions, ModelRef, ServingClient } from '../../serving/serving-client.js';
import type { ModelVersionStatus } from '../../serving/status-messages.js';
import { readModelPlan, type ModelPlan } from '../contract/model-plan.js';
import type { ModelWishes } from '../contract/model-wishes.js';

/** Which model is asked for. */
export type ModelSelection = {
  /** `null`: the names that TensorFlow Serving gives a model by itself are tried. */
  readonly name: string | null;
  readonly version: number | null;
  readonly versionLabel: string | null;
  readonly signature: string;
};

/** What is known of a backend that answers. */
export type FoundModel = { readonly plan: ModelPlan; readonly model: ModelIdentity; readonly hints: ServingHints };

/** What a backend says of itself: `same` model as was found, `replaced` by another version, `draining`: it wants no more work. */
export type HealthFinding = 'same' | 'replaced' | 'draining';

/** Default of tensorflow_model_server's `--model_name`, then of the tensorflow/serving image. */
const DEFAULT_MODEL_NAMES = ['default', 'model'];

/** The model as requests name it. */
export function modelRef(name: string, { version, versionLabel, signature }: ModelSelection): ModelRef {
  return { name, signatureName: signature, ...(version === null ? {} : { version: String(version) }), ...(versionLabel === null ? {} : { versionLabel }) };
}

/** Asks for the model's signature under each name that it may have.
 * @throws {ModelMismatchError} naming what the model has and what was expected
 * @throws as {@link ServingClient} */
export async function findModel(client: ServingClient, selection: ModelSelection, wishes: ModelWishes, call: CallOptions): Promise<FoundModel> {
  const names = selection.name === null ? DEFAULT_MODEL_NAMES : [selection.name];
  let mismatch: ModelMismatchError | null = null;
  for (const name of names) {
    try {
      return await askForModel(client, name, selection, wishes, call);
    } catch (error) {
      if (!(error instanceof ModelMismatchError)) throw error;
      mismatch ??= error;
    }
  }
  throw mismatch ?? new ClosedError('backend');
}

/** Asks how a backend is: by `grpc.health.v1` where that is served, by GetModelStatus, and where neither is, by the model's metadata.
 * @throws {ServingUnavailableError} the version asked for is not loaded, or nothing answers
 * @throws as {@link ServingClient} */
export async function askHealth(client: ServingClient, found: FoundModel, selection: ModelSelection, call: CallOptions): Promise<HealthFinding> {
  if ((await client.checkHealth(call)) === 'not-serving') return 'draining';
  const ref = modelRef(found.model.name, selection);
  try {
    return judgeVersions(await client.getModelStatus(ref, call), found, selection, client.endpoint);
  } catch (error) {
    if (!isUnimplemented(error)) throw error;
    const { model } = await client.getModelMetadata(ref, call);
    return model.version === found.model.version ? 'same' : 'replaced';
  }
}

/** Whether a server says by `grpc.health.v1` that it wants no work; one without that service does not. */
export async function isDraining(client: ServingClient, call: CallOptions): Promise<boolean> {
  return (await client.checkHealth(call)) === 'not-serving';
}

async function askForModel(client: ServingClient, name: string, selection: ModelSelection, wishes: ModelWishes, call: CallOptions): Promise<FoundModel> {
  const answer = await client.getModelMetadata(modelRef(name, selection), call);
  try {
    return { plan: readModelPlan(answer.signatures, selection.signature, wishes), model: answer.model, hints: answer.hints };
  } catch (error) {
    if (!(error instanceof ModelMismatchError)) throw error;
    throw new ModelMismatchError(`model ${name} at ${client.endpoint} does not fit: ${error.message}`, { cause: error });
  }
}

function judgeVersions(versions: readonly ModelVersionStatus[], { model }: FoundModel, { version, versionLabel }: ModelSelection, endpoint: string): HealthFinding {
  const available = versions.filter(({ state }) => state === 'AVAILABLE').map((each) => each.version);
  const wanted = version === null ? null : String(version);
  if (wanted === null ? available.length === 0 : !available.includes(wanted)) {
    const states = versions.map((each) => `version ${each.version} is ${each.state}`).join(', ');
    throw new ServingUnavailableError(`backend ${endpoint} has model ${model.name} not ready: ${states === '' ? 'it has no version' : states}`);
  }
  // Where a label points to is only seen in answers.
  if (wanted !== null || versionLabel !== null) return 'same';
  const newest = available.reduce((most, each) => (BigInt(each) > BigInt(most) ? each : most));
  return newest === model.version ? 'same' : 'replaced';
}

function isUnimplemented(error: unknown): boolean {
  return error instanceof ModelMismatchError && typeof error.cause === 'object' && error.cause !== null && 'code' in error.cause && error.cause.code === GrpcStatus.UNIMPLEMENTED;
}
