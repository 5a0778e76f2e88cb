import { describe, expect, it } from 'vitest';
import type { GraphOutputs } from '../../../src/model-server/recipe/graph-outputs.js';
import { detectionOutputNames, readCandidates, type DetectionRecipe } from '../../../src/model-server/recipe/read-candidates.js';
import type { BoxesRecipe, ObjectDetectionRecipe, RowsRecipe, YoloRecipe } from '../../../src/model-server/store/recipe.js';

const canvas = { widthPx: 100, heightPx: 50 };
const rows: RowsRecipe = { kind: 'rows', output: 'o', boxUnits: 'pixels', classIds: [7, 8], nms: null };
const yolo: YoloRecipe = { kind: 'yolo', output: 'o', channelsLast: true, objectness: false, boxUnits: 'pixels', classIds: [7, 8], nms: 0.5, prototypes: null, keypoints: null };
const boxes: BoxesRecipe = { kind: 'boxes', boxes: 'b', boxFormat: 'xyxy', boxUnits: 'pixels', scores: 's', activation: 'none', classes: null, count: null, background: null, classIds: [7, 8], nms: null };
const api: ObjectDetectionRecipe = { kind: 'object-detection', boxes: 'b', classes: 'c', scores: 's', count: 'n', masks: null, keypoints: null };

function outputs(of: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>): GraphOutputs {
  return new Map(Object.entries(of).map(([name, [shape, data]]) => [name, { shape, data: Float32Array.from(data) }]));
}

/** As `[...box, id, score]`, rounded. */
function read(recipe: DetectionRecipe, of: Parameters<typeof outputs>[0], image = 0): number[][] {
  return readCandidates(outputs(of), image, recipe, canvas).map(({ box, classId, score }) => [...box, classId, score].map((value) => Math.round(value * 1000) / 1000));
}

