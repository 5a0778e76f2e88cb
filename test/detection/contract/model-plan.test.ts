import { describe, expect, it } from 'vitest';
import { ModelMismatchError } from '../../../src/core/errors.js';
import { describePlan, readModelPlan, type ModelPlan } from '../../../src/detection/contract/model-plan.js';
import { NO_WISHES, type BoxesMapping, type ModelWishes, type OutputMapping } from '../../../src/detection/contract/model-wishes.js';
import type { SignatureDefMap, TensorInfo } from '../../../src/serving/metadata-messages.js';

const OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'];
type Infos = Readonly<Record<string, Partial<TensorInfo>>>;
const OBJECT_DETECTION: Infos = Object.fromEntries(OUTPUTS.map((name) => [name, {}]));
const IMAGES: Infos = { inputs: {} };

function signatures(inputs: Infos, outputs: Infos = OBJECT_DETECTION, name = 'serving_default'): SignatureDefMap {
  const infos = (partials: Infos, basis: Partial<TensorInfo>): Map<string, TensorInfo> => new Map(Object.entries(partials).map(([key, partial]) => [key, { name: 'x:0', dtype: 'uint8', shape: null, ...basis, ...partial }]));
  return new Map([[name, { inputs: infos(inputs, { shape: [-1, -1, -1, 3] }), outputs: infos(outputs, { dtype: 'float' }), methodName: 'tensorflow/serving/predict' }]]);
}

const plan = (inputs: Infos, outputs?: Infos, wishes: Partial<ModelWishes> = {}): ModelPlan => readModelPlan(signatures(inputs, outputs), 'serving_default', { ...NO_WISHES, ...wishes });
const describeAt = (found: ModelPlan): string => describePlan(found, { frameSize: { widthPx: 640, heightPx: 480 }, maxBatchSize: 8, maxInFlightBatches: 2 });
const BOXES: BoxesMapping = { kind: 'boxes', boxes: 'b', boxFormat: 'xyxy', boxUnits: 'pixels', scores: 's', classes: null, count: null, classOffset: null, nms: null };

