import { describe, expect, it } from 'vitest';

import { load, problems } from './config-folder.js';

const withOutput = (output: string): Record<string, string> => ({ 'sightline.yaml': `model: { output: ${output} }` });

describe('model.output', () => {
  it.each([
    ['{ kind: boxes, boxes: b, boxFormat: yxyx, boxUnits: normalized, scores: s }', { kind: 'boxes', boxes: 'b', boxFormat: 'yxyx', boxUnits: 'normalized', scores: 's', classes: null, count: null, classOffset: null, nms: null }],
    ['{ kind: boxes, boxes: b, boxFormat: cxcywh, boxUnits: pixels, scores: s, classes: c, count: n, classOffset: -1, nms: 0.6 }', { kind: 'boxes', boxes: 'b', boxFormat: 'cxcywh', boxUnits: 'pixels', scores: 's', classes: 'c', count: 'n', classOffset: -1, nms: 0.6 }],
    ['{ kind: yolo }', { kind: 'yolo', output: null, objectness: null, classCount: null, classOffset: null, nms: null }],
    ['{ kind: classification }', { kind: 'classification', output: null, topK: null, scoreType: null, classOffset: null }],
    ['{ kind: classification, output: logits, topK: 1, scoreType: logits, classOffset: 0 }', { kind: 'classification', output: 'logits', topK: 1, scoreType: 'logits', classOffset: 0 }],
  ])('of %s is complete', async (yaml, mapping) => {
    expect((await load(withOutput(yaml))).model.output).toEqual(mapping);
  });

  it.each([
    ['a kind that there is not', '{ kind: ssd }', ['kind: expected boxes, yolo or classification, got "ssd" (text)']],
    ['no kind', '{ output: x }', ['kind: expected boxes, yolo or classification, got nothing']],
    ['a key that there is not', '{ kind: yolo, nsm: 0.5 }', ['nsm: unknown key (did you mean nms?)']],
    ['a key of another kind', '{ kind: yolo, boxFormat: xyxy }', ['boxFormat: expected no boxFormat with kind yolo, only output, objectness, classCount, classOffset, nms, got "xyxy" (text)']],
    ['what boxes need left out', '{ kind: boxes, boxes: b, scores: s }', ['boxFormat: expected boxFormat with kind boxes, got nothing', 'boxUnits: expected boxUnits with kind boxes, got nothing']],
    ['an overlap that there cannot be', '{ kind: yolo, nms: 1.5 }', ['nms: expected a number above 0, at most 1, got 1.5 (number)']],
    ['two wrong values', '{ kind: classification, topK: 0, scoreType: odds }', ['topK: expected a whole number from 1 to 100, got 0 (number)', 'scoreType: expected probabilities or logits, got "odds" (text)']],
  ])('may not have %s', async (_what, yaml, expected) => {
    expect(await problems(withOutput(yaml))).toEqual(expected.map((line) => `sightline.yaml: model.output.${line}`));
  });

  it('may stand in the environment as JSON, and replaces that of the file', async () => {
    const env = { SIGHTLINE_MODEL_OUTPUT: '{"kind":"classification","topK":3}', SIGHTLINE_MODEL_INPUT_NORMALIZATION: 'none' };
    const { model } = await load(withOutput('{ kind: yolo }'), { env });
    expect(model).toMatchObject({ input: { normalization: 'none' }, output: { kind: 'classification', topK: 3 } });
    expect(await problems({}, { env: { SIGHTLINE_MODEL_OUTPUT: 'yolo' } })).toEqual(['SIGHTLINE_MODEL_OUTPUT: expected JSON: a mapping']);
    expect(await problems({}, { env: { SIGHTLINE_MODEL_OUTPUT: '{"kind":"yolo","nms":7}' } })).toEqual(['SIGHTLINE_MODEL_OUTPUT.nms: expected a number above 0, at most 1, got 7 (number)']);
  });
});

describe('model.input', () => {
  it('says how floats are made of bytes', async () => {
    expect((await load({ 'sightline.yaml': 'model: { input: { normalization: minus-one-to-one } }' })).model.input).toEqual({ normalization: 'minus-one-to-one' });
    expect(await problems({ 'sightline.yaml': 'model: { input: { normalization: 255 } }' })).toEqual(['sightline.yaml: model.input.normalization: expected none, zero-to-one, minus-one-to-one or imagenet, got 255 (number)']);
  });
});
