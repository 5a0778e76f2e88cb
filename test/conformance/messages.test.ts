import { beforeAll, describe, expect, test } from 'vitest';
import { getModelMetadataRequestCodec, getModelMetadataResponseCodec } from '../../src/serving/metadata-messages.js';
import { predictRequestCodec, predictResponseCodec } from '../../src/serving/predict-messages.js';
import { encodePredictRequest } from '../../src/serving/predict-request-writer.js';
import type { Codec } from '../../src/serving/proto-root.js';
import { getModelStatusRequestCodec, getModelStatusResponseCodec } from '../../src/serving/status-messages.js';
import { decodeTensor, decodeTensorMessage, encodeTensor, encodeTensorMessage, type TensorForm } from '../../src/serving/tensor-codec.js';
import { NUMERIC_LAYOUTS, type DType, type Tensor } from '../../src/serving/tensor.js';
import { askPython } from './python.js';

type Described = { readonly shape: readonly number[]; readonly bytes?: string; readonly strings?: readonly string[] };
type Made = Described & { readonly dtype: DType; readonly forms: Readonly<Record<TensorForm, string>>; readonly repeated: Described & { readonly message: string } };
type Answers = {
  readonly tensors: readonly (Described & { readonly dtype: string })[];
  readonly messages: readonly { readonly dict: unknown; readonly message: string }[];
  readonly made: readonly Made[];
};

const DTYPES: readonly DType[] = [...(Object.keys(NUMERIC_LAYOUTS) as DType[]), 'string'];
/** As NumPy names them. */
const NAMES: Readonly<Partial<Record<DType, string>>> = { float: 'float32', double: 'float64', half: 'float16' };
const FORMS: readonly TensorForm[] = ['content', 'values'];
const SHAPES = [[], [0], [1], [3], [2, 3]];

const ourTensors = DTYPES.flatMap((dtype) => SHAPES.flatMap((shape) => FORMS.map((form) => ({ dtype, shape, form, tensor: sampleOf(dtype, shape) }))));
const modelSpec = { name: 'detector', version: '9007199254740993', versionLabel: null, signatureName: 'serving_default' };
const labelled = { name: 'detector', version: null, versionLabel: 'stable', signatureName: '' };
const everyDtype = new Map(DTYPES.map((dtype) => [`in_${dtype}`, sampleOf(dtype, [2, 3])]));
const signatures = new Map([['serving_default', {
  inputs: new Map([['input_tensor', { name: 'serving_default_input_tensor:0', dtype: 'uint8', shape: [1, -1, -1, 3] }]]),
  outputs: new Map([['detection_boxes', { name: 'StatefulPartitionedCall:1', dtype: 'float', shape: [1, 100, 4] }], ['anything', { name: 'x:0', dtype: 'string', shape: null }]]),
  methodName: 'tensorflow/serving/predict',
}]]);

/** Messages of every kind, as we write them, with what reads them and what the official stubs have to see in them. */
const messages = [
  message('PredictRequest', encodePredictRequest({ modelSpec, inputs: Object.fromEntries(everyDtype), outputFilter: ['a', 'b'] }), predictRequestCodec, { model_spec: { name: 'detector', version: '9007199254740993', signature_name: 'serving_default' }, output_filter: ['a', 'b'] }),
  message('PredictRequest', encodePredictRequest({ modelSpec: labelled, inputs: {}, outputFilter: [] }), predictRequestCodec, { model_spec: { name: 'detector', version_label: 'stable' } }),
  message('PredictResponse', predictResponseCodec.encode({ modelSpec, outputs: new Map([...everyDtype].map(([name, tensor]) => [name, encodeTensor(tensor, 'values')])) }), predictResponseCodec, { model_spec: { name: 'detector' } }),
  message('GetModelMetadataRequest', getModelMetadataRequestCodec.encode({ modelSpec: labelled, metadataFields: ['signature_def'] }), getModelMetadataRequestCodec, { metadata_field: ['signature_def'] }),
  message('GetModelMetadataResponse', getModelMetadataResponseCodec.encode({ modelSpec, signatures }), getModelMetadataResponseCodec, { metadata: { signature_def: { '@type': 'type.googleapis.com/tensorflow.serving.SignatureDefMap' } } }),
  message('GetModelStatusRequest', getModelStatusRequestCodec.encode({ modelSpec }), getModelStatusRequestCodec, { model_spec: { version: '9007199254740993' } }),
  message('GetModelStatusResponse', getModelStatusResponseCodec.encode({ versions: [{ version: '3', state: 'AVAILABLE', errorCode: 0, errorMessage: '' }, { version: '4', state: 'END', errorCode: 5, errorMessage: 'gone' }] }), getModelStatusResponseCodec, { model_version_status: [{ version: '3', state: 'AVAILABLE' }, { version: '4', state: 'END', status: { error_code: 'NOT_FOUND', error_message: 'gone' } }] }),
];

