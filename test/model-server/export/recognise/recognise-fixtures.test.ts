import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';
import { recogniseRecipe, type Recognised } from '../../../../src/model-server/export/recognise/recognise-recipe.js';
import type { RecipeWishes } from '../../../../src/model-server/export/recognise/recipe-wishes.js';
import { detrModel, rowsModel, ssdModel } from '../../../fixtures/models/box-models.js';
import { colourClassifier } from '../../../fixtures/models/colour-classifier.js';
import { yoloModel } from '../../../fixtures/models/yolo-model.js';
import { loadComposed, pictureOf } from '../compose/run-composed.js';

function recognise({ graph: { inputs, outputs }, metadata }: OnnxModel, wishes: RecipeWishes = {}): Recognised {
  return recogniseRecipe({ inputs, outputs, metadata }, wishes);
}

/** A green square of 32 pixels in a black picture of 128x128: its corner at 32, 64. */
function greenSquare(): Uint8Array {
  const data = new Uint8Array(128 * 128 * 3);
  for (let y = 64; y < 96; y += 1) for (let x = 32; x < 64; x += 1) data[(y * 128 + x) * 3 + 1] = 255;
  return data;
}

describe('a graph that is recognised', () => {
  it.each<[string, OnnxModel, RecipeWishes]>([
    ['YOLO', yoloModel({ batch: 1, metadata: true }), {}],
    ['YOLO for segmentation', yoloModel({ masks: true, metadata: true }), {}],
    ['YOLO for poses', yoloModel({ batch: 1, keypoints: true, metadata: true }), {}],
    ['YOLOv5', yoloModel({ objectness: true, channelsLast: true, metadata: true }), {}],
    ['rows', rowsModel({ batch: 1 }), { classCount: 3 }],
    ['RT-DETR', detrModel({ batch: 1 }), {}],
    ['SSD', ssdModel(), { background: 0 }],
  ])('finds the square when it is composed: %s', async (_what, model, wishes) => {
    const { recipe } = recognise(model, wishes);
    const answer = await (await loadComposed(model, recipe)).run({ count: 1, widthPx: 128, heightPx: 128, data: greenSquare() });
    pictureOf(answer, 'detection_boxes', 0)
      .slice(0, 4)
      .forEach((side, index) => {
        expect(side).toBeCloseTo([0.5, 0.25, 0.75, 0.5][index] ?? NaN, 5);
      });
    expect(pictureOf(answer, 'detection_classes', 0)[0]).toBe(2);
    expect(answer.has('detection_masks')).toBe('prototypes' in recipe.output && recipe.output.prototypes !== null);
    expect(answer.has('detection_keypoints')).toBe('keypoints' in recipe.output && recipe.output.keypoints !== null);
  });

  it('names what it found as its metadata does', () => {
    expect([...(recognise(yoloModel({ metadata: true })).labels ?? [])]).toEqual([[1, 'red square'], [2, 'green square'], [3, 'blue square']]);
  });

  it('classifies when it is composed', async () => {
    const model = colourClassifier({ batch: 1 });
    const { recipe } = recognise(model, { normalization: 'zero-to-one' });
    const answer = await (await loadComposed(model, recipe)).run({ count: 1, widthPx: 128, heightPx: 128, data: new Uint8Array(128 * 128 * 3).map((_, index) => (index % 3 === 2 ? 255 : 0)) });
    expect(pictureOf(answer, 'probabilities', 0).map((value) => Math.round(value * 100))).toEqual([0, 0, 100]);
  });
});
