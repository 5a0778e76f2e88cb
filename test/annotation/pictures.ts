import { createCanvas, loadImage } from 'canvas';

import type { Size } from '../../src/core/geometry.js';

/** Pixels that can be asked for one at a time, as `#rrggbb`. */
export type Picture = Size & { readonly at: (x: number, y: number) => string };

export function pictureOfRaw(bgrx: Buffer, size: Size): Picture {
  return { ...size, at: (x, y) => hex(bgrx, (y * size.widthPx + x) * 4, [2, 1, 0]) };
}

export async function pictureOfJpeg(jpeg: Buffer): Promise<Picture> {
  const image = await loadImage(jpeg);
  const canvas = createCanvas(image.width, image.height);
  const ctx = canvas.getContext('2d');
  ctx.drawImage(image, 0, 0);
  const { data } = ctx.getImageData(0, 0, image.width, image.height);
  return { widthPx: image.width, heightPx: image.height, at: (x, y) => hex(data, (y * image.width + x) * 4, [0, 1, 2]) };
}

/** Largest difference of a channel between two colours. */
export function colourDistance(a: string, b: string): number {
  return Math.max(...[1, 3, 5].map((start) => Math.abs(channel(a, start) - channel(b, start))));
}

function channel(colour: string, start: number): number {
  return Number.parseInt(colour.slice(start, start + 2), 16);
}

function hex(data: Uint8Array | Uint8ClampedArray, offset: number, order: readonly number[]): string {
  return `#${order.map((index) => (data[offset + index] ?? 0).toString(16).padStart(2, '0')).join('')}`;
}