describe("messages and TensorFlow's own stubs", () => {
  let answers: Answers;

  beforeAll(async () => {
    answers = await askPython('stubs.py', [], JSON.stringify({
      tensors: ourTensors.map(({ tensor, form }) => ({ message: encodeTensorMessage(tensor, form).toString('hex') })),
      messages: messages.map(({ type, bytes }) => ({ type, message: bytes.toString('hex') })),
      make: DTYPES.flatMap((dtype) => [[3], [2, 3], [1]].map((shape) => ({ dtype, shape }))),
    }));
  }, 120_000);

  test.each(ourTensors.map(({ dtype, shape, form }, index) => ({ dtype, shape, form, index })))('a $dtype tensor of shape $shape, as $form, is read by theirs as it is', ({ dtype, index }) => {
    const ours = ourTensors[index];
    if (ours === undefined) throw new Error('no such tensor');
    expect(answers.tensors[index]).toEqual({ dtype: NAMES[dtype] ?? dtype, ...describeTensor(ours.tensor) });
  });

  test.each(DTYPES)('%s tensors of theirs are read by ours as they are, in both forms', (dtype) => {
    const made = answers.made.filter((each) => each.dtype === dtype);
    expect(made).toHaveLength(3);
    for (const { shape, bytes, strings, forms, repeated } of made) {
      const expected = { shape, ...(bytes === undefined ? { strings } : { bytes }) };
      for (const form of FORMS) expect({ form, ...describeTensor(decodeTensorMessage(Buffer.from(forms[form], 'hex'))) }).toEqual({ form, ...expected });
      const { message: bytesOfOne, ...filled } = repeated;
      expect(describeTensor(decodeTensorMessage(Buffer.from(bytesOfOne, 'hex')))).toEqual(filled);
    }
  });

  test.each(messages.map(({ type }, index) => ({ type, index })))('a $type ($index) is understood by theirs, and what they write by ours', ({ index }) => {
    const ours = messages[index];
    const theirs = answers.messages[index];
    if (ours === undefined || theirs === undefined) throw new Error('no such message');
    expect(theirs.dict).toMatchObject(ours.sees);
    expect(normal(ours.codec.decode(Buffer.from(theirs.message, 'hex')))).toEqual(normal(ours.codec.decode(ours.bytes)));
  });
});

function message(type: string, bytes: Buffer, codec: Codec<unknown>, sees: object): { type: string; bytes: Buffer; codec: Pick<Codec<unknown>, 'decode'>; sees: object } {
  return { type, bytes, codec, sees };
}

/** Tensors by what they hold: the order of a map and the form of a tensor are free. */
function normal(decoded: unknown): unknown {
  const { inputs, outputs, ...rest } = decoded as { inputs?: ReadonlyMap<string, Parameters<typeof decodeTensor>[0]>; outputs?: ReadonlyMap<string, Parameters<typeof decodeTensor>[0]> };
  const tensors = [...(inputs ?? outputs ?? new Map<string, never>())].map(([name, proto]): [string, unknown] => [name, describeTensor(decodeTensor(proto))]);
  return { ...rest, tensors: Object.fromEntries(tensors.sort(([a], [b]) => (a < b ? -1 : 1))) };
}

function describeTensor({ shape, data }: Tensor): Described {
  if (Array.isArray(data)) return { shape, strings: (data as readonly Buffer[]).map((bytes) => bytes.toString('hex')) };
  const { buffer, byteOffset, byteLength } = data as Uint8Array;
  return { shape, bytes: Buffer.from(buffer, byteOffset, byteLength).toString('hex') };
}

function sampleOf(dtype: DType, shape: readonly number[]): Tensor {
  const count = shape.reduce((product, size) => product * size, 1);
  if (dtype === 'string') return { dtype, shape, data: Array.from({ length: count }, (_, index) => Buffer.from([index, 255, 0, index])) };
  const { array, valuesPerElement } = NUMERIC_LAYOUTS[dtype];
  const data = new array(count * valuesPerElement);
  for (let index = 0; index < data.length; index += 1) {
    const value = dtype === 'bool' ? index % 2 : dtype === 'half' || dtype === 'bfloat16' ? 0x3c00 + index * 16 : index * 7 - (dtype.startsWith('u') ? 0 : 5);
    data[index] = (data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(value) : value);
  }
  return { dtype, shape, data } as Tensor;
}
