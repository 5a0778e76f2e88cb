import { getModelMetadataRequestCodec, getModelMetadataResponseCodec, type SignatureDefMap } from '../../src/serving/metadata-messages.js';
import type { ModelSpec } from '../../src/serving/model-spec.js';
import { predictRequestCodec, predictResponseCodec } from '../../src/serving/predict-messages.js';
import { encodePredictRequest } from '../../src/serving/predict-request-writer.js';
import type { Codec } from '../../src/serving/proto-root.js';
import { getModelStatusRequestCodec, getModelStatusResponseCodec } from '../../src/serving/status-messages.js';
import { decodeTensor, encodeTensor, type TensorForm, type TensorProto } from '../../src/serving/tensor-codec.js';
import type { Tensor } from '../../src/serving/tensor.js';
import { describeTensor, type TensorDescription } from './tensor-cases.js';

/** One message: as Sightline writes and reads it, and as protobuf's own JSON names it. */
export type MessageCase = {
  readonly title: string;
  readonly type: string;
  readonly json: unknown;
  /** As Sightline writes it. */
  readonly bytes: Buffer;
  /** What Sightline reads in bytes from elsewhere, and what that has to be. */
  readonly read: (bytes: Uint8Array) => unknown;
  readonly expected: unknown;
};

const NEWEST: ModelSpec = { name: 'ssd', version: null, versionLabel: null, signatureName: '' };
const pixels: Tensor = { dtype: 'uint8', shape: [1, 1, 2, 3], data: Buffer.from([0, 1, 2, 253, 254, 255]) };
const words: Tensor = { dtype: 'string', shape: [2], data: [Buffer.from('a'), Buffer.from([0xff, 0])] };
const scores: Tensor = { dtype: 'float', shape: [1, 2], data: Float32Array.of(0.75, -0.5) };

const INPUT_JSON = { input_tensor: { dtype: 'DT_UINT8', tensor_shape: dims(1, 1, 2, 3), tensor_content: 'AAEC/f7/' } };
const WORDS_JSON = { words: { dtype: 'DT_STRING', tensor_shape: dims(2), string_val: ['YQ==', '/wA='] } };
const FILTER = ['detection_boxes', 'num_detections'];

const signatures: SignatureDefMap = new Map([
  [
    'serving_default',
    {
      inputs: new Map([['input_tensor', { name: 'serving_default_input_tensor:0', dtype: 'uint8', shape: [-1, -1, -1, 3] }]]),
      outputs: new Map([
        ['num_detections', { name: 'StatefulPartitionedCall:3', dtype: 'float', shape: [] }],
        ['raw', { name: 'StatefulPartitionedCall:4', dtype: 'half', shape: null }],
      ]),
      methodName: 'tensorflow/serving/predict',
    },
  ],
]);
const SIGNATURES_JSON = {
  '@type': 'type.googleapis.com/tensorflow.serving.SignatureDefMap',
  signature_def: {
    serving_default: {
      inputs: { input_tensor: { name: 'serving_default_input_tensor:0', dtype: 'DT_UINT8', tensor_shape: dims(-1, -1, -1, 3) } },
      outputs: {
        num_detections: { name: 'StatefulPartitionedCall:3', dtype: 'DT_FLOAT', tensor_shape: {} },
        raw: { name: 'StatefulPartitionedCall:4', dtype: 'DT_HALF', tensor_shape: { unknown_rank: true } },
      },
      method_name: 'tensorflow/serving/predict',
    },
  },
};

const STATES = ['UNKNOWN', 'START', 'LOADING', 'AVAILABLE', 'UNLOADING', 'END'] as const;
const CODES = ['CANCELLED', 'UNKNOWN', 'INVALID_ARGUMENT', 'DEADLINE_EXCEEDED', 'NOT_FOUND', 'ALREADY_EXISTS'] as const;

