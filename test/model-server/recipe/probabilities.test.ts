import { describe, expect, it } from 'vitest';
import { readProbabilities } from '../../../src/model-server/recipe/probabilities.js';
import type { ClassificationRecipe } from '../../../src/model-server/store/recipe.js';

function read(activation: ClassificationRecipe['activation'], shape: number[], data: number[], image = 0): number[] {
  return [...readProbabilities(new Map([['o', { shape, data: Float32Array.from(data) }]]), image, { kind: 'classification', output: 'o', activation })].map((value) => Math.round(value * 1e6) / 1e6);
}

describe('readProbabilities', () => {
  it.each<[string, ClassificationRecipe['activation'], number[], number[], number[]]>([
    ['probabilities as they are', 'none', [1, 2], [0.25, 0.75], [0.25, 0.75]],
    ['a picture of one pixel a class', 'none', [1, 2, 1, 1], [0.25, 0.75], [0.25, 0.75]],
    ['logits of classes that exclude each other', 'softmax', [1, 3], [0, Math.log(2), Math.log(5)], [0.125, 0.25, 0.625]],
    ['large logits', 'softmax', [1, 2], [1000, 1000], [0.5, 0.5]],
    ['logits of classes that do not', 'sigmoid', [1, 2], [0, -1000], [0.5, 0]],
  ])('reads %s', (_what, activation, shape, data, expected) => {
    expect(read(activation, shape, data)).toEqual(expected);
  });

  it('reads each picture of a batch for itself', () => {
    expect(read('softmax', [2, 2], [0, 0, 0, Math.log(3)], 1)).toEqual([0.25, 0.75]);
  });

  it('says what is wrong with a map of pixels', () => {
    expect(() => read('none', [1, 2, 2, 1], [0, 0, 0, 0])).toThrow('its output o has the shape [1,2,2,1]: expected [n, classes]');
  });
});