describe('the input of a plan', () => {
  it('is any number of pictures of any size for a TF1 Object Detection API export', () => {
    const found = plan(IMAGES);
    expect(found).toEqual({
      signatureName: 'serving_default',
      input: { name: 'inputs', kind: 'uint8', layout: 'nhwc', normalization: 'none', fixedBatchSize: null, fixedInputSize: null },
      output: { kind: 'object-detection', masks: false, keypoints: 'none' },
      outputNames: OUTPUTS,
    });
    expect(describeAt(found)).toBe('object detector, input inputs (uint8), any batch size (up to 8 sent, 2 at once), frames sent at 640x480');
  });

  it('is one picture at a time for a TF2 export, and the line says so', () => {
    const found = plan({ input_tensor: { shape: [1, -1, -1, 3] } }, { ...OBJECT_DETECTION, raw_detection_boxes: {} });
    expect(found.input).toMatchObject({ name: 'input_tensor', fixedBatchSize: 1 });
    expect(found.outputNames).toEqual(OUTPUTS);
    expect(describeAt(found)).toBe('object detector, input input_tensor (uint8), batch size fixed at 1 (single calls, 2 at once), frames sent at 640x480');
  });

  it.each<[string, Partial<TensorInfo>, Partial<ModelPlan['input']>]>([
    ['a fixed size, height first', { shape: [-1, 480, 640, 3] }, { layout: 'nhwc', fixedInputSize: { widthPx: 640, heightPx: 480 } }],
    ['channels first', { shape: [-1, 3, 480, 640] }, { layout: 'nchw', fixedInputSize: { widthPx: 640, heightPx: 480 } }],
    ['channels first in any size', { shape: [2, 3, -1, -1] }, { layout: 'nchw', fixedInputSize: null, fixedBatchSize: 2 }],
    ['pictures three pixels high with channels last', { shape: [-1, 3, -1, 3] }, { layout: 'nhwc', fixedInputSize: { widthPx: 3, heightPx: 3 } }],
    ['one free side, made as long as the other', { shape: [-1, -1, 640, 3] }, { fixedInputSize: { widthPx: 640, heightPx: 640 } }],
    ['no shape at all', { shape: null }, { layout: 'nhwc', fixedBatchSize: null, fixedInputSize: null }],
    ['nothing but four dimensions', { shape: [-1, -1, -1, -1] }, { layout: 'nhwc', fixedBatchSize: null, fixedInputSize: null }],
    ['encoded pictures', { dtype: 'string', shape: [1] }, { kind: 'jpeg', fixedBatchSize: 1, fixedInputSize: null }],
    ['any number of encoded pictures', { dtype: 'string', shape: null }, { kind: 'jpeg', fixedBatchSize: null }],
    ['floats, which the Object Detection API normalises itself', { dtype: 'float' }, { kind: 'float', normalization: 'none' }],
  ])('may be %s', (_what, info, expected) => {
    expect(plan({ images: info }).input).toMatchObject(expected);
  });

  it('of floats is normalised as a wish says, else to 0 to 1 for models of other frameworks', () => {
    const yolo: Infos = { output0: { shape: [-1, 84, 8400] } };
    expect(plan({ images: { dtype: 'float' } }, yolo).input.normalization).toBe('zero-to-one');
    expect(plan({ images: { dtype: 'float' } }, { probs: { shape: [-1, 1000] } }).input.normalization).toBe('zero-to-one');
    expect(plan({ images: { dtype: 'float' } }, yolo, { input: { normalization: 'imagenet' } }).input.normalization).toBe('imagenet');
    expect(plan({ images: { dtype: 'uint8' } }, yolo, { input: { normalization: 'imagenet' } }).input.normalization).toBe('none');
  });

  it.each<[string, SignatureDefMap, RegExp]>([
    ['another signature', signatures(IMAGES, OBJECT_DETECTION, 'predict'), /no signature serving_default, only predict$/],
    ['no input', signatures({}), /takes 0 inputs \(none\): expected one/],
    ['two inputs', signatures({ b: {}, a: {} }), /takes 2 inputs \(a, b\): expected one/],
    ['half precision', signatures({ images: { dtype: 'half' } }), /input images \(half \[-1, -1, -1, 3\]\) is not uint8, float or string: expected images as/],
    ['a vector', signatures({ x: { shape: [-1] } }), /is not a batch of images: expected images as uint8 or float \[batch, height, width, 3\]/],
    ['one encoded picture without a batch', signatures({ x: { dtype: 'string', shape: [] } }), /is not a batch of encoded images/],
    ['grey pictures', signatures({ x: { shape: [-1, -1, -1, 1] } }), /does not have 3 channels/],
    ['empty pictures', signatures({ x: { shape: [-1, 0, 640, 3] } }), /holds no picture/],
    ['pictures larger than any memory', signatures({ x: { shape: [-1, 1_000_000, 1_000_000, 3] } }), /more than 256 MiB a request/],
  ])('is not %s, and one line says why', (_what, map, message) => {
    expectMismatch(() => readModelPlan(map, 'serving_default', NO_WISHES), message);
  });
});

