import type { DrawingContext } from './drawing-context.js';

import type { ClassScore } from '../frames.js';
import type { Size } from '../geometry.js';
import type { AnnotationStyle } from './annotation-style.js';
import { drawLabel, prepareText } from './draw-label.js';
import { fitLabelText, formatPercent } from './label-text.js';

/** Lines of a caption; the rest is in the frame's data. */
const MAX_LINES = 3;

/** Draws what a frame as a whole shows into its upper left corner: up to three lines such as `beach 97%`, one below the other, each on a plate of its
 * class's colour. Lines that do not fit in the picture are left out.
 * @param classes ordered by score, descending
 * @param picture size of what `ctx` draws on
 * @param style measures of it all */
export function drawCaption(ctx: DrawingContext, classes: readonly ClassScore[], picture: Size, style: AnnotationStyle): void {
  if (classes.length === 0) return;
  const { platePaddingPx, plateHeightPx, outlineWidthPx: gapPx } = style;
  prepareText(ctx, style);
  const measure = (text: string): number => ctx.measureText(text).width;
  classes.slice(0, MAX_LINES).forEach((found, line) => {
    const yPx = gapPx + line * plateHeightPx;
    const label = fitLabelText(found, picture.widthPx - 2 * gapPx - 2 * platePaddingPx, measure, formatPercent);
    if (label === null || yPx + plateHeightPx > picture.heightPx) return;
    const plate = { xPx: gapPx, yPx, widthPx: Math.min(picture.widthPx - gapPx, Math.ceil(label.widthPx) + 2 * platePaddingPx), heightPx: plateHeightPx };
    drawLabel(ctx, { classId: found.classId, text: label.text, plate }, style);
  });
}
