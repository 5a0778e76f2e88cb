import { createCanvas, createImageData } from 'canvas';
import type { PixelImage } from '../../src/core/frames.js';

/** What the machine's libjpeg takes to encode one picture that lies ready, the same library and thread pool that annotation uses.
 * @param quality 1–100 */
export function encodeOnly(picture: PixelImage, quality: number): { readonly encode: () => Promise<Buffer> } {
  const canvas = createCanvas(picture.widthPx, picture.heightPx);
  const pixels = new Uint8ClampedArray(picture.data.buffer as ArrayBuffer, picture.data.byteOffset, picture.data.length);
  canvas.getContext('2d').putImageData(createImageData(pixels, picture.widthPx, picture.heightPx), 0, 0);
  return {
    encode: () =>
      new Promise((resolve, reject) => {
        canvas.toBuffer(
          (error, jpeg) => {
            if (error === null) resolve(jpeg);
            else reject(error);
          },
          'image/jpeg',
          { quality: quality / 100, chromaSubsampling: true },
        );
      }),
  };
}
