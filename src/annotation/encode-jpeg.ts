import { createImageData } from 'canvas';

import { AnnotationError } from '../core/errors.js';
import type { PixelImage } from '../core/frames.js';
import { createSurface, dispose } from './canvas-pool.js';

/** High, and colours are not subsampled below: what is lost here the model cannot find. */
const QUALITY = 0.9;

/** Encodes a picture (`rgb24`) as JPEG, for models that take encoded ones.
 * @throws {AnnotationError} when it cannot be encoded
 * @throws {TypeError} for another pixel format */
export async function encodeJpeg({ format, data, widthPx, heightPx }: PixelImage): Promise<Buffer> {
  if (format !== 'rgb24') throw new TypeError(`Expected rgb24, got ${format}`);
  const surface = createSurface({ widthPx, heightPx });
  try {
    surface.ctx.putImageData(createImageData(withAlpha(data, widthPx * heightPx), widthPx, heightPx), 0, 0);
    return await new Promise((resolve, reject) => {
      const onEncoded = (error: Error | null, jpeg: Buffer): void => {
        if (error === null) resolve(jpeg);
        else reject(new AnnotationError(`A picture for the model cannot be encoded: ${error.message}`, { cause: error }));
      };
      surface.canvas.toBuffer(onEncoded, 'image/jpeg', { quality: QUALITY, chromaSubsampling: false });
    });
  } finally {
    dispose(surface);
  }
}

function withAlpha(rgb: Buffer, pixels: number): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(pixels * 4);
  for (let from = 0, to = 0; to < rgba.length; from += 3, to += 4) {
    rgba[to] = rgb[from] ?? 0;
    rgba[to + 1] = rgb[from + 1] ?? 0;
    rgba[to + 2] = rgb[from + 2] ?? 0;
    rgba[to + 3] = 255;
  }
  return rgba;
}
