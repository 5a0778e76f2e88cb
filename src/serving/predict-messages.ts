import { fromModelSpecProto, toModelSpecProto, type ModelSpec, type ModelSpecProto } from './model-spec.js';
import { decodeMessage, encodeMessage, type Codec } from './proto-root.js';
import { readPredictResponse, type PredictResponse } from './predict-response-reader.js';
import type { TensorProto } from './tensor-codec.js';

export type { PredictResponse } from './predict-response-reader.js';

/** Tensors stay as they travel: who reads them decodes them one by one and says what is wrong with which. */
export type PredictRequest = {
  readonly modelSpec: ModelSpec | null;
  readonly inputs: ReadonlyMap<string, TensorProto>;
  /** Outputs that are asked for; empty: all. */
  readonly outputFilter: readonly string[];
};


type PredictRequestProto = { modelSpec?: ModelSpecProto | null; inputs?: Record<string, TensorProto>; outputFilter?: string[] };

const REQUEST = 'tensorflow.serving.PredictRequest';
const RESPONSE = 'tensorflow.serving.PredictResponse';

export const predictRequestCodec: Codec<PredictRequest> = {
  /** Of small messages; the client's own way is {@link encodePredictRequest}. */
  encode: (message) =>
    encodeMessage(REQUEST, {
      ...(message.modelSpec === null ? {} : { modelSpec: toModelSpecProto(message.modelSpec) }),
      inputs: Object.fromEntries(message.inputs),
      outputFilter: message.outputFilter,
    }),
  decode: (bytes) => {
    const proto = decodeMessage<PredictRequestProto>(REQUEST, bytes);
    return { modelSpec: fromModelSpecProto(proto.modelSpec), inputs: new Map(Object.entries(proto.inputs ?? {})), outputFilter: proto.outputFilter ?? [] };
  },
};

export const predictResponseCodec: Codec<PredictResponse> = {
  encode: (message) =>
    encodeMessage(RESPONSE, {
      ...(message.modelSpec === null ? {} : { modelSpec: toModelSpecProto(message.modelSpec) }),
      outputs: Object.fromEntries(message.outputs),
    }),
  decode: readPredictResponse,
};
