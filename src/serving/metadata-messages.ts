import { DTYPE_NUMBERS, dtypeName, type DTypeName } from './dtypes.js';
import { fromModelSpecProto, toModelSpecProto, type ModelSpec, type ModelSpecProto } from './model-spec.js';
import { decodeMessage, encodeMessage, type Codec } from './proto-root.js';
import type { TensorShapeProto } from './tensor-codec.js';

/** An input or an output of a signature. */
export type TensorInfo = {
  /** Name inside the graph, `serving_default_input_tensor:0`; empty for sparse tensors. */
  readonly name: string;
  /** As TensorFlow names it: `uint8`, `float`, `string`, … */
  readonly dtype: string;
  /** -1 where a dimension is unknown; `null` when not even their number is known. */
  readonly shape: readonly number[] | null;
};

export type SignatureDef = {
  readonly inputs: ReadonlyMap<string, TensorInfo>;
  readonly outputs: ReadonlyMap<string, TensorInfo>;
  readonly methodName: string;
};

/** Signatures by name. */
export type SignatureDefMap = ReadonlyMap<string, SignatureDef>;

export type GetModelMetadataRequest = { readonly modelSpec: ModelSpec | null; readonly metadataFields: readonly string[] };

export type GetModelMetadataResponse = {
  readonly modelSpec: ModelSpec | null;
  /** `null` when the answer has no field `signature_def`. */
  readonly signatures: SignatureDefMap | null;
};

/** The one metadata field that TensorFlow Serving knows. */
export const SIGNATURE_DEF_FIELD = 'signature_def';
const SIGNATURE_DEF_MAP_URL = 'type.googleapis.com/tensorflow.serving.SignatureDefMap';

const REQUEST = 'tensorflow.serving.GetModelMetadataRequest';
const RESPONSE = 'tensorflow.serving.GetModelMetadataResponse';
const SIGNATURES = 'tensorflow.serving.SignatureDefMap';

type TensorInfoProto = { name?: string; dtype?: number; tensorShape?: TensorShapeProto | null };
type SignatureDefProto = { inputs?: Record<string, TensorInfoProto>; outputs?: Record<string, TensorInfoProto>; methodName?: string };
type SignaturesProto = { signatureDef?: Record<string, SignatureDefProto> };
type RequestProto = { modelSpec?: ModelSpecProto | null; metadataField?: string[] };
type ResponseProto = { modelSpec?: ModelSpecProto | null; metadata?: Record<string, { value?: Uint8Array }> };

export const getModelMetadataRequestCodec: Codec<GetModelMetadataRequest> = {
  encode: (message) => encodeMessage(REQUEST, { ...specField(message.modelSpec), metadataField: message.metadataFields }),
  decode: (bytes) => {
    const proto = decodeMessage<RequestProto>(REQUEST, bytes);
    return { modelSpec: fromModelSpecProto(proto.modelSpec), metadataFields: proto.metadataField ?? [] };
  },
};

export const getModelMetadataResponseCodec: Codec<GetModelMetadataResponse> = {
  encode: (message) =>
    encodeMessage(RESPONSE, {
      ...specField(message.modelSpec),
      metadata: message.signatures === null ? {} : { [SIGNATURE_DEF_FIELD]: { type_url: SIGNATURE_DEF_MAP_URL, value: signatureDefMapCodec.encode(message.signatures) } },
    }),
  decode: (bytes) => {
    const proto = decodeMessage<ResponseProto>(RESPONSE, bytes);
    const packed = (proto.metadata ?? {})[SIGNATURE_DEF_FIELD];
    return { modelSpec: fromModelSpecProto(proto.modelSpec), signatures: packed === undefined ? null : signatureDefMapCodec.decode(packed.value ?? Buffer.alloc(0)) };
  },
};

export const signatureDefMapCodec: Codec<SignatureDefMap> = {
  encode: (signatures) =>
    encodeMessage(SIGNATURES, {
      signatureDef: mapValues(signatures, signatureDefProto),
    }),
  decode: (bytes) => {
    return signaturesFromProto(decodeMessage<SignaturesProto>(SIGNATURES, bytes));
  },
};

/** Reads the signatures out of a MetaGraphDef, or out of those fields of it that hold them.
 * @throws {ModelOutputError} when the bytes are not one */
export function signaturesFromMetaGraph(bytes: Uint8Array): SignatureDefMap {
  return signaturesFromProto(decodeMessage<SignaturesProto>('tensorflow.MetaGraphDef', bytes));
}

function signaturesFromProto(proto: SignaturesProto): SignatureDefMap {
  return toMap(proto.signatureDef, (signature) => ({
    inputs: toMap(signature.inputs, fromTensorInfoProto),
    outputs: toMap(signature.outputs, fromTensorInfoProto),
    methodName: signature.methodName ?? '',
  }));
}


/** A signature as it is encoded, in an answer or in a SavedModel. */
export function signatureDefProto(signature: SignatureDef): object {
  return { inputs: mapValues(signature.inputs, toTensorInfoProto), outputs: mapValues(signature.outputs, toTensorInfoProto), methodName: signature.methodName };
}

function toTensorInfoProto(info: TensorInfo): TensorInfoProto {
  const dtype = Object.hasOwn(DTYPE_NUMBERS, info.dtype) ? DTYPE_NUMBERS[info.dtype as DTypeName] : DTYPE_NUMBERS.invalid;
  return { name: info.name, dtype, tensorShape: info.shape === null ? { unknownRank: true } : { dim: info.shape.map((size) => ({ size })) } };
}

function fromTensorInfoProto(proto: TensorInfoProto): TensorInfo {
  const shape = proto.tensorShape;
  const isUnknown = shape === null || shape === undefined || shape.unknownRank === true;
  return { name: proto.name ?? '', dtype: dtypeName(proto.dtype ?? 0), shape: isUnknown ? null : (shape.dim ?? []).map((dim) => Number((dim.size ?? 0).toString())) };
}

function specField(spec: ModelSpec | null): { modelSpec?: ModelSpecProto } {
  return spec === null ? {} : { modelSpec: toModelSpecProto(spec) };
}

function mapValues<V, W>(map: ReadonlyMap<string, V>, convert: (value: V) => W): Record<string, W> {
  return Object.fromEntries([...map].map(([key, value]) => [key, convert(value)]));
}

function toMap<V, W>(record: Record<string, V> | undefined, convert: (value: V) => W): Map<string, W> {
  return new Map(Object.entries(record ?? {}).map(([key, value]) => [key, convert(value)]));
}
