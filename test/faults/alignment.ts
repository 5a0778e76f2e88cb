import type { PixelImage, VideoFrame } from '../../src/core/frames.js';
import { pixelAt } from '../helpers/clips.js';

/** Whether a picture of a numbered clip is the one of a frame's model input, however spoiled. A picture one earlier or later differs in a tenth of its area at least, between black and white; spoiled blocks are grey
 * or have edges, which the two scalings draw a little differently. */
export function isAligned(display: PixelImage, { modelInput, letterbox: { offsetXPx, offsetYPx, content } }: VideoFrame): boolean {
  const [columns, rows] = [30, 6];
  let difference = 0;
  for (let column = 0; column < columns; column += 1) {
    for (let row = 0; row < rows; row += 1) {
      const [x, y] = [(column + 0.5) / columns, (row + 0.5) / rows];
      const [shown] = pixelAt(display, Math.floor(x * display.widthPx), Math.floor(y * display.heightPx));
      const [looked] = pixelAt(modelInput, Math.floor(offsetXPx + x * content.widthPx), Math.floor(offsetYPx + y * content.heightPx));
      difference += Math.abs(shown - looked);
    }
  }
  // A tenth of 219.
  return difference / (columns * rows) < 15;
}
