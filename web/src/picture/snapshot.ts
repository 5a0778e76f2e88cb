import { drawFindings } from '../../../src/core/drawing/draw-findings.js';
import { drawable, type FrameFindings } from '../model/frame-findings.js';
import type { ShownFrame } from './frame-player.js';

/** As the server's own pictures, or a little better: it is encoded a second time. */
const QUALITY = 0.92;

/** The picture on the screen as a JPEG: as the server sent it where that drew the boxes, else with the boxes that this page draws.
 * @param findings what this page shows of what was found on the frame
 */
export async function snapshotOf({ header, jpeg, bitmap }: ShownFrame, findings: FrameFindings): Promise<Blob> {
  if (header.render !== 'client') return new Blob([jpeg], { type: 'image/jpeg' });
  const canvas = new OffscreenCanvas(header.widthPx, header.heightPx);
  const context = canvas.getContext('2d', { alpha: false });
  if (context === null) throw new TypeError('This browser does not draw on a canvas');
  // At once, before anything is waited for: the next frame closes the bitmap.
  context.drawImage(bitmap, 0, 0, header.widthPx, header.heightPx);
  drawFindings(context, drawable(findings, header, header), header);
  return canvas.convertToBlob({ type: 'image/jpeg', quality: QUALITY });
}

/** Hands a file to the person at the page. */
export function saveFile(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has read the address once the click is dispatched; the next task is early enough to let go.
  window.setTimeout(() => { URL.revokeObjectURL(url); }, 0);
}
