import { z } from 'zod';
import type { BoxesRecipe, ClassificationRecipe, InputRecipe, ObjectDetectionRecipe, Recipe, RowsRecipe, YoloRecipe } from './recipe.js';

const MAX_SIDE_PX = 16_384;
const MAX_CLASSES = 1_000_000;
const MAX_BATCH = 1_024;
const MAX_KEYPOINTS = 1_024;

const name = z.string({ error: 'expected a name of the graph' });
const optionalName = z.string({ error: 'expected a name of the graph, or null' }).nullable();
const flag = z.boolean({ error: 'expected true or false' });
const classIds = z.array(whole(0, Number.MAX_SAFE_INTEGER, 'class ids'), { error: 'expected a list of class ids' }).max(MAX_CLASSES, { error: `expected at most ${String(MAX_CLASSES)} classes` });
const overlap = z.number({ error: 'expected an overlap above 0, at most 1' }).gt(0, { error: 'expected an overlap above 0' }).max(1, { error: 'expected an overlap of at most 1' });
const boxUnits = oneOf('pixels', 'normalized');
const activation = oneOf('none', 'sigmoid', 'softmax');

const input: z.ZodType<InputRecipe> = section({
  name,
  size: section({ widthPx: whole(1, MAX_SIDE_PX, 'pixels'), heightPx: whole(1, MAX_SIDE_PX, 'pixels') }),
  layout: oneOf('nhwc', 'nchw'),
  dtype: oneOf('float', 'uint8', 'half', 'int32'),
  resize: oneOf('letterbox', 'stretch', 'none'),
  channels: oneOf('rgb', 'bgr'),
  mean: perChannel(finite()),
  deviation: perChannel(finite().refine((value) => value !== 0, { error: 'expected a deviation other than 0' })),
  batchSize: whole(1, MAX_BATCH, 'pictures').nullable(),
});

const rows: z.ZodType<RowsRecipe> = section({ kind: z.literal('rows'), output: name, boxUnits, classIds, nms: overlap.nullable() });

const yolo: z.ZodType<YoloRecipe> = section({
  kind: z.literal('yolo'),
  output: name,
  channelsLast: flag,
  objectness: flag,
  boxUnits,
  classIds,
  nms: overlap.nullable(),
  prototypes: optionalName,
  keypoints: section({ count: whole(1, MAX_KEYPOINTS, 'keypoints'), scored: flag }).nullable(),
});

const boxes: z.ZodType<BoxesRecipe> = section({
  kind: z.literal('boxes'),
  boxes: name,
  boxFormat: oneOf('yxyx', 'xyxy', 'cxcywh'),
  boxUnits,
  scores: name,
  activation,
  classes: optionalName,
  count: optionalName,
  background: whole(0, MAX_CLASSES, 'a class index').nullable(),
  classIds,
  nms: overlap.nullable(),
});

const objectDetection: z.ZodType<ObjectDetectionRecipe> = section({
  kind: z.literal('object-detection'),
  boxes: name,
  classes: name,
  scores: name,
  count: name,
  masks: optionalName,
  keypoints: section({ points: name, scores: optionalName }).nullable(),
});

const classification: z.ZodType<ClassificationRecipe> = section({ kind: z.literal('classification'), output: name, activation });

const OUTPUTS: Readonly<Record<Recipe['output']['kind'], z.ZodType<Recipe['output']>>> = { rows, yolo, boxes, 'object-detection': objectDetection, classification };

/** A recipe in a manifest; keys that it does not know are passed over. */
export const recipeSchema: z.ZodType<Recipe> = section({
  input,
  // By hand and not as a union: what is wrong is told of the kind that it names, not of all of them.
  output: section({ kind: oneOf('rows', 'yolo', 'boxes', 'object-detection', 'classification') }).loose().transform((value, context): Recipe['output'] => {
    const result = OUTPUTS[value.kind].safeParse(value);
    if (result.success) return result.data;
    for (const { path, message } of result.error.issues) context.addIssue({ code: 'custom', path: [...path], message });
    return z.NEVER;
  }),
});

function section<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T> {
  return z.object(shape, { error: `expected a mapping with the keys ${Object.keys(shape).join(', ')}` });
}

function oneOf<const T extends readonly [string, ...string[]]>(...values: T): z.ZodType<T[number]> {
  return z.enum(values, { error: `expected ${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}` });
}

function whole(min: number, max: number, what: string): z.ZodNumber {
  const error = `expected ${what}, whole numbers from ${String(min)} to ${String(max)}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

function finite(): z.ZodNumber {
  return z.number({ error: 'expected a number' });
}

function perChannel(value: z.ZodType<number>): z.ZodType<readonly [number, number, number]> {
  return z.tuple([value, value, value], { error: 'expected three numbers, one a channel' });
}
