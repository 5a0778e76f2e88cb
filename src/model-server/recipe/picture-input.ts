import type { Letterbox, Size } from '../../core/geometry.js';
import type { InputRecipe } from '../store/recipe.js';
import { fitPixels, placePicture } from './fit-pixels.js';

const CHANNELS = 3;

/** Makes a graph's input of pictures, as a recipe says. */
export class PictureInput {
  readonly recipe: InputRecipe;
  /** Whether the graph takes bytes as they are, so that nothing is left to do once a picture has been fitted. */
  readonly #isPlain: boolean;
  /** A fitted picture whose values are still bytes. */
  #fitted = new Float32Array(0);

  constructor(recipe: InputRecipe) {
    this.recipe = recipe;
    this.#isPlain =
      recipe.layout === 'nhwc' && recipe.channels === 'rgb' && recipe.dtype === 'float' && recipe.mean.every((mean) => mean === 0) && recipe.deviation.every((deviation) => deviation === 1);
  }

  /** Values of one picture of that size in the graph's input. */
  valuesPerPicture(size: Size): number {
    const { widthPx, heightPx } = this.#canvas(size);
    return widthPx * heightPx * CHANNELS;
  }

  /** Shape of the graph's input for `count` pictures of that size. */
  shape(size: Size, count: number): number[] {
    const { widthPx, heightPx } = this.#canvas(size);
    return this.recipe.layout === 'nhwc' ? [count, heightPx, widthPx, CHANNELS] : [count, CHANNELS, heightPx, widthPx];
  }

  /** Puts one picture where the graph looks for it.
   * @param pixels RGB `[height, width, 3]`, row-major
   * @param target of {@link valuesPerPicture}, overwritten
   * @returns where the picture lies on the graph's canvas */
  fill(pixels: Uint8Array, size: Size, target: Float32Array): Letterbox {
    const place = placePicture(size, this.recipe);
    if (this.#isPlain) {
      fitPixels(pixels, target, place);
      return place;
    }
    if (this.#fitted.length !== target.length) this.#fitted = new Float32Array(target.length);
    fitPixels(pixels, this.#fitted, place);
    for (let channel = 0; channel < CHANNELS; channel += 1) this.#fillChannel(channel, target);
    return place;
  }

  #canvas(size: Size): Size {
    return this.recipe.resize === 'none' ? size : this.recipe.size;
  }

  /** @param channel in the graph's order */
  #fillChannel(channel: number, target: Float32Array): void {
    const { layout, channels, dtype, mean, deviation } = this.recipe;
    const from = channels === 'rgb' ? channel : CHANNELS - 1 - channel;
    const pixelCount = target.length / CHANNELS;
    const [start, step] = layout === 'nhwc' ? [channel, CHANNELS] : [channel * pixelCount, 1];
    const centre = mean[channel] ?? 0;
    const factor = 1 / (deviation[channel] ?? 1);
    const isWhole = dtype !== 'float';
    for (let pixel = 0; pixel < pixelCount; pixel += 1) {
      const value = ((this.#fitted[pixel * CHANNELS + from] ?? 0) - centre) * factor;
      target[start + pixel * step] = isWhole ? Math.round(value) : value;
    }
  }
}
