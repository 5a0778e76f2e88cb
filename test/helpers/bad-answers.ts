import { predictRpc } from '../../src/serving/rpcs.js';
import { encodeTensor, type TensorProto } from '../../src/serving/tensor-codec.js';
import { detectionOutputs } from './fake-serving.js';

type Outputs = Record<string, TensorProto>;

const ROWS = 4;

/** The right answer to a batch of so many images: one object on each. */
export function rightAnswer(images: number): Buffer {
  return answer(rightOutputs(images));
}

/** Answers to a batch that a client must not take, by what is wrong with them, as bytes of a PredictResponse. */
export function badAnswers(images: number): Readonly<Record<string, Buffer>> {
  const right = rightAnswer(images);
  const boxes = (value: number): Buffer => changed(images, { detection_boxes: float([images, ROWS, 4], Array.from({ length: images * ROWS * 4 }, () => value)) });
  const shapedAs = (...sizes: readonly number[]): Buffer => changed(images, { detection_boxes: { dtype: 1, tensorShape: { dim: sizes.map((size) => ({ size })) }, floatVal: [0.5] } });
  return {
    'cut off in the middle': right.subarray(0, right.length >> 1),
    'no protobuf at all': Buffer.from('HTTP/1.1 502 Bad Gateway\r\n\r\n'),
    'boxes of another element type': changed(images, { detection_boxes: encodeTensor({ dtype: 'int32', shape: [images, ROWS, 4], data: new Int32Array(images * ROWS * 4) }) }),
    'an element type that there is not': changed(images, { detection_boxes: { dtype: 4_711, tensorShape: { dim: [{ size: images }] } } }),
    'boxes of three numbers': changed(images, { detection_boxes: float([images, ROWS, 3], Array.from({ length: images * ROWS * 3 }, () => 0)) }),
    'boxes without a shape': changed(images, { detection_boxes: { dtype: 1, floatVal: [0.5] } }),
    'boxes that are not a number': boxes(NaN),
    'infinite boxes': boxes(Infinity),
    'scores that are not a number': changed(images, { detection_scores: float([images, ROWS], Array.from({ length: images * ROWS }, () => NaN)) }),
    'a million detections': answer(withRows(images, 1_000_000)),
    'more detections than rows': changed(images, { num_detections: float([images], Array.from({ length: images }, () => ROWS + 1)) }),
    'dimensions of 2^31': shapedAs(images, 2 ** 31, 4),
    'dimensions whose product is none': shapedAs(2 ** 31, 2 ** 31, 2 ** 31),
    'negative dimensions': shapedAs(images, -ROWS, 4),
    'no boxes': answer(Object.fromEntries(Object.entries(rightOutputs(images)).filter(([name]) => name !== 'detection_boxes'))),
    'no output at all': answer({}),
    'one image more than was sent': rightAnswer(images + 1),
    'no image': rightAnswer(0),
  };
}