describe('the outputs of a plan', () => {
  it('are recognised: masks and keypoints of the Object Detection API', () => {
    const found = plan(IMAGES, { ...OBJECT_DETECTION, detection_masks: {}, detection_keypoints: {}, detection_keypoint_scores: {}, raw_detection_scores: {} });
    expect(found.outputNames).toEqual([...OUTPUTS, 'detection_masks', 'detection_keypoints', 'detection_keypoint_scores']);
    expect(describeAt(found)).toMatch(/^object detector with masks and keypoints, input inputs/);
    expect(plan(IMAGES, { ...OBJECT_DETECTION, detection_keypoints: {} }).outputNames).toEqual([...OUTPUTS, 'detection_keypoints']);
  });

  it.each([[[-1, 84, 8400]], [[1, 8400, 84]], [[-1, -1, -1]], [[1, 300, 6]]])('are recognised: the only one of shape %j is a YOLO head', (shape) => {
    const found = plan({ images: { dtype: 'float', shape: [1, 3, 640, 640] } }, { output0: { shape } });
    expect(found).toMatchObject({ output: { kind: 'yolo', output: 'output0', nms: 0.7 }, outputNames: ['output0'] });
    expect(describeAt(found)).toBe('object detector (YOLO, output output0), input images (float 0 to 1, channels first), batch size fixed at 1 (single calls, 2 at once), frames sent at 640x480 (fixed)');
  });

  it('are recognised: the only one of two dimensions is a classification', () => {
    const found = plan({ jpegs: { dtype: 'string', shape: [-1] } }, { logits: { shape: [-1, 1000] } });
    expect(found).toMatchObject({ output: { kind: 'classification', output: 'logits', topK: 5 }, outputNames: ['logits'] });
    expect(describeAt(found)).toBe('image classifier (output logits, top 5), input jpegs (JPEG in a string), any batch size (up to 8 sent, 2 at once), frames sent at 640x480');
  });

  it('are what a mapping says, each asked for once', () => {
    const found = plan(IMAGES, { b: { shape: [-1, 100, 4] }, s: { shape: [-1, 100] }, c: { dtype: 'int64', shape: [-1, 100] }, n: { dtype: 'int32', shape: [-1] }, x: {} }, { output: { ...BOXES, classes: 'c', count: 'n' } });
    expect(found.outputNames).toEqual(['b', 's', 'c', 'n']);
    expect(describeAt(found)).toMatch(/^object detector \(boxes b, scores s as configured\), input inputs/);
    expect(plan(IMAGES, OBJECT_DETECTION, { output: { kind: 'yolo', output: 'detection_boxes', objectness: null, classCount: null, classOffset: null, nms: 0.5 } }).outputNames).toEqual(['detection_boxes']);
    expect(plan(IMAGES, { only: {} }, { output: { kind: 'classification', output: null, topK: 1, scoreType: null, classOffset: null } }).outputNames).toEqual(['only']);
  });

  it.each<[string, Infos, OutputMapping | null, RegExp]>([
    ['those of something else', { scores: {}, classes: {} }, null, /^it has no output detection_boxes, detection_classes, detection_scores, num_detections, only classes, scores: expected the outputs of the TensorFlow Object Detection API, one output float \[batch, channels, boxes\] \(YOLO\) or float \[batch, classes\] \(classification\), or model\.output in the configuration$/],
    ['none', {}, null, /only none: expected/],
    ['some of the Object Detection API', { detection_boxes: {}, detection_scores: {} }, null, /^it has no output detection_classes, num_detections, only detection_boxes, detection_scores: /],
    ['whole numbers of the Object Detection API', { ...OBJECT_DETECTION, num_detections: { dtype: 'int32' } }, null, /its output num_detections \(int32 of unknown shape\) is not float/],
    ['boxes alone', { boxes: { shape: [-1, 100, 4] } }, null, /only boxes \(float \[-1, 100, 4\]\): expected/],
    ['a text', { text: { dtype: 'string', shape: [-1, 5] } }, null, /only text \(string \[-1, 5\]\)/],
    ['one of unknown shape', { y: {} }, null, /only y \(float of unknown shape\)/],
    ['without what a mapping names', { b: {} }, BOXES, /no output s, only b: expected the one that model\.output\.scores names/],
    ['of another shape than a mapping says', { b: { shape: [-1, 100, 5] }, s: {} }, BOXES, /its output b \(float \[-1, 100, 5\]\) does not fit model\.output\.boxes: expected numbers \[-1, -1, 4\]/],
    ['texts where a mapping says scores', { b: {}, s: { dtype: 'string' } }, BOXES, /its output s \(string of unknown shape\) does not fit model\.output\.scores: expected numbers \[-1, -1\] or \[-1, -1, -1\]/],
    ['many where a mapping names none', { a: {}, b: {} }, { kind: 'classification', output: null, topK: 1, scoreType: null, classOffset: null }, /has 2 outputs \(a, b\): expected model\.output\.output to name one of them/],
  ])('are not %s, and one line says why', (_what, outputs, output, message) => {
    expectMismatch(() => plan(IMAGES, outputs, { output }), message);
  });
});

function expectMismatch(read: () => unknown, message: RegExp): void {
  expect(read).toThrow(ModelMismatchError);
  expect(read).toThrow(message);
  try {
    read();
  } catch (error) {
    expect((error as Error).message).not.toContain('\n');
  }
}
