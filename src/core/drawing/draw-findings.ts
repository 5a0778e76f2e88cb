import type { ClassScore, Detection } from '../frames.js';
import type { Size } from '../geometry.js';
import { annotationStyle } from './annotation-style.js';
import { drawCaption } from './draw-caption.js';
import { drawDetections } from './draw-detections.js';
import type { DrawingContext } from './drawing-context.js';

/** What was found on one frame. */
export type Findings = {
  /** Ordered by score, descending; boxes in pixels of the picture. */
  readonly detections: readonly Detection[];
  /** Ordered likewise. */
  readonly classes?: readonly ClassScore[];
};

/** Draws what was found on a picture: its boxes with their labels, and what it shows as a whole. The one way of drawing, in the service and in the page.
 * @param picture size of what `ctx` draws on
 * @param pixelRatio as of {@link annotationStyle}
 */
export function drawFindings(ctx: DrawingContext, { detections, classes = [] }: Findings, picture: Size, pixelRatio = 1): void {
  const style = annotationStyle(picture, pixelRatio);
  drawDetections(ctx, detections, picture, style);
  drawCaption(ctx, classes, picture, style);
}