/** All messages that Sightline exchanges with TensorFlow Serving. */
export const MESSAGE_CASES: readonly MessageCase[] = [
  ...predictRequests('of a signature', { ...NEWEST, signatureName: 'serving_default' }, { name: 'ssd', signature_name: 'serving_default' }),
  ...predictRequests('of version 0', { ...NEWEST, version: '0' }, { name: 'ssd', version: '0' }),
  ...predictRequests('of the largest version', { ...NEWEST, version: '9223372036854775807' }, { name: 'ssd', version: '9223372036854775807' }),
  ...predictRequests('of a labelled version', { ...NEWEST, versionLabel: 'stable' }, { name: 'ssd', version_label: 'stable' }),
  predictResponse('in raw bytes', 'content', { tensor_content: 'AABAPwAAAL8=' }),
  predictResponse('in values', 'values', { float_val: [0.75, -0.5] }),
  messageCase('for the signatures', 'GetModelMetadataRequest', getModelMetadataRequestCodec, { modelSpec: NEWEST, metadataFields: ['signature_def'] }, { model_spec: { name: 'ssd' }, metadata_field: ['signature_def'] }),
  messageCase('with a signature', 'GetModelMetadataResponse', getModelMetadataResponseCodec, { modelSpec: { ...NEWEST, version: '3' }, signatures }, { model_spec: { name: 'ssd', version: '3' }, metadata: { signature_def: SIGNATURES_JSON } }),
  messageCase('without metadata', 'GetModelMetadataResponse', getModelMetadataResponseCodec, { modelSpec: { ...NEWEST, version: '3' }, signatures: null }, { model_spec: { name: 'ssd', version: '3' } }),
  messageCase('for all versions', 'GetModelStatusRequest', getModelStatusRequestCodec, { modelSpec: NEWEST }, { model_spec: { name: 'ssd' } }),
  messageCase('for one version', 'GetModelStatusRequest', getModelStatusRequestCodec, { modelSpec: { ...NEWEST, version: '12' } }, { model_spec: { name: 'ssd', version: '12' } }),
  ...STATES.map((state, index) =>
    messageCase(
      `with a version that is ${state}`,
      'GetModelStatusResponse',
      getModelStatusResponseCodec,
      { versions: [{ version: String(index + 1), state, errorCode: index + 1, errorMessage: 'why' }] },
      { model_version_status: [{ version: String(index + 1), ...(state === 'UNKNOWN' ? {} : { state }), status: { error_code: CODES[index], error_message: 'why' } }] },
    ),
  ),
];

/** Each as the client writes it, straight into memory, and as the library does. */
function predictRequests(title: string, modelSpec: ModelSpec, specJson: object): MessageCase[] {
  const inputs = { input_tensor: pixels, words };
  const expected = { modelSpec, inputs: mapTensors(new Map(Object.entries(inputs)), describeTensor), outputFilter: FILTER };
  const protos = mapTensors(new Map(Object.entries(inputs)), (tensor) => encodeTensor(tensor));
  const json = { model_spec: specJson, inputs: { ...INPUT_JSON, ...WORDS_JSON }, output_filter: FILTER };
  const read = (from: Uint8Array): unknown => {
    const message = predictRequestCodec.decode(from);
    return { ...message, inputs: mapTensors(message.inputs, decoded) };
  };
  const common = { type: 'PredictRequest', json, read, expected };
  return [
    { ...common, title, bytes: encodePredictRequest({ modelSpec, inputs, outputFilter: FILTER }) },
    { ...common, title: `${title}, written by the library`, bytes: predictRequestCodec.encode({ ...expected, inputs: protos }) },
  ];
}

function predictResponse(title: string, form: TensorForm, valueJson: object): MessageCase {
  const modelSpec = { ...NEWEST, version: '3', signatureName: 'serving_default' };
  const outputs = new Map([['detection_scores', scores]]);
  return {
    title,
    type: 'PredictResponse',
    json: { model_spec: { name: 'ssd', version: '3', signature_name: 'serving_default' }, outputs: { detection_scores: { dtype: 'DT_FLOAT', tensor_shape: dims(1, 2), ...valueJson } } },
    bytes: predictResponseCodec.encode({ modelSpec, outputs: mapTensors(outputs, (tensor) => encodeTensor(tensor, form)) }),
    read: (from) => {
      const message = predictResponseCodec.decode(from);
      return { ...message, outputs: mapTensors(message.outputs, decoded) };
    },
    expected: { modelSpec, outputs: mapTensors(outputs, describeTensor) },
  };
}

function messageCase<T>(title: string, type: string, codec: Codec<T>, message: T, json: unknown): MessageCase {
  return { title, type, json, bytes: codec.encode(message), read: (bytes) => codec.decode(bytes), expected: message };
}

function decoded(proto: TensorProto): TensorDescription {
  return describeTensor(decodeTensor(proto));
}

function mapTensors<From, To>(tensors: ReadonlyMap<string, From>, convert: (tensor: From) => To): Map<string, To> {
  return new Map([...tensors].map(([name, tensor]) => [name, convert(tensor)]));
}

/** A shape in protobuf's JSON, which writes 64-bit numbers as text. */
function dims(...sizes: readonly number[]): { dim: { size: string }[] } {
  return { dim: sizes.map((size) => ({ size: String(size) })) };
}
