import type { PixelImage } from '../../src/core/frames.js';
import { letterbox } from '../../src/core/geometry.js';
import { generated, pixelAt } from './clips.js';
import type { FakeDetection, SeenPredict } from './fake-serving.js';

/** Where everything lies on the pictures of a {@link squareClip}, pixels; the nth has the square at (left + dx n mod spanX, top + dy n mod spanY). */
export const SQUARE_CLIP = { widthPx: 480, heightPx: 288, bits: 10, stripPx: 48, sidePx: 60, left: 10, dx: 7, spanX: 400, top: 72, dy: 3, spanY: 150, intervalMs: 40 } as const;
/** Blue: neither as dark as the ground nor as bright as the square. */
export const SQUARE_CLASS = 2;

/** A clip whose nth picture shows the number n, as bars in a strip along its top, and below it a white square on black, at a place of its own: what is drawn around the square can be held
 * against where it must be, whatever is said beside the picture. */
export function squareClip(name: string, frames: number): Promise<string> {
  const { widthPx, heightPx, bits, stripPx, sidePx, left, dx, spanX, top, dy, spanY } = SQUARE_CLIP;
  const bar = `mod(floor(N/pow(2,floor(X*${String(bits)}/${String(widthPx)}))),2)`;
  const within = (at: string, from: string): string => `gte(${at},${from})*lt(${at},${from}+${String(sidePx)})`;
  const square = `${within('X', `(${String(left)}+mod(${String(dx)}*N,${String(spanX)}))`)}*${within('Y', `(${String(top)}+mod(${String(dy)}*N,${String(spanY)}))`)}`;
  return generated(name, [
    '-f', 'lavfi', '-i', `color=black:s=${String(widthPx)}x${String(heightPx)}:r=${String(1000 / SQUARE_CLIP.intervalMs)},format=yuv420p`,
    '-vf', `geq=lum='16+219*if(lt(Y,${String(stripPx)}),${bar},${square})':cb=128:cr=128`, '-frames:v', String(frames),
    '-c:v', 'libx264', '-preset', 'fast', '-crf', '8', '-g', '50', '-bf', '2', '-pix_fmt', 'yuv420p',
  ]);
}

/** A detector that finds the square in the very pixels that it gets, to a fraction of a pixel: what it finds is where the square is, not where it should be. */
export function findSquare(imageIndex: number, request: SeenPredict): FakeDetection[] {
  const tensor = request.inputs.get('inputs');
  const [, heightPx = 0, widthPx = 0] = tensor?.shape ?? [];
  const bytes = widthPx * heightPx * 3;
  const image: PixelImage = { widthPx, heightPx, format: 'rgb24', data: Buffer.from(tensor?.data as Uint8Array).subarray(imageIndex * bytes, (imageIndex + 1) * bytes) };
  const { content, offsetXPx, offsetYPx } = letterbox(SQUARE_CLIP, image);
  const firstRow = Math.ceil(offsetYPx + ((SQUARE_CLIP.stripPx + 4) * content.heightPx) / SQUARE_CLIP.heightPx);
  const columns = new Float64Array(widthPx);
  const rows = new Float64Array(heightPx);
  for (let y = firstRow; y < offsetYPx + content.heightPx; y += 1) {
    for (let x = offsetXPx; x < offsetXPx + content.widthPx; x += 1) {
      const value = pixelAt(image, x, y)[0] / 255;
      columns[x] = Math.max(columns[x] ?? 0, value);
      rows[y] = Math.max(rows[y] ?? 0, value);
    }
  }
  const [x1, x2] = extentOf(columns);
  const [y1, y2] = extentOf(rows);
  return [{ classId: SQUARE_CLASS, score: 0.9, box: [y1 / heightPx, x1 / widthPx, y2 / heightPx, x2 / widthPx] }];
}

/** Where brightness begins and ends; a pixel that is covered in part counts in part. */
function extentOf(brightness: Float64Array): [from: number, to: number] {
  const isBright = (value: number): boolean => value > 0.15;
  const first = brightness.findIndex(isBright);
  const last = brightness.findLastIndex(isBright);
  return [first + 1 - Math.min(1, brightness[first] ?? 0), last + Math.min(1, brightness[last] ?? 0)];
}
