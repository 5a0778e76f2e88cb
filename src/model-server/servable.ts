import { GrpcStatusError } from '../serving/grpc-server.js';
import { GrpcStatus } from '../serving/grpc-status.js';
import type { ModelSpec } from '../serving/model-spec.js';

/** The one model that is served. */
export type ServableId = { readonly name: string; readonly version: string };

/** Checks that a request means this model, in TensorFlow Serving's order and words.
 * @throws {GrpcStatusError} */
export function checkServable(spec: ModelSpec | null, servable: ServableId): ModelSpec {
  const named = checkSpec(spec);
  if (named.versionLabel !== null) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, `Unrecognized servable version label: ${named.versionLabel}`);
  const isKnown = named.name === servable.name && (named.version === null || named.version === servable.version);
  if (!isKnown) throw new GrpcStatusError(GrpcStatus.NOT_FOUND, `Servable not found for request: ${named.version === null ? `Latest(${named.name})` : `Specific(${named.name}, ${named.version})`}`);
  return named;
}

/** The same for GetModelStatus, which has words of its own and takes no notice of labels.
 * @throws {GrpcStatusError} */
export function checkStatusServable(spec: ModelSpec | null, servable: ServableId): void {
  const named = checkSpec(spec);
  if (named.name !== servable.name) throw new GrpcStatusError(GrpcStatus.NOT_FOUND, `Could not find any versions of model ${named.name}`);
  if (named.version !== null && named.version !== servable.version) throw new GrpcStatusError(GrpcStatus.NOT_FOUND, `Could not find version ${named.version} of model ${named.name}`);
}

/** @throws {GrpcStatusError} when it is missing */
export function requireSpec(spec: ModelSpec | null): ModelSpec {
  if (spec === null) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, 'Missing ModelSpec');
  return spec;
}

function checkSpec(spec: ModelSpec | null): ModelSpec {
  const present = requireSpec(spec);
  if (present.name === '') throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, 'ModelSpec has no name specified.');
  return present;
}
