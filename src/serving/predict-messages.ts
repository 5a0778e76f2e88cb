import { fromModelSpecProto, toModelSpecProto, type ModelSpec, type ModelSpecProto } from './model-spec.js';
import { decodeMessage, encodeMessage, type Codec } from './proto-root.js';
import type { TensorProto } from './tensor-codec.js';

/** Tensors stay as they travel: who reads them decodes them one by one and says what is wrong with which. */
export type PredictRequest = {
  readonly modelSpec: ModelSpec | null;
  readonly inputs: ReadonlyMap<string, TensorProto>;
  /** Outputs that are asked for; empty: all. */
  readonly outputFilter: readonly string[];
};

export type PredictResponse = { readonly modelSpec: ModelSpec | null; readonly outputs: ReadonlyMap<string, TensorProto> };

type PredictRequestProto = { modelSpec?: ModelSpecProto | null; inputs?: Record<string, TensorProto>; outputFilter?: string[] };
type PredictResponseProto = { modelSpec?: ModelSpecProto | null; outputs?: Record<string, TensorProto> };

const REQUEST = 'tensorflow.serving.PredictRequest';
const RESPONSE = 'tensorflow.serving.PredictResponse';

export const predictRequestCodec: Codec<PredictRequest> = {
  encode: (message) => {
    // A message in parts is their concatenation, so the tensors can be written between what the library writes.
    const spec = encodeMessage(REQUEST, message.modelSpec === null ? {} : { modelSpec: toModelSpecProto(message.modelSpec) });
    const inputs = [...message.inputs].flatMap(([name, tensor]) => inputParts(name, tensor));
    return Buffer.concat([spec, ...inputs, encodeMessage(REQUEST, { outputFilter: message.outputFilter })]);
  },
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
  decode: (bytes) => {
    const proto = decodeMessage<PredictResponseProto>(RESPONSE, bytes);
    return { modelSpec: fromModelSpecProto(proto.modelSpec), outputs: new Map(Object.entries(proto.outputs ?? {})) };
  },
};

/** Numbers of the fields that are written by hand: `PredictRequest.inputs` with the key and value of a map's entry, `TensorProto.tensor_content`. */
const INPUTS_FIELD = 2;
const KEY_FIELD = 1;
const VALUE_FIELD = 2;
const TENSOR_CONTENT_FIELD = 4;

/** One entry of `inputs`, the tensor's bytes as they lie: protobufjs grows its buffer while it writes and copies pictures three times over, 6 MB of
 * garbage for one of 512x512 (measured 2026-11). */
function inputParts(name: string, { tensorContent, ...rest }: TensorProto): Buffer[] {
  const head = encodeMessage('tensorflow.TensorProto', rest);
  const content = tensorContent === undefined || tensorContent.length === 0 ? [] : lengthDelimited(TENSOR_CONTENT_FIELD, [Buffer.from(tensorContent.buffer, tensorContent.byteOffset, tensorContent.length)]);
  return lengthDelimited(INPUTS_FIELD, [...lengthDelimited(KEY_FIELD, [Buffer.from(name)]), ...lengthDelimited(VALUE_FIELD, [head, ...content])]);
}

/** A field of wire type 2: tag, length, bytes. */
function lengthDelimited(field: number, parts: readonly Buffer[]): Buffer[] {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return [Buffer.from([field * 8 + 2, ...varint(length)]), ...parts];
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
