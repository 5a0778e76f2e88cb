import type { DrawingContext } from './drawing-context.js';

import { classColour, classTextColour } from '../class-colours.js';
import type { AnnotationStyle } from './annotation-style.js';
import type { PixelRect } from './label-placement.js';

/** Dark line around boxes and labels: on a background of the class's own colour they would vanish without it. */
export const OUTLINE_COLOUR = '#101418';

/** One line of text on a plate of its class's colour. */
export type Label = { readonly classId: number; readonly text: string; readonly plate: PixelRect };

/** Sets the context up for measuring and drawing the text of labels. */
export function prepareText(ctx: DrawingContext, style: AnnotationStyle): void {
  ctx.font = style.font;
  ctx.textBaseline = 'alphabetic';
  ctx.textAlign = 'left';
}

/** Draws a label; nothing outside its plate is touched. {@link prepareText} comes first. */
export function drawLabel(ctx: DrawingContext, { classId, text, plate }: Label, style: AnnotationStyle): void {
  const border = style.plateBorderPx;
  const inner = { x: plate.xPx + border, y: plate.yPx + border, width: plate.widthPx - 2 * border, height: plate.heightPx - 2 * border };
  ctx.fillStyle = OUTLINE_COLOUR;
  ctx.fillRect(plate.xPx, plate.yPx, plate.widthPx, plate.heightPx);
  ctx.fillStyle = classColour(classId);
  ctx.fillRect(inner.x, inner.y, inner.width, inner.height);
  // Clipped, because no measure of a font bounds what its glyphs of untrusted text really paint.
  ctx.save();
  ctx.beginPath();
  ctx.rect(inner.x, inner.y, inner.width, inner.height);
  ctx.clip();
  ctx.fillStyle = classTextColour(classId);
  ctx.fillText(text, plate.xPx + style.platePaddingPx, plate.yPx + style.baselinePx);
  ctx.restore();
}
