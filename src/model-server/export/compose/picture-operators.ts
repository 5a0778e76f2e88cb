import { LETTERBOX_GREY, type InputRecipe } from '../../store/recipe.js';
import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import { ONNX_DTYPES, type OnnxDType } from '../onnx/onnx-model.js';
import { tensorContent } from '../onnx/onnx-tensor.js';

/** Where the pictures lie on what the graph looks at: names of float values `[4]`, each twice vertical, horizontal, as in a box yMin, xMin, yMax, xMax. */
export type PicturePlace = {
  /** Corner of the picture, pixels. */
  readonly offset: string;
  /** Size of the picture there, pixels. */
  readonly content: string;
  /** Size of what the graph looks at, pixels. */
  readonly canvas: string;
};

const CHANNELS = 3;
const INPUT_DTYPES: Readonly<Record<InputRecipe['dtype'], OnnxDType>> = { float: 'float', half: 'float16', uint8: 'uint8', int32: 'int32' };

/** Writes the operators that make what a graph takes of pictures. They compute what `letterboxPixels` computes, and sizes to the bit as `letterbox` does.
 * @param pictures uint8 `[n, h, w, 3]`, RGB
 * @returns the name of the graph's input value, and where the pictures lie in it */
export function addPictureOperators(b: OnnxBuilder, pictures: string, recipe: InputRecipe): { readonly value: string; readonly place: PicturePlace } {
  const { value: fitted, dtype, place } = recipe.resize === 'none' ? asTheyAre(b, pictures) : fit(b, pictures, recipe);
  const ordered = recipe.channels === 'bgr' ? b.op('Gather', [fitted, b.ints([2, 1, 0])], { axis: attr.int(3) }) : fitted;
  const scaled = normalize(b, ordered, dtype, recipe);
  const typed = toDType(b, scaled.value, scaled.dtype, INPUT_DTYPES[recipe.dtype]);
  const value = recipe.layout === 'nchw' ? b.op('Transpose', [typed], { perm: attr.ints([0, 3, 1, 2]) }) : typed;
  return { value, place };
}

type Fitted = { readonly value: string; readonly dtype: OnnxDType; readonly place: PicturePlace };

function asTheyAre(b: OnnxBuilder, pictures: string): Fitted {
  const size = twice(b, b.op('Cast', [heightAndWidth(b, pictures)], { to: attr.int(ONNX_DTYPES.float) }));
  const checked = b.op('Reshape', [pictures, b.op('Add', [b.op('Shape', [pictures]), refusalOfNothing(b, pictures)])]);
  return { value: checked, dtype: 'uint8', place: { offset: b.floats([0, 0, 0, 0]), content: size, canvas: size } };
}

function fit(b: OnnxBuilder, pictures: string, { size, resize }: InputRecipe): Fitted {
  const source = heightAndWidth(b, pictures);
  const target = b.ints([size.heightPx, size.widthPx]);
  const content = resize === 'letterbox' ? contentSize(b, source, target, [size.heightPx, size.widthPx]) : target;
  const count = b.op('Add', [b.op('Shape', [pictures], { start: attr.int(0), end: attr.int(1) }), refusalOfNothing(b, pictures)]);
  const sizes = b.op('Concat', [count, content, b.ints([CHANNELS])], { axis: attr.int(0) });
  const numbers = b.op('Cast', [pictures], { to: attr.int(ONNX_DTYPES.float) });
  // Pixels beyond the edge do not count (`exclude_outside`), as in `letterboxPixels`: without, the outermost pixels differ by up to 11 grey levels (measured 2026).
  const scaled = b.op('Resize', [numbers, '', '', sizes], { mode: attr.text('linear'), antialias: attr.int(1), exclude_outside: attr.int(1), coordinate_transformation_mode: attr.text('half_pixel') });
  const canvas = b.floats([size.heightPx, size.widthPx, size.heightPx, size.widthPx]);
  if (resize === 'stretch') return { value: scaled, dtype: 'float', place: { offset: b.floats([0, 0, 0, 0]), content: canvas, canvas } };

  const room = b.op('Sub', [target, content]);
  const before = b.op('Div', [room, b.int(2)]);
  const after = b.op('Sub', [room, before]);
  const none = b.ints([0]);
  const pads = b.op('Concat', [none, before, none, none, after, none], { axis: attr.int(0) });
  const value = b.op('Pad', [scaled, pads, b.float(LETTERBOX_GREY)], { mode: attr.text('constant') });
  const asFloats = (name: string): string => twice(b, b.op('Cast', [name], { to: attr.int(ONNX_DTYPES.float) }));
  return { value, dtype: 'float', place: { offset: asFloats(before), content: asFloats(content), canvas } };
}

/** 0, which everything waits for; fails as an index out of bounds where there is no picture, or one without pixels: ONNX Runtime 1.30 does not fail there but ends its process (SIGFPE). */
function refusalOfNothing(b: OnnxBuilder, pictures: string): string {
  const smallest = b.op('ReduceMin', [b.op('Shape', [pictures])], { keepdims: attr.int(1) });
  return b.op('Gather', [b.ints([0]), b.op('Cast', [b.op('Equal', [smallest, b.ints([0])])], { to: attr.int(ONNX_DTYPES.int64) })]);
}

/** In doubles and in the order in which `letterbox` computes, or a side would differ by a pixel now and then. */
function contentSize(b: OnnxBuilder, source: string, target: string, sides: readonly number[]): string {
  const double = (values: readonly number[]): string => b.constant(tensorContent('double', Float64Array.from(values)), 'double');
  const from = b.op('Cast', [source], { to: attr.int(ONNX_DTYPES.double) });
  const scale = b.op('ReduceMin', [b.op('Div', [double(sides), from])], { keepdims: attr.int(1) });
  const rounded = b.op('Cast', [b.op('Add', [b.op('Mul', [from, scale]), double([0.5])])], { to: attr.int(ONNX_DTYPES.int64) });
  return b.op('Min', [target, b.op('Max', [rounded, b.ints([1])])]);
}

function normalize(b: OnnxBuilder, value: string, dtype: OnnxDType, { mean, deviation }: InputRecipe): { readonly value: string; readonly dtype: OnnxDType } {
  const isIdentity = mean.every((number) => number === 0) && deviation.every((number) => number === 1);
  if (isIdentity) return { value, dtype };
  let scaled = toDType(b, value, dtype, 'float');
  if (mean.some((number) => number !== 0)) scaled = b.op('Sub', [scaled, b.floats(mean)]);
  if (deviation.some((number) => number !== 1)) scaled = b.op('Div', [scaled, b.floats(deviation)]);
  return { value: scaled, dtype: 'float' };
}

function toDType(b: OnnxBuilder, value: string, from: OnnxDType, to: OnnxDType): string {
  if (from === to) return value;
  // Whole numbers: to the nearest, a cast cuts off.
  const rounded = from === 'float' && (to === 'uint8' || to === 'int32') ? b.op('Round', [value]) : value;
  return b.op('Cast', [rounded], { to: attr.int(ONNX_DTYPES[to]) });
}

/** @returns int64 `[2]` */
function heightAndWidth(b: OnnxBuilder, pictures: string): string {
  return b.op('Shape', [pictures], { start: attr.int(1), end: attr.int(3) });
}

function twice(b: OnnxBuilder, pair: string): string {
  return b.op('Concat', [pair, pair], { axis: attr.int(0) });
}
