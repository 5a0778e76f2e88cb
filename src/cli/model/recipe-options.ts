import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Size } from '../../core/geometry.js';
import { WISH_OPTIONS, type OutputRole, type RecipeWishes } from '../../model-server/export/recognise/recipe-wishes.js';

type Triple = readonly [number, number, number];
type Outputs = NonNullable<RecipeWishes['outputs']>;

/** The flags that say of a model what cannot be seen in it, as commander gives them: their values are read already. */
export type RecipeFlags = Omit<RecipeWishes, 'labels'>;

const OUTPUT_ROLES: readonly OutputRole[] = ['output', 'boxes', 'scores', 'classes', 'count', 'prototypes', 'masks', 'keypoints', 'keypointScores'];
const RECIPE_FLAGS = Object.keys(WISH_OPTIONS).filter((key) => key !== 'labels') as (keyof RecipeFlags)[];
const NONE = 'none';

/** Adds the flags that say of a model what cannot be seen in it. */
export function addRecipeOptions(command: Command): Command {
  return command
    .addOption(new Option('--kind <kind>', 'what the outputs are').choices(['yolo', 'rows', 'boxes', 'object-detection', 'classification']))
    .option('--input-size <WxH>', 'size of the pictures that a graph which takes several looks at, such as 640x640', readSize)
    .addOption(new Option('--layout <layout>', 'where the input has its channels').choices(['nchw', 'nhwc']))
    .addOption(new Option('--resize <way>', 'how pictures are made to fit').choices(['letterbox', 'stretch', NONE]))
    .addOption(new Option('--channels <order>', 'order of the colours').choices(['rgb', 'bgr']))
    .addOption(new Option('--normalization <numbers>', 'which numbers the bytes 0 to 255 become').choices(['none', 'zero-to-one', 'minus-one-to-one', 'imagenet']))
    .option('--mean <a,b,c>', 'taken away from the bytes of each channel, in place of --normalization', readTriple)
    .option('--deviation <a,b,c>', 'what the bytes of each channel are divided by after that', readDeviation)
    .option('--outputs <name>', `which outputs count: NAME, or ${OUTPUT_ROLES.slice(1).join('=, ')}= and a NAME each, separated by commas`, readOutputs)
    .addOption(new Option('--box-format <format>', 'order of the four numbers of a box').choices(['yxyx', 'xyxy', 'cxcywh']))
    .addOption(new Option('--box-units <units>', 'what boxes are counted in').choices(['pixels', 'normalized']))
    .addOption(new Option('--activation <function>', 'what makes scores of the numbers').choices(['none', 'sigmoid', 'softmax']))
    .option('--background <index>', `class that means nothing is there, or ${NONE}`, (text) => (text === NONE ? null : readWhole(text, 0)))
    .option('--objectness <yes|no>', 'whether rows of a YOLO head have a score of their own before those of the classes', readYesNo)
    .option('--keypoints <count>', `keypoints of a YOLO head: 17x3 with, 17x2 without a score each, or ${NONE}`, readKeypoints)
    .option('--nms <overlap>', `overlap (IoU) above which the weaker of two boxes goes, or ${NONE}`, (text) => (text === NONE ? null : readOverlap(text)))
    .option('--class-count <number>', 'classes of a detector, the background not counted', (text) => readWhole(text, 1))
    .option('--class-ids <ids>', 'coco90, or the id of each class, separated by commas', readClassIds);
}

/** Takes the wishes out of the flags of a command. */
export function recipeWishes(flags: RecipeFlags): RecipeWishes {
  return Object.fromEntries(RECIPE_FLAGS.flatMap((key) => (flags[key] === undefined ? [] : [[key, flags[key]]])));
}

function readSize(text: string): Size {
  const [, width, height] = /^(\d{1,5})x(\d{1,5})$/u.exec(text) ?? [];
  const size = { widthPx: Number(width), heightPx: Number(height) };
  if (!(size.widthPx > 0 && size.heightPx > 0)) throw new InvalidArgumentError('Expected a size such as 640x640.');
  return size;
}

function readTriple(text: string): Triple {
  const [a, b, c, ...more] = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (a === undefined || b === undefined || c === undefined || more.length > 0 || ![a, b, c].every(Number.isFinite)) throw new InvalidArgumentError('Expected three numbers separated by commas, such as 123.7,116.3,103.5.');
  return [a, b, c];
}

function readDeviation(text: string): Triple {
  const triple = readTriple(text);
  if (triple.includes(0)) throw new InvalidArgumentError('Expected three numbers other than 0.');
  return triple;
}

function readOutputs(text: string, earlier: Outputs | undefined): Outputs {
  const outputs: Record<string, string> = { ...earlier };
  for (const part of text.split(',')) {
    const [, role = 'output', name = ''] = /^\s*(?:([A-Za-z]+)=)?(\S+)\s*$/u.exec(part) ?? [];
    if (name === '' || !OUTPUT_ROLES.some((known) => known === role)) throw new InvalidArgumentError(`Expected NAME, or ROLE=NAME with one of the roles ${OUTPUT_ROLES.join(', ')}.`);
    outputs[role] = name;
  }
  return outputs;
}

function readWhole(text: string, min: number): number {
  if (!/^\d{1,7}$/u.test(text) || Number(text) < min) throw new InvalidArgumentError(`Expected a whole number from ${String(min)}.`);
  return Number(text);
}

function readYesNo(text: string): boolean {
  if (text !== 'yes' && text !== 'no') throw new InvalidArgumentError('Expected yes or no.');
  return text === 'yes';
}

function readKeypoints(text: string): NonNullable<RecipeWishes['keypoints']> | null {
  if (text === NONE) return null;
  const [, count, values] = /^(\d{1,4})x([23])$/u.exec(text) ?? [];
  if (count === undefined || Number(count) < 1) throw new InvalidArgumentError('Expected a number of keypoints with their values, such as 17x3, or none.');
  return { count: Number(count), scored: values === '3' };
}

function readOverlap(text: string): number {
  const overlap = Number(text);
  if (!(overlap > 0 && overlap <= 1)) throw new InvalidArgumentError(`Expected a number above 0, at most 1, or ${NONE}.`);
  return overlap;
}

function readClassIds(text: string): NonNullable<RecipeWishes['classIds']> {
  if (text === 'coco90') return text;
  return text.split(',').map((id) => readWhole(id.trim(), 0));
}
