import { beforeAll, describe, expect, test } from 'vitest';
import { ModelOutputError } from '../../src/core/errors.js';
import { DTYPE_NUMBERS } from '../../src/serving/dtypes.js';
import { predictRequestCodec } from '../../src/serving/predict-messages.js';
import { encodePredictRequest } from '../../src/serving/predict-request-writer.js';
import { readPredictResponse } from '../../src/serving/predict-response-reader.js';
import { decodeTensor, decodeTensorMessage, encodeTensor, type TensorForm, type TensorProto } from '../../src/serving/tensor-codec.js';
import { readTensorProto } from '../../src/serving/tensor-reader.js';
import { MESSAGE_CASES } from './message-cases.js';
import { askPython } from './python.js';
import { describeTensor, TENSOR_CASES, type TensorDescription } from './tensor-cases.js';

/** Messages are in hex. */
type Answers = {
  readonly dtypes: Readonly<Record<string, number>>;
  /** Messages that hold all tensors, by the form they are written in. */
  readonly written: Readonly<Record<string, { readonly request: string; readonly response: string }>>;
  /** What a tensor was read as: by who wrote the request, the tensor's name, and who read it. */
  readonly read: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, TensorDescription>>>>>>;
  /** In the order of the questions. */
  readonly messages: readonly { readonly json: unknown; readonly bytes: string }[];
  /** A message by element type. */
  readonly unsupported: Readonly<Record<string, string>>;
};

const TENSORFLOW_FORMS = ['the runtime, as tensor_content', 'make_tensor_proto', 'values', 'values, the last repeated'];
const SIGHTLINE_WRITERS = ['client', 'library, content', 'library, values'];
const UNSUPPORTED = ['qint8', 'quint16', 'float8_e5m2', 'float8_e4m3fn', 'int4'];
const NO_TENSORS: ReadonlyMap<string, TensorProto> = new Map();

const named = TENSOR_CASES.map(({ name, tensor }) => [name, tensor] as const);

describe("Sightline's messages beside TensorFlow's own", () => {
  let answers: Answers;
  /** Tensors that TensorFlow wrote, by form, as read in answers (as the client does) and in requests (as the model server does). */
  const inResponses = new Map<string, ReadonlyMap<string, TensorProto>>();
  const inRequests = new Map<string, ReadonlyMap<string, TensorProto>>();

  beforeAll(async () => {
    answers = await askPython<Answers>('tensors.py', [], JSON.stringify(questions()));
    for (const [form, { request, response }] of Object.entries(answers.written)) {
      inRequests.set(form, predictRequestCodec.decode(Buffer.from(request, 'hex')).inputs);
      inResponses.set(form, readPredictResponse(Buffer.from(response, 'hex')).outputs);
    }
  });

  test('every element type that Sightline can name has the number that TensorFlow gives it', () => {
    // Newer releases of TensorFlow may have more.
    expect(answers.dtypes).toMatchObject(DTYPE_NUMBERS);
  });

  test.each(named)('TensorFlow reads %s as it was, whichever way Sightline writes it', (name, tensor) => {
    const same = describeTensor(tensor);
    for (const writer of SIGHTLINE_WRITERS) expect(answers.read[writer]?.[name], writer).toEqual({ 'the runtime': same, make_ndarray: same });
  });

  test.each(named)('Sightline reads %s as it was, in each form that TensorFlow writes', (name, tensor) => {
    const same = describeTensor(tensor);
    for (const form of TENSORFLOW_FORMS) {
      expect(readIn(inResponses.get(form), name), `answer, ${form}`).toEqual(same);
      expect(readIn(inRequests.get(form), name), `request, ${form}`).toEqual(same);
    }
  });

  test('the rule that the last value is repeated was at work in every element type', () => {
    const [full, short] = ['values', 'values, the last repeated'].map((form) => inResponses.get(form) ?? NO_TENSORS);
    for (const { name } of TENSOR_CASES.filter(({ tensor }) => tensor.data.length >= 24)) {
      expect(valueCount(short?.get(name)), name).toBeLessThan(valueCount(full?.get(name)));
    }
  });

  test.each(UNSUPPORTED)('tensors of %s are refused by name', (dtype) => {
    const bytes = Buffer.from(answers.unsupported[dtype] ?? '', 'hex');
    for (const read of [() => decodeTensorMessage(bytes), () => decodeTensor(readTensorProto(bytes))]) {
      expect(read).toThrow(ModelOutputError);
      expect(read).toThrow(`has the element type ${dtype},`);
    }
  });

  const numbered = MESSAGE_CASES.map((each, index) => [`${each.type} ${each.title}`, { ...each, index }] as const);

  test.each(numbered)('TensorFlow Serving reads a %s as Sightline means it', (_, { index, json }) => {
    expect(answers.messages[index]?.json).toEqual(json);
  });

  test.each(numbered)("Sightline reads TensorFlow Serving's %s as its own", (_, { index, read, expected }) => {
    expect(read(Buffer.from(answers.messages[index]?.bytes ?? '', 'hex'))).toEqual(expected);
  });
});

function questions(): object {
  const modelSpec = { name: 'ssd', version: null, versionLabel: null, signatureName: '' };
  const tensors = Object.fromEntries(TENSOR_CASES.map(({ name, tensor }) => [name, tensor]));
  const byLibrary = (form: TensorForm): Buffer => predictRequestCodec.encode({ modelSpec, inputs: new Map(TENSOR_CASES.map(({ name, tensor }) => [name, encodeTensor(tensor, form)])), outputFilter: [] });
  return {
    tensors: Object.fromEntries(TENSOR_CASES.map(({ name, tensor }) => [name, describeTensor(tensor)])),
    requests: {
      client: encodePredictRequest({ modelSpec, inputs: tensors, outputFilter: [] }).toString('hex'),
      'library, content': byLibrary('content').toString('hex'),
      'library, values': byLibrary('values').toString('hex'),
    },
    messages: MESSAGE_CASES.map(({ type, json, bytes }) => ({ type, json, bytes: bytes.toString('hex') })),
    unsupported: UNSUPPORTED,
  };
}

function readIn(tensors: ReadonlyMap<string, TensorProto> | undefined, name: string): TensorDescription | null {
  const proto = tensors?.get(name);
  return proto === undefined ? null : describeTensor(decodeTensor(proto));
}

/** Values in whichever `*_val` field has any. */
function valueCount(proto: TensorProto | undefined): number {
  return Object.entries(proto ?? {}).reduce((sum, [field, values]) => (field.endsWith('Val') ? sum + (values as ArrayLike<unknown>).length : sum), 0);
}
