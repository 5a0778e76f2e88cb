import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_SIZE, StreetScene } from '../../src/demo/street-scene.js';
import { startModelServer, type ModelServer } from '../../src/model-server/model-server.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { askPython } from './python.js';

type Output = { readonly dtype: string; readonly shape: readonly number[]; readonly values: readonly number[] };
type Prediction = { readonly name: string; readonly version: number; readonly signature: string; readonly outputs: Readonly<Record<string, Output>> };
type RpcError = { readonly code: string; readonly details: string } | null;
type Answers = {
  readonly status: readonly unknown[];
  readonly metadata: unknown;
  readonly single: Prediction;
  readonly batch: Prediction;
  readonly filtered: Prediction;
  readonly as_values: Prediction;
  readonly unknown_model: RpcError;
  readonly unknown_version: RpcError;
  readonly unknown_input: RpcError;
  readonly wrong_dtype: RpcError;
};

const STOP_SIGN = 13;
const CLOCK = 85;

describe("the embedded model server, asked by TensorFlow Serving's own Python client", () => {
  let server: ModelServer;
  let answers: Answers;

  beforeAll(async () => {
    server = await startModelServer({ port: 'auto', modelName: 'detector', modelBasePath: null, cacheDir: null, engine: 'wasm', log: createLogger({ level: 'silent', format: 'json' }) });
    answers = await ask(server, streetPicture());
  });
  afterAll(() => server.close());

  test('tells the state of its model', () => {
    expect(answers.status).toEqual([{ version: Number(server.modelVersion), state: 'AVAILABLE', code: 0 }]);
  });

  test('describes its signature', () => {
    expect(answers.metadata).toMatchObject({
      name: 'detector',
      version: Number(server.modelVersion),
      signatures: {
        serving_default: {
          method: 'tensorflow/serving/predict',
          inputs: { inputs: { dtype: 'uint8', shape: [-1, -1, -1, 3] } },
          outputs: { detection_boxes: { dtype: 'float32' }, detection_classes: { dtype: 'float32' }, detection_scores: { dtype: 'float32' }, num_detections: { dtype: 'float32', shape: [-1] } },
        },
      },
    });
  });

  test('answers in the form of the Object Detection API', () => {
    const { name, version, signature, outputs } = answers.single;
    expect({ name, version, signature }).toEqual({ name: 'detector', version: Number(server.modelVersion), signature: 'serving_default' });
    const slots = outputs['detection_scores']?.shape[1] ?? 0;
    expect(Object.fromEntries(Object.entries(outputs).map(([key, { dtype, shape }]) => [key, { dtype, shape }]))).toEqual({
      detection_boxes: { dtype: 'float32', shape: [1, slots, 4] },
      detection_classes: { dtype: 'float32', shape: [1, slots] },
      detection_scores: { dtype: 'float32', shape: [1, slots] },
      num_detections: { dtype: 'float32', shape: [1] },
    });
  });

  test('finds the clock and the stop sign of the demo street', () => {
    const { detection_scores: scores, detection_classes: classes } = answers.single.outputs;
    const found = new Set(classes?.values.filter((_, index) => (scores?.values[index] ?? 0) > 0.4));
    expect([...found]).toEqual(expect.arrayContaining([CLOCK, STOP_SIGN]));
  });

  test('answers the first of a batch as it answers it alone', () => {
    const { outputs } = answers.batch;
    expect(outputs['num_detections']?.shape).toEqual([2]);
    const alone = answers.single.outputs['detection_boxes']?.values ?? [];
    expect(alone.length).toBeGreaterThan(0);
    expect(outputs['detection_boxes']?.values.slice(0, alone.length)).toEqual(alone);
  });

  test('sends only the outputs that were asked for', () => {
    expect(Object.keys(answers.filtered.outputs)).toEqual(['num_detections']);
  });

  test('reads pixels from int_val, too', () => {
    expect(answers.as_values.outputs['num_detections']?.shape).toEqual([1]);
  });

  test.each([
    { question: 'unknown_model', code: 'NOT_FOUND', details: /no-such-model/ },
    { question: 'unknown_version', code: 'NOT_FOUND', details: /4711/ },
    { question: 'unknown_input', code: 'INVALID_ARGUMENT', details: /pixels/ },
    { question: 'wrong_dtype', code: 'INVALID_ARGUMENT', details: /float/ },
  ] as const)('refuses $question with $code', ({ question, code, details }) => {
    expect(answers[question]).toEqual({ code, details: expect.stringMatching(details) as string });
  });
});

/** A frame of the demo, as rgb24. */
function streetPicture(): Buffer {
  const { data } = new StreetScene().draw(0).getContext('2d').getImageData(0, 0, DEMO_SIZE.widthPx, DEMO_SIZE.heightPx);
  const rgb = Buffer.alloc((data.length / 4) * 3);
  for (let pixel = 0; pixel < data.length / 4; pixel++) {
    for (let channel = 0; channel < 3; channel++) rgb[pixel * 3 + channel] = data[pixel * 4 + channel] ?? 0;
  }
  return rgb;
}

function ask(server: ModelServer, picture: Buffer): Promise<Answers> {
  return askPython('client.py', [`${server.host}:${String(server.port)}`, server.modelName, String(DEMO_SIZE.widthPx), String(DEMO_SIZE.heightPx)], picture);
}
