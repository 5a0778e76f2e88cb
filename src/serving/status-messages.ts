import { fromModelSpecProto, toModelSpecProto, type ModelSpec, type ModelSpecProto } from './model-spec.js';
import { decodeMessage, encodeMessage, type Codec } from './proto-root.js';
import type { Int64Like } from './tensor-codec.js';

const STATE_NUMBERS = { UNKNOWN: 0, START: 10, LOADING: 20, AVAILABLE: 30, UNLOADING: 40, END: 50 } as const;

/** Life of a model version; only `AVAILABLE` ones answer. */
export type ModelVersionState = keyof typeof STATE_NUMBERS;

export type ModelVersionStatus = {
  /** Decimal digits. */
  readonly version: string;
  readonly state: ModelVersionState;
  /** gRPC's number of what went wrong, 0 for nothing. */
  readonly errorCode: number;
  readonly errorMessage: string;
};

export type GetModelStatusRequest = { readonly modelSpec: ModelSpec | null };
export type GetModelStatusResponse = { readonly versions: readonly ModelVersionStatus[] };

export type HealthCheckRequest = { readonly service: string };

const HEALTH_STATES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'] as const;
export type HealthCheckResponse = { readonly status: (typeof HEALTH_STATES)[number] };

const REQUEST = 'tensorflow.serving.GetModelStatusRequest';
const RESPONSE = 'tensorflow.serving.GetModelStatusResponse';
const HEALTH_REQUEST = 'grpc.health.v1.HealthCheckRequest';
const HEALTH_RESPONSE = 'grpc.health.v1.HealthCheckResponse';

type VersionProto = { version?: Int64Like; state?: number; status?: { errorCode?: number; errorMessage?: string } | null };

export const getModelStatusRequestCodec: Codec<GetModelStatusRequest> = {
  encode: (message) => encodeMessage(REQUEST, message.modelSpec === null ? {} : { modelSpec: toModelSpecProto(message.modelSpec) }),
  decode: (bytes) => ({ modelSpec: fromModelSpecProto(decodeMessage<{ modelSpec?: ModelSpecProto | null }>(REQUEST, bytes).modelSpec) }),
};

export const getModelStatusResponseCodec: Codec<GetModelStatusResponse> = {
  encode: (message) =>
    encodeMessage(RESPONSE, {
      modelVersionStatus: message.versions.map((entry) => ({
        version: entry.version,
        state: STATE_NUMBERS[entry.state],
        status: { errorCode: entry.errorCode, errorMessage: entry.errorMessage },
      })),
    }),
  decode: (bytes) => {
    const proto = decodeMessage<{ modelVersionStatus?: VersionProto[] }>(RESPONSE, bytes);
    return { versions: (proto.modelVersionStatus ?? []).map(fromVersionProto) };
  },
};

export const healthCheckRequestCodec: Codec<HealthCheckRequest> = {
  encode: (message) => encodeMessage(HEALTH_REQUEST, message),
  decode: (bytes) => ({ service: decodeMessage<{ service?: string }>(HEALTH_REQUEST, bytes).service ?? '' }),
};

export const healthCheckResponseCodec: Codec<HealthCheckResponse> = {
  encode: (message) => encodeMessage(HEALTH_RESPONSE, { status: HEALTH_STATES.indexOf(message.status) }),
  decode: (bytes) => ({ status: HEALTH_STATES[decodeMessage<{ status?: number }>(HEALTH_RESPONSE, bytes).status ?? 0] ?? 'UNKNOWN' }),
};

function fromVersionProto(proto: VersionProto): ModelVersionStatus {
  const found = Object.entries(STATE_NUMBERS).find(([, number]) => number === (proto.state ?? 0));
  return {
    version: (proto.version ?? 0).toString(),
    state: (found?.[0] ?? 'UNKNOWN') as ModelVersionState,
    errorCode: proto.status?.errorCode ?? 0,
    errorMessage: proto.status?.errorMessage ?? '',
  };
}