describe('readCandidates', () => {
  const box = [10, 20, 30, 40];
  it.each<[string, DetectionRecipe, Parameters<typeof outputs>[0], number[][]]>([
    ['rows in pixels', rows, { o: [[1, 2, 6], [...box, 0.5, 1, ...box, 0.25, 2]] }, [[...box, 8, 0.5]]],
    ['normalised rows', { ...rows, boxUnits: 'normalized' }, { o: [[1, 1, 6], [0.25, 0.5, 0.5, 1, 0.5, 0]] }, [[25, 25, 50, 50, 7, 0.5]]],
    ['no rows', rows, { o: [[1, 0, 6], []] }, []],
    ['a YOLO head, anchors first', yolo, { o: [[1, 2, 6], [20, 30, 20, 20, 0.25, 0.75, 20, 30, 20, 20, 0.5, 0.25]] }, [[...box, 8, 0.75], [...box, 7, 0.5]]],
    ['a YOLO head, values first', { ...yolo, channelsLast: false }, { o: [[1, 6, 2], [20, 20, 30, 30, 20, 20, 20, 20, 0.25, 0.5, 0.75, 0.25]] }, [[...box, 8, 0.75], [...box, 7, 0.5]]],
    ['a YOLO head with objectness and more behind', { ...yolo, objectness: true }, { o: [[1, 1, 9], [20, 30, 20, 20, 0.5, 0.25, 0.75, 99, 99]] }, [[...box, 8, 0.375]]],
    ['a normalised YOLO head', { ...yolo, boxUnits: 'normalized' }, { o: [[1, 1, 6], [0.5, 0.5, 0.5, 1, 1, 0]] }, [[25, 0, 75, 50, 7, 1]]],
    ['a YOLO head that is not finite', yolo, { o: [[1, 2, 6], [20, 30, 20, 20, NaN, NaN, 20, 30, 20, 20, 0, -1]] }, []],
    ['boxes with scores of classes', boxes, { b: [[1, 2, 4], [...box, ...box]], s: [[1, 2, 2], [0.5, 0.25, 0, 0.125]] }, [[...box, 7, 0.5], [...box, 8, 0.125]]],
    ['boxes around centres', { ...boxes, boxFormat: 'cxcywh' }, { b: [[1, 1, 4], [20, 30, 20, 20]], s: [[1, 1, 2], [1, 0]] }, [[...box, 7, 1]]],
    ['boxes with y first, normalised', { ...boxes, boxFormat: 'yxyx', boxUnits: 'normalized' }, { b: [[1, 1, 4], [0.4, 0.1, 0.8, 0.3]], s: [[1, 1, 2], [1, 0]] }, [[...box, 7, 1]]],
    ['logits', { ...boxes, activation: 'sigmoid' }, { b: [[1, 1, 4], box], s: [[1, 1, 2], [-5, 0]] }, [[...box, 8, 0.5]]],
    ['logits of one softmax with the background last', { ...boxes, activation: 'softmax', background: 2 }, { b: [[1, 1, 4], box], s: [[1, 1, 3], [0, Math.log(2), Math.log(5)]] }, [[...box, 8, 0.25]]],
    ['scores with the background first', { ...boxes, background: 0 }, { b: [[1, 1, 4], box], s: [[1, 1, 3], [0.75, 0.125, 0.25]] }, [[...box, 8, 0.25]]],
    ['classes in an output of their own', { ...boxes, classes: 'c', count: 'n' }, { b: [[1, 3, 4], [...box, ...box, ...box]], s: [[1, 3], [0.5, 0.25, 0.125]], c: [[1, 3], [1, 9, 0]], n: [[1], [2]] }, [[...box, 8, 0.5]]],
    ['classes that count the background', { ...boxes, classes: 'c', background: 0 }, { b: [[1, 3, 4], [...box, ...box, ...box]], s: [[1, 3], [0.5, 0.25, 0.125]], c: [[1, 3], [0, 1, 2]] }, [[...box, 7, 0.25], [...box, 8, 0.125]]],
    ['what an Object Detection API model answers, ids as they are', api, { b: [[1, 3, 4], [0.4, 0.1, 0.8, 0.3, 0.4, 0.1, 0.8, 0.3, 0, 0, 1, 1]], c: [[1, 3], [85, 0.5, 1]], s: [[1, 3], [0.5, 0.5, 0.5]], n: [[1, 1], [2]] }, [[...box, 85, 0.5]]],
  ])('reads %s', (_what, recipe, of, expected) => {
    expect(read(recipe, of)).toEqual(expected);
    expect(detectionOutputNames(recipe).sort()).toEqual(Object.keys(of).sort());
  });

  it('reads each picture of a batch for itself', () => {
    const of = { o: [[2, 1, 6], [...box, 0.5, 0, ...box, 0.25, 1]] } as const;
    expect([read(rows, of, 0), read(rows, of, 1)]).toEqual([[[...box, 7, 0.5]], [[...box, 8, 0.25]]]);
  });

  it.each<[string, DetectionRecipe, Parameters<typeof outputs>[0], string]>([
    ['rows of another length', rows, { o: [[1, 1, 5], [...box, 1]] }, 'its output o has the shape [1,1,5]: expected [n, rows, 6]'],
    ['fewer pictures', rows, { o: [[0, 1, 6], []] }, 'its output o has the shape [0,1,6]: expected [n, rows, 6]'],
    ['a number', rows, { o: [[], [1]] }, 'its output o has the shape []: expected [n, rows, 6]'],
    ['nothing', rows, {}, 'it has no output o'],
    ['fewer classes than have ids', yolo, { o: [[1, 1, 5], [20, 30, 20, 20, 1]] }, 'its output o has the shape [1,1,5]: expected [n, anchors, 6 or more]'],
    ['scores of another number of boxes', boxes, { b: [[1, 1, 4], box], s: [[1, 2, 2], [1, 1, 1, 1]] }, 'its output s has the shape [1,2,2]: expected [n, 1, classes]'],
  ])('says what is wrong when a graph gives %s', (_what, recipe, of, message) => {
    expect(() => read(recipe, of)).toThrow(message);
  });
});
