import { classColour } from '../../../src/core/class-colours.js';
import type { Mark } from '../model/timeline-marks.js';

/** Even the smallest mark is seen, CSS pixels. */
const MIN_HEIGHT_PX = 3;
/** Between two marks that are wide enough to spare it, CSS pixels. */
const GAP_PX = 1;
const WIDE_PX = 4;

/** Draws what was found over the length of a recording: a bar a stretch, as high as there are frames with something, in the colours of the classes.
 * @param durationMs of the recording; `null`: unknown, the marks fill the width */
export function drawMarks(canvas: HTMLCanvasElement, marks: readonly Mark[], durationMs: number | null): void {
  const widthPx = Math.round(canvas.clientWidth * devicePixelRatio);
  const heightPx = Math.round(canvas.clientHeight * devicePixelRatio);
  if (canvas.width !== widthPx) canvas.width = widthPx;
  if (canvas.height !== heightPx) canvas.height = heightPx;
  const context = canvas.getContext('2d');
  const lengthMs = durationMs ?? marks.at(-1)?.toMs ?? 0;
  if (context === null || widthPx === 0) return;
  context.clearRect(0, 0, widthPx, heightPx);
  canvas.dataset['marks'] = String(marks.length);
  const most = Math.max(...marks.map(({ total }) => total));
  for (const mark of marks) {
    const left = Math.round((mark.fromMs / lengthMs) * widthPx);
    const right = Math.min(widthPx, Math.round((mark.toMs / lengthMs) * widthPx));
    const gap = right - left >= WIDE_PX * devicePixelRatio ? GAP_PX * devicePixelRatio : 0;
    drawBar(context, mark, { x: left, width: Math.max(1, right - left - gap), heightPx: Math.max(MIN_HEIGHT_PX * devicePixelRatio, (mark.total / most) * heightPx), bottom: heightPx });
  }
}

/** Classes stand on one another, in the order of their ids: always in the same. */
function drawBar(context: CanvasRenderingContext2D, { parts, total }: Mark, bar: { readonly x: number; readonly width: number; readonly heightPx: number; readonly bottom: number }): void {
  let { bottom } = bar;
  for (const { classId, frames } of parts) {
    const heightPx = (frames / total) * bar.heightPx;
    context.fillStyle = classColour(classId);
    context.fillRect(bar.x, bottom - heightPx, bar.width, heightPx);
    bottom -= heightPx;
  }
}
