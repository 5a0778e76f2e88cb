import type { z } from 'zod';

import type { BoxesMapping, ClassificationMapping, Normalization, OutputMapping, YoloMapping } from '../detection/contract/model-wishes.js';
import { flag, integer, oneOf, positive, section, text } from './leaves.js';

const NORMALIZATIONS = ['none', 'zero-to-one', 'minus-one-to-one', 'imagenet'] as const satisfies readonly Normalization[];
const OUTPUT_NAME = "expected an output's name";
const MAX_CLASSES = 1_000_000;

/** Which of the keys of `model.output` each kind has beside `kind`, those it needs first. */
const KEYS_OF_KIND = {
  boxes: { needed: ['boxes', 'boxFormat', 'boxUnits', 'scores'], optional: ['classes', 'count', 'classOffset', 'nms'] },
  yolo: { needed: [], optional: ['output', 'objectness', 'classCount', 'classOffset', 'nms'] },
  classification: { needed: [], optional: ['output', 'topK', 'scoreType', 'classOffset'] },
} as const satisfies Record<OutputMapping['kind'], { readonly needed: readonly string[]; readonly optional: readonly string[] }>;

/** `model.input`: how frames become what the model takes. */
export const modelInputSchema = section({ normalization: oneOf(...NORMALIZATIONS).optional() });

/** `model.output`: what the outputs of a model mean. One mapping for all kinds, so that unknown keys are told from those of another kind. */
export const modelOutputSchema = section({
  kind: oneOf('boxes', 'yolo', 'classification'),
  output: text(OUTPUT_NAME).optional(),
  boxes: text(OUTPUT_NAME).optional(),
  boxFormat: oneOf('yxyx', 'xyxy', 'cxcywh').optional(),
  boxUnits: oneOf('normalized', 'pixels').optional(),
  scores: text(OUTPUT_NAME).optional(),
  classes: text(OUTPUT_NAME).optional(),
  count: text(OUTPUT_NAME).optional(),
  classOffset: integer(-MAX_CLASSES, MAX_CLASSES).optional(),
  classCount: integer(1, MAX_CLASSES).optional(),
  objectness: flag().optional(),
  nms: positive(1).optional(),
  topK: integer(1, 100).optional(),
  scoreType: oneOf('probabilities', 'logits').optional(),
}).check(({ value, issues }) => {
  const { needed, optional } = KEYS_OF_KIND[value.kind];
  const keys: readonly string[] = ['kind', ...needed, ...optional];
  for (const key of Object.keys(value)) {
    if (value[key as keyof typeof value] !== undefined && !keys.includes(key)) issues.push({ code: 'custom', path: [key], input: value, message: `expected no ${key} with kind ${value.kind}, only ${keys.slice(1).join(', ')}` });
  }
  for (const key of needed) {
    if (value[key as keyof typeof value] === undefined) issues.push({ code: 'custom', path: [key], input: value, message: `expected ${key} with kind ${value.kind}` });
  }
});

type OutputSettings = z.output<typeof modelOutputSchema>;

/** Fills in what was left out of `model.output`. */
export function outputMappingOf(settings: OutputSettings): OutputMapping {
  switch (settings.kind) {
    case 'boxes':
      return boxesOf(settings);
    case 'yolo':
      return yoloOf(settings);
    case 'classification':
      return classificationOf(settings);
  }
}

function boxesOf({ boxes = '', boxFormat = 'xyxy', boxUnits = 'normalized', scores = '', classes, count, classOffset, nms }: OutputSettings): BoxesMapping {
  return { kind: 'boxes', boxes, boxFormat, boxUnits, scores, classes: classes ?? null, count: count ?? null, classOffset: classOffset ?? null, nms: nms ?? null };
}

function yoloOf({ output, objectness, classCount, classOffset, nms }: OutputSettings): YoloMapping {
  return { kind: 'yolo', output: output ?? null, objectness: objectness ?? null, classCount: classCount ?? null, classOffset: classOffset ?? null, nms: nms ?? null };
}

function classificationOf({ output, topK, scoreType, classOffset }: OutputSettings): ClassificationMapping {
  return { kind: 'classification', output: output ?? null, topK: topK ?? null, scoreType: scoreType ?? null, classOffset: classOffset ?? null };
}
