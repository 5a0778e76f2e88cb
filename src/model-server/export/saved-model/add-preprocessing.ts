import { LETTERBOX_GREY, type InputRecipe } from '../../store/recipe.js';
import { boolAttr, stringAttr, typeAttr } from './attr-values.js';
import type { TfValue } from './graph-def-builder.js';
import type { TfOperators } from './tf-operators.js';

const CHANNELS = 3;

/** Where the pictures of a batch lie in what the graph looks at, pixels: float scalars. */
export type PicturePlace = {
  readonly contentWidth: TfValue;
  readonly contentHeight: TfValue;
  readonly offsetX: TfValue;
  readonly offsetY: TfValue;
  /** Of what the graph looks at. */
  readonly canvasWidth: TfValue;
  readonly canvasHeight: TfValue;
};

/** Adds what makes a graph's input out of pictures.
 * @param pictures uint8 `[n, height, width, 3]`, RGB
 * @returns what the recipe says of the input, for n pictures */
export function addPreprocessing(tf: TfOperators, pictures: TfValue, recipe: InputRecipe): { readonly input: TfValue; readonly place: PicturePlace } {
  const { pixels, place } = recipe.resize === 'none' ? asTheyAre(tf, pictures) : fit(tf, pictures, recipe);
  return { input: toInput(tf, pixels, recipe), place };
}

type Fitted = { readonly pixels: TfValue; readonly place: PicturePlace };

function asTheyAre(tf: TfOperators, pictures: TfValue): Fitted {
  const shape = tf.cast(tf.shapeOf(pictures), 'float');
  const [height, width, zero] = [tf.element(shape, 1), tf.element(shape, 2), tf.float(0)];
  return { pixels: pictures, place: { contentWidth: width, contentHeight: height, offsetX: zero, offsetY: zero, canvasWidth: width, canvasHeight: height } };
}

function fit(tf: TfOperators, pictures: TfValue, recipe: InputRecipe): Fitted {
  const { size, resize } = recipe;
  const shape = tf.shapeOf(pictures);
  const [height, width] = [tf.element(shape, 1), tf.element(shape, 2)];
  const content = resize === 'letterbox' ? letterboxContent(tf, width, height, recipe) : { width: tf.int(size.widthPx), height: tf.int(size.heightPx) };
  const scale = tf.pack([ratio(tf, content.height, height), ratio(tf, content.width, width)]);
  // What tf.image.resize(antialias=True) is made of. A picture of the right size comes out as it was: its filter has one tap.
  const resized = tf.node(
    'ScaleAndTranslate',
    [pictures, tf.pack([content.height, content.width]), scale, tf.floats([0, 0])],
    { T: typeAttr('uint8'), kernel_type: stringAttr('triangle'), antialias: boolAttr(true) },
    'float',
  );
  const offset = (length: TfValue, available: number): TfValue => tf.binary('FloorDiv', tf.binary('Sub', tf.int(available), length), tf.int(2));
  const corner = { x: offset(content.width, size.widthPx), y: offset(content.height, size.heightPx) };
  const place = {
    contentWidth: tf.cast(content.width, 'float'),
    contentHeight: tf.cast(content.height, 'float'),
    offsetX: tf.cast(corner.x, 'float'),
    offsetY: tf.cast(corner.y, 'float'),
    canvasWidth: tf.float(size.widthPx),
    canvasHeight: tf.float(size.heightPx),
  };
  return { pixels: resize === 'letterbox' ? addFrame(tf, resized, content, corner, recipe) : resized, place };
}

/** int32 scalars. */
type Extent = { readonly width: TfValue; readonly height: TfValue };

/** As `letterbox` of core/geometry computes it, in double precision too: a pixel more or less would shift every box. */
function letterboxContent(tf: TfOperators, width: TfValue, height: TfValue, { size }: InputRecipe): Extent {
  const wide = tf.cast(width, 'double');
  const high = tf.cast(height, 'double');
  const scale = tf.binary('Minimum', tf.binary('RealDiv', tf.double(size.widthPx), wide), tf.binary('RealDiv', tf.double(size.heightPx), high));
  const fitted = (length: TfValue, available: number): TfValue => {
    const rounded = tf.cast(tf.unary('Floor', tf.binary('Add', tf.binary('Mul', length, scale), tf.double(0.5))), 'int32');
    return tf.binary('Minimum', tf.int(available), tf.binary('Maximum', tf.int(1), rounded));
  };
  return { width: fitted(wide, size.widthPx), height: fitted(high, size.heightPx) };
}

function ratio(tf: TfOperators, content: TfValue, source: TfValue): TfValue {
  return tf.cast(tf.binary('RealDiv', tf.cast(content, 'double'), tf.cast(source, 'double')), 'float');
}

function addFrame(tf: TfOperators, resized: TfValue, content: Extent, corner: { readonly x: TfValue; readonly y: TfValue }, { size }: InputRecipe): TfValue {
  const zero = tf.int(0);
  const none = tf.pack([zero, zero]);
  const around = (before: TfValue, length: TfValue, available: number): TfValue => tf.pack([before, tf.binary('Sub', tf.binary('Sub', tf.int(available), length), before)]);
  const paddings = tf.pack([none, around(corner.y, content.height, size.heightPx), around(corner.x, content.width, size.widthPx), none]);
  return tf.pad(resized, paddings, tf.float(LETTERBOX_GREY));
}

/** Channels, range, element type, layout. */
function toInput(tf: TfOperators, pixels: TfValue, recipe: InputRecipe): TfValue {
  let value = pixels;
  if (recipe.channels === 'bgr') value = tf.node('ReverseV2', [value, tf.ints([3])], { T: typeAttr(value.dtype), Tidx: typeAttr('int32') }, value.dtype);
  if (recipe.mean.some((mean) => mean !== 0)) value = tf.binary('Sub', tf.cast(value, 'float'), tf.floats(recipe.mean));
  if (recipe.deviation.some((deviation) => deviation !== 1)) value = tf.binary('RealDiv', tf.cast(value, 'float'), tf.floats(recipe.deviation));
  // A cast would cut off.
  if (value.dtype === 'float' && (recipe.dtype === 'uint8' || recipe.dtype === 'int32')) value = tf.unary('Round', value);
  value = tf.cast(value, recipe.dtype);
  if (recipe.resize !== 'none') value = withKnownShape(tf, value, recipe);
  return recipe.layout === 'nchw' ? tf.transpose(value, [0, 3, 1, 2]) : value;
}

/** So that the shapes of all that is computed from it are known before it runs. */
function withKnownShape(tf: TfOperators, value: TfValue, { size }: InputRecipe): TfValue {
  return tf.reshape(value, tf.pack([tf.element(tf.shapeOf(value), 0), tf.int(size.heightPx), tf.int(size.widthPx), tf.int(CHANNELS)]));
}
