import { describe, expect, it } from 'vitest';
import { COCO_IDS } from '../../../../src/core/coco-ids.js';
import { recogniseRecipe, type GraphEndpoints } from '../../../../src/model-server/export/recognise/recognise-recipe.js';
import type { RecipeWishes } from '../../../../src/model-server/export/recognise/recipe-wishes.js';
import type { Recipe } from '../../../../src/model-server/store/recipe.js';

type Shapes = Readonly<Record<string, readonly (number | string | null)[]>>;

function graph(input: readonly (number | string | null)[], outputs: Shapes, metadata: Readonly<Record<string, string>> = {}, dtype = 'float'): GraphEndpoints {
  return {
    inputs: [{ name: 'images', dtype, shape: input }],
    outputs: Object.entries(outputs).map(([name, shape]) => ({ name, dtype: 'float', shape })),
    metadata: new Map(Object.entries(metadata)),
  };
}

const SQUARE = [1, 3, 640, 640];
const COCO_NAMES = `{${Array.from({ length: 80 }, (_, index) => `${index}: '${{ 0: 'person', 74: 'clock', 79: 'toothbrush' }[index] ?? `c${index}`}'`).join(', ')}}`;
const THREE = { task: 'detect', names: `{0: 'cat', 1: "driver's seat", 2: 'it\\'s'}`, imgsz: '[640, 640]', stride: '32' };
const UNIT_DEVIATION = [255, 255, 255];

type Expected = { readonly input?: Partial<Recipe['input']>; readonly output: Readonly<Record<string, unknown>> };