/** More of the same: messages that are hard to read, and answers that are right but for a value or a size. */
export function subtlyBadAnswers(images: number): Readonly<Record<string, Buffer>> {
  const boxesAs = (proto: Partial<TensorProto>): Buffer => changed(images, { detection_boxes: { ...rightOutputs(images)['detection_boxes'], dtype: 1, ...proto } });
  const filled = (name: string, shape: readonly number[], value: number): Buffer => changed(images, { [name]: float(shape, Array.from({ length: shape.reduce((product, size) => product * size, 1) }, () => value)) });
  return {
    'nothing': Buffer.alloc(0),
    'a field longer than the message': Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f, 1]),
    'tensors inside each other, ten thousand deep': nested(10_000),
    'a handle to something in the server': boxesAs({ dtype: 20 }),
    'a dimension of 2^62': boxesAs({ tensorShape: { dim: [{ size: '4611686018427387904' }] } }),
    'three hundred dimensions': boxesAs({ tensorShape: { dim: Array.from({ length: 300 }, () => ({ size: 1 })) } }),
    'a rank that is not known': boxesAs({ tensorShape: { unknownRank: true } }),
    'fewer bytes than the shape says': boxesAs({ tensorContent: Buffer.alloc(images * ROWS * 16 - 4) }),
    'more bytes than the shape says': boxesAs({ tensorContent: Buffer.alloc(images * ROWS * 16 + 4) }),
    'more values than the shape says': boxesAs({ tensorContent: Buffer.alloc(0), floatVal: new Float32Array(images * ROWS * 4 + 1) }),
    'sixteen gigabytes in a few bytes': boxesAs({ tensorContent: Buffer.alloc(0), tensorShape: { dim: [{ size: images }, { size: 2 ** 30 }, { size: 4 }] }, floatVal: [0.5] }),
    'strings for boxes': changed(images, { detection_boxes: encodeTensor({ dtype: 'string', shape: [images, ROWS, 4], data: Array.from({ length: images * ROWS * 4 }, () => Buffer.from('0.5')) }) }),
    'complex boxes': changed(images, { detection_boxes: encodeTensor({ dtype: 'complex64', shape: [images, ROWS, 4], data: new Float32Array(images * ROWS * 8) }) }),
    'boxes in one row': filled('detection_boxes', [images * ROWS * 4], 0.5),
    'fewer scores than boxes': filled('detection_scores', [images, ROWS - 1], 0.5),
    'one image less than was sent': rightAnswer(images - 1),
    'a count for one image less': filled('num_detections', [images - 1], 1),
    'scores beyond one': filled('detection_scores', [images, ROWS], 1.5),
    'negative scores': filled('detection_scores', [images, ROWS], -0.5),
    'half a class': filled('detection_classes', [images, ROWS], 1.5),
    'an infinite class': filled('detection_classes', [images, ROWS], -Infinity),
    'half a detection': filled('num_detections', [images], 0.5),
    'a negative count': filled('num_detections', [images], -1),
    'a count that is not a number': filled('num_detections', [images], NaN),
  };
}

function rightOutputs(images: number): Outputs {
  const lists = Array.from({ length: images }, () => [{ classId: 85, score: 0.9, box: [0.25, 0.25, 0.75, 0.75] as const }]);
  return Object.fromEntries(Object.entries(detectionOutputs(lists, ROWS)).map(([name, tensor]) => [name, encodeTensor(tensor)]));
}

/** Few values that fill a shape with many rows: the message is small. */
function withRows(images: number, rows: number): Outputs {
  const filled = (shape: readonly number[], value: number): TensorProto => ({ dtype: 1, tensorShape: { dim: shape.map((size) => ({ size })) }, floatVal: [value] });
  return {
    detection_boxes: filled([images, rows, 4], 0.5),
    detection_classes: filled([images, rows], 1),
    detection_scores: filled([images, rows], 0.9),
    num_detections: filled([images], rows),
  };
}

function float(shape: readonly number[], values: readonly number[]): TensorProto {
  return encodeTensor({ dtype: 'float', shape, data: Float32Array.from(values) });
}

function changed(images: number, outputs: Outputs): Buffer {
  return answer({ ...rightOutputs(images), ...outputs });
}

function answer(outputs: Outputs): Buffer {
  return predictRpc.response.encode({ modelSpec: { name: 'default', version: '1', versionLabel: null, signatureName: 'serving_default' }, outputs: new Map(Object.entries(outputs)) });
}

/** A variant in a variant in a variant …: outputs → tensor → variant_val → tensors → … */
function nested(depth: number): Buffer {
  let bytes: Buffer = Buffer.alloc(0);
  for (let level = 0; level < depth; level += 1) bytes = field(level % 2 === 0 ? 3 : 15, bytes);
  return field(1, Buffer.concat([field(1, Buffer.from('detection_boxes')), field(2, bytes)]));
}

/** A field of wire type 2. */
function field(number: number, bytes: Buffer): Buffer {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length, rest]), bytes]);
}
