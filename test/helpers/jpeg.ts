import { createCanvas, loadImage } from 'canvas';
import type { PixelImage } from '../../src/core/frames.js';

/** Decodes a JPEG into pixels. */
export async function decodeJpeg(jpeg: Buffer): Promise<PixelImage> {
  const image = await loadImage(jpeg);
  const canvas = createCanvas(image.width, image.height);
  const context = canvas.getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  return { widthPx: image.width, heightPx: image.height, format: 'rgba', data: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
}