describe('recogniseRecipe', () => {
  it.each<[string, GraphEndpoints, RecipeWishes, Expected]>([
    ['YOLOv8 of Ultralytics', graph(SQUARE, { output0: [1, 84, 8400] }, { task: 'detect', names: COCO_NAMES }), {}, { input: { layout: 'nchw', size: { widthPx: 640, heightPx: 640 }, resize: 'letterbox', deviation: UNIT_DEVIATION as never, batchSize: 1 }, output: { kind: 'yolo', channelsLast: false, objectness: false, boxUnits: 'pixels', classIds: COCO_IDS, nms: 0.7, prototypes: null, keypoints: null } }],
    ['YOLOv8 without metadata', graph(SQUARE, { output0: [1, 84, 8400] }), {}, { output: { kind: 'yolo', channelsLast: false, objectness: false, classIds: COCO_IDS } }],
    ['YOLO11 of any size and number', graph(['batch', 3, 'height', 'width'], { output0: ['batch', 7, 'anchors'] }, THREE), {}, { input: { batchSize: null, size: { widthPx: 640, heightPx: 640 } }, output: { kind: 'yolo', classIds: [1, 2, 3] } }],
    ['a YOLO head whose axes are all unknown', graph(['batch', 3, null, null], { output0: ['a', 'b', 'c'] }), { classCount: 3, inputSize: { widthPx: 320, heightPx: 320 } }, { input: { size: { widthPx: 320, heightPx: 320 } }, output: { kind: 'yolo', channelsLast: false, objectness: false, classIds: [1, 2, 3] } }],
    ['YOLOv5', graph(SQUARE, { output0: [1, 25200, 85] }), {}, { output: { kind: 'yolo', channelsLast: true, objectness: true, classIds: COCO_IDS } }],
    ['YOLOv5 with its inner outputs', graph(SQUARE, { output: [1, 25200, 85], 350: [1, 3, 80, 80, 85], 416: [1, 3, 40, 40, 85], 482: [1, 3, 20, 20, 85] }), {}, { output: { kind: 'yolo', output: 'output', channelsLast: true, objectness: true } }],
    ['YOLOv5 of three classes', graph(SQUARE, { output0: [1, 25200, 8] }, { names: THREE.names, stride: '32' }), {}, { output: { objectness: true, classIds: [1, 2, 3] } }],
    ['YOLOv8 for segmentation', graph(SQUARE, { output0: [1, 116, 8400], output1: [1, 32, 160, 160] }, { task: 'segment', names: COCO_NAMES }), {}, { output: { kind: 'yolo', prototypes: 'output1', objectness: false, classIds: COCO_IDS } }],
    ['YOLOv5 for segmentation, without metadata', graph(SQUARE, { output0: [1, 25200, 117], output1: [1, 32, 160, 160] }), {}, { output: { prototypes: 'output1', objectness: true, classIds: COCO_IDS } }],
    ['YOLOv8 for poses', graph(SQUARE, { output0: [1, 56, 8400] }, { task: 'pose', names: "{0: 'person'}", kpt_shape: '[17, 3]' }), {}, { output: { kind: 'yolo', keypoints: { count: 17, scored: true }, classIds: [1] } }],
    ['YOLOv8 for poses, without metadata', graph(SQUARE, { output0: [1, 56, 8400] }), { keypoints: { count: 17, scored: true } }, { output: { keypoints: { count: 17, scored: true }, classIds: [1] } }],
    ['YOLOv8 for classification', graph([1, 3, 224, 224], { output0: [1, 3] }, { ...THREE, task: 'classify', imgsz: '[224, 224]' }), {}, { input: { resize: 'stretch', deviation: UNIT_DEVIATION as never }, output: { kind: 'classification', activation: 'none' } }],
    ['YOLOv10, end to end', graph(SQUARE, { output0: [1, 300, 6] }, { task: 'detect', names: COCO_NAMES }), {}, { input: { deviation: UNIT_DEVIATION as never }, output: { kind: 'rows', boxUnits: 'pixels', nms: null, classIds: COCO_IDS } }],
    ['RT-DETR of Ultralytics', graph(SQUARE, { output0: [1, 300, 84] }, { task: 'detect', names: COCO_NAMES, description: 'Ultralytics rtdetr-l model' }), {}, { input: { resize: 'stretch' }, output: { kind: 'yolo', channelsLast: true, objectness: false, boxUnits: 'normalized', nms: null, classIds: COCO_IDS } }],
    ['RT-DETR', graph(['b', 3, 640, 640], { logits: ['b', 300, 80], pred_boxes: ['b', 300, 4] }), {}, { input: { resize: 'stretch' }, output: { kind: 'boxes', boxes: 'pred_boxes', scores: 'logits', boxFormat: 'cxcywh', boxUnits: 'normalized', activation: 'sigmoid', background: null, classIds: COCO_IDS, nms: null } }],
    ['DETR', graph([1, 3, 800, 1066], { logits: [1, 100, 92], pred_boxes: [1, 100, 4] }), {}, { input: { resize: 'letterbox', mean: [123.675, 116.28, 103.53] }, output: { kind: 'boxes', activation: 'softmax', background: 91, classIds: Array.from({ length: 91 }, (_, index) => index) } }],
    ['SSD', graph([1, 3, 300, 300], { scores: [1, 3000, 21], boxes: [1, 3000, 4] }), { normalization: 'minus-one-to-one' }, { input: { mean: [127.5, 127.5, 127.5] }, output: { kind: 'boxes', boxFormat: 'xyxy', background: 0, classIds: Array.from({ length: 20 }, (_, index) => index + 1), nms: 0.6 } }],
    ['boxes, scores, classes and their number', graph([1, 320, 320, 3], { boxes: [1, 10, 4], classes: [1, 10], scores: [1, 10], count: [1] }), { classCount: 3, normalization: 'none' }, { input: { layout: 'nhwc', deviation: [1, 1, 1] }, output: { kind: 'boxes', classes: 'classes', count: 'count', boxFormat: 'yxyx', classIds: [0, 1, 2], nms: null } }],
    ['boxes of other names', graph(SQUARE, { a: [1, 50, 4], b: [1, 50, 3] }), { kind: 'boxes', outputs: { boxes: 'a', scores: 'b' } }, { output: { kind: 'boxes', boxes: 'a', scores: 'b', classIds: [1, 2, 3] } }],
    ['the Object Detection API, any size', graph([1, -1, -1, 3], { detection_boxes: [1, 100, 4], detection_classes: [1, 100], detection_scores: [1, 100], num_detections: [1], raw_detection_boxes: [1, 1917, 4] }, {}, 'uint8'), {}, { input: { dtype: 'uint8', resize: 'none', deviation: [1, 1, 1], batchSize: 1 }, output: { kind: 'object-detection', boxes: 'detection_boxes', count: 'num_detections', masks: null, keypoints: null } }],
    ['the default model', graph([1, 512, 512, 3], { 'tower_0/detections': [1, 100, 6], 'tower_0/keypoints': [1, 128, 128, 80], 'tower_0/wh': [1, 128, 128, 4] }), {}, { input: { layout: 'nhwc', resize: 'letterbox', deviation: [1, 1, 1], mean: [0, 0, 0] }, output: { kind: 'rows', output: 'tower_0/detections', boxUnits: 'pixels', classIds: COCO_IDS, nms: 0.6 } }],
    ['a classifier of PyTorch', graph(['n', 3, 224, 224], { output: ['n', 1000] }), {}, { input: { mean: [123.675, 116.28, 103.53] }, output: { kind: 'classification', activation: 'softmax' } }],
    ['a classifier of TensorFlow', graph([-1, 224, 224, 3], { Identity: [-1, 1001] }), { normalization: 'minus-one-to-one' }, { input: { layout: 'nhwc', deviation: [127.5, 127.5, 127.5], batchSize: null }, output: { kind: 'classification', activation: 'none' } }],
    ['a classifier with logits, square at the end', graph([-1, -1, -1, 3], { logits: [-1, 5, 1, 1] }), { layout: 'nhwc' }, { input: { size: { widthPx: 224, heightPx: 224 } }, output: { kind: 'classification', activation: 'softmax' } }],
  ])('recognises %s', (_what, endpoints, wishes, { input = {}, output }) => {
    const { recipe } = recogniseRecipe(endpoints, wishes);
    expect(recipe.output).toMatchObject(output);
    expect(recipe.input).toMatchObject({ name: 'images', channels: 'rgb', ...input });
  });

  it('takes what the wishes say before anything it would see itself', () => {
    const wishes: RecipeWishes = { kind: 'yolo', resize: 'stretch', channels: 'bgr', mean: [1, 2, 3], deviation: [4, 5, 6], outputs: { output: 'b' }, boxUnits: 'normalized', nms: null, objectness: true, classIds: [4, 9], keypoints: null };
    const { recipe } = recogniseRecipe(graph(SQUARE, { a: [1, 7, 8400], b: [1, 7, 8400] }), wishes);
    expect(recipe.input).toMatchObject({ resize: 'stretch', channels: 'bgr', mean: [1, 2, 3], deviation: [4, 5, 6] });
    expect(recipe.output).toMatchObject({ output: 'b', boxUnits: 'normalized', nms: null, objectness: true, classIds: [4, 9] });
  });

  it.each<[string, GraphEndpoints, RecipeWishes, readonly number[], readonly [number, string][] | null]>([
    ['names in the metadata: ids from 1', graph(SQUARE, { o: [1, 7, 8400] }, THREE), {}, [1, 2, 3], [[1, 'cat'], [2, "driver's seat"], [3, "it's"]]],
    ['COCO names: its own ids, no label map', graph(SQUARE, { o: [1, 84, 8400] }, { names: COCO_NAMES, task: 'detect' }), {}, COCO_IDS, null],
    ['a label map: its ids in order', graph(SQUARE, { o: [1, 6, 8400] }), { labels: new Map([[9, 'b'], [4, 'a']]) }, [4, 9], [[9, 'b'], [4, 'a']]],
    ['a label map that has not all classes', graph(SQUARE, { o: [1, 7, 8400] }), { classCount: 3, labels: new Map([[0, 'a'], [2, 'c']]) }, [0, 1, 2], [[0, 'a'], [2, 'c']]],
    ['names of a list', graph(SQUARE, { o: [1, 6, 8400] }, { names: "['a', 'b']", task: 'detect' }), {}, [1, 2], [[1, 'a'], [2, 'b']]],
  ])('names classes: %s', (_what, endpoints, wishes, ids, labels) => {
    const recognised = recogniseRecipe(endpoints, wishes);
    expect(recognised.recipe.output).toMatchObject({ classIds: ids });
    expect(recognised.labels === null ? null : [...recognised.labels]).toEqual(labels);
  });

  it('gives labels of a classifier ids from 1', () => {
    expect([...(recogniseRecipe(graph([1, 3, 224, 224], { o: [1, 3] }, { ...THREE, task: 'classify' })).labels ?? [])][0]).toEqual([1, 'cat']);
  });

  it.each<[string, GraphEndpoints, RecipeWishes, string]>([
    ['no picture', graph([1, 128], { o: [1, 10] }), {}, 'inputs: its input images float [1, 128] takes no pictures: expected float, half, uint8 or int32 [batch, height, width, 3] or [batch, 3, height, width]'],
    ['grey pictures', graph([1, 1, 28, 28], { o: [1, 10] }), {}, 'inputs: its input images float [1, 1, 28, 28] takes no pictures of three channels'],
    ['an unknown layout', graph([1, -1, -1, -1], { o: [1, 10] }), {}, '--layout: its input images float [1, ?, ?, ?] has its channels first or last: expected --layout nchw or nhwc'],
    ['the wrong layout', graph(SQUARE, { o: [1, 10] }), { layout: 'nhwc' }, '--layout: its input images float [1, 3, 640, 640] is not nhwc'],
    ['two inputs', { ...graph(SQUARE, { o: [1, 10] }), inputs: [{ name: 'a', dtype: 'float', shape: SQUARE }, { name: 'size', dtype: 'int64', shape: [1, 2] }] }, {}, 'inputs: it has the inputs a float [1, 3, 640, 640], size int64 [1, 2]: expected one that takes pictures; export the model without the others'],
    ['no size', graph(['b', 3, 'h', 'w'], { o: [1, 84, 8400] }), {}, '--input-size: its input images float [?, 3, ?, ?] takes pictures of any size: expected --input-size WIDTHxHEIGHT, the size that it was trained for'],
    ['another size', graph(SQUARE, { o: [1, 84, 8400] }), { inputSize: { widthPx: 320, heightPx: 320 } }, '--input-size: its input images float [1, 3, 640, 640] takes pictures of 640x640 only'],
    ['unknown outputs', graph(SQUARE, { a: [1, 2, 3, 4, 5, 6] }), {}, '--kind: what its outputs mean is not to be seen (a float [1, 2, 3, 4, 5, 6]): expected --kind yolo, rows, boxes, object-detection or classification, with --outputs where it has several'],
    ['one of several outputs', graph(SQUARE, { a: [1, 84, 8400], b: [1, 84, 8400] }), { kind: 'yolo' }, '--outputs: which of its outputs counts is not to be seen (a float [1, 84, 8400], b float [1, 84, 8400]): expected --outputs NAME'],
    ['an output that is not there', graph(SQUARE, { a: [1, 84, 8400] }), { outputs: { output: 'c' } }, '--outputs: it has no output c, only a float [1, 84, 8400]'],
    ['a number of classes that has no room', graph(SQUARE, { a: [1, 84, 8400] }), { classCount: 90 }, '--class-count: its output a float [1, 84, 8400] has no room for 90 classes beside 4 values of a box: expected --class-count N or --keypoints COUNT'],
    ['neither classes nor anchors', graph(SQUARE, { a: [1, -1, -1] }), {}, '--class-count: neither classes nor anchors of its output a float [1, ?, ?] are to be seen: export it with a fixed size, or say --class-count N'],
    ['oriented boxes', graph(SQUARE, { a: [1, 20, 8400] }, { task: 'obb', names: THREE.names }), {}, '--kind: its metadata names the task obb, which is not known: expected a model that detects, segments, classifies or finds poses'],
    ['a label map of another model', graph(SQUARE, { a: [1, 6, 8400] }), { classCount: 2, labels: new Map([[1, 'a'], [2, 'b'], [7, 'c']]) }, '--labels: it has 2 classes, but the label map has 3, up to id 7: expected the label map of this model, or --class-ids'],
    ['too few ids', graph(SQUARE, { a: [1, 84, 8400] }), { classCount: 80, classIds: [1] }, '--class-ids: it has 80 classes: expected as many ids, got 1'],
  ])('says of %s what was found and what would tell more', (_what, endpoints, wishes, message) => {
    expect(() => recogniseRecipe(endpoints, wishes)).toThrow(message);
  });

  it('reads no names from what Python does not print so', () => {
    for (const names of ['{}', '[', '{0: person}', "{1: 'a'}", "{0: 'a', 2: 'b'}", `{0: 'a'`, "{0: 'a' 1: 'b'}"]) {
      expect(recogniseRecipe(graph(SQUARE, { o: [1, 84, 8400] }, { names, task: 'detect' })).labels).toBeNull();
    }
  });
});
