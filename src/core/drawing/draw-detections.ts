import type { DrawingContext } from './drawing-context.js';

import { classColour } from '../class-colours.js';
import { MAX_MASKS } from '../detection-record.js';
import type { Detection } from '../frames.js';
import type { Size } from '../geometry.js';
import type { AnnotationStyle } from './annotation-style.js';
import { boxPixels, type BoxPixels } from './box-pixels.js';
import { drawKeypoints } from './draw-keypoints.js';
import { drawLabel, OUTLINE_COLOUR, prepareText, type Label } from './draw-label.js';
import { drawMask } from './draw-mask.js';
import { placeLabel, type PixelRect } from './label-placement.js';
import { fitLabelText } from './label-text.js';

type Drawn = { readonly detection: Detection; readonly box: BoxPixels };

/** Draws boxes with their labels, and masks and keypoints where there are some. The coloured line lies inside the box with its outer edge on the rounded box edges, a
 * dark outline around it outside; labels never leave the picture. Masks first, then boxes, keypoints, labels; what scores higher lies on top and gets the better place.
 * @param detections ordered by score, descending; in pixels of the picture
 * @param picture size of what `ctx` draws on
 * @param style measures of it all
 */
export function drawDetections(ctx: DrawingContext, detections: readonly Detection[], picture: Size, style: AnnotationStyle): void {
  if (detections.length === 0) return;
  const drawn: Drawn[] = [];
  for (const detection of detections) {
    const box = boxPixels(detection.box, picture);
    if (box !== null) drawn.push({ detection, box });
  }
  const upwards = drawn.toReversed();
  drawMasks(ctx, upwards, picture);
  for (const { detection, box } of upwards) drawBox(ctx, box, classColour(detection.classId), style);
  for (const { detection: { classId, keypoints } } of upwards) if (keypoints !== undefined) drawKeypoints(ctx, keypoints, classId, picture, style);

  prepareText(ctx, style);
  for (const label of placeLabels(ctx, drawn, picture, style).toReversed()) drawLabel(ctx, label, style);
}

/** @param upwards what scores higher comes later */
function drawMasks(ctx: DrawingContext, upwards: readonly Drawn[], picture: Size): void {
  for (const { detection: { classId, mask } } of upwards.filter(({ detection }) => detection.mask !== undefined).slice(-MAX_MASKS)) {
    if (mask !== undefined) drawMask(ctx, mask, classId, picture);
  }
}

function placeLabels(ctx: DrawingContext, drawn: readonly Drawn[], picture: Size, style: AnnotationStyle): Label[] {
  const labels: Label[] = [];
  const plates: PixelRect[] = [];
  const measure = (text: string): number => ctx.measureText(text).width;
  for (const { detection, box } of drawn) {
    const label = fitLabelText(detection, maxLabelWidthPx(box, picture, style) - 2 * style.platePaddingPx, measure);
    if (label === null) continue;
    const size = { widthPx: Math.min(picture.widthPx, Math.ceil(label.widthPx) + 2 * style.platePaddingPx), heightPx: style.plateHeightPx };
    const plate = placeLabel(box, size, picture, style.outlineWidthPx, plates);
    if (plate === null) continue;
    plates.push(plate);
    labels.push({ classId: detection.classId, text: label.text, plate });
  }
  return labels;
}

/** A label may be as wide as its box or half the picture; in small pictures wide enough for common names. */
function maxLabelWidthPx(box: BoxPixels, picture: Size, style: AnnotationStyle): number {
  return Math.min(picture.widthPx, Math.max(box.x2 - box.x1, picture.widthPx / 2, style.fontSizePx * 12));
}

/** Filled rectangles on whole pixels, not strokes: nothing is anti-aliased, every pixel is one of the two colours. */
function drawBox(ctx: DrawingContext, box: BoxPixels, colour: string, style: AnnotationStyle): void {
  const out = style.outlineWidthPx;
  ctx.fillStyle = OUTLINE_COLOUR;
  fillFrame(ctx, { x1: box.x1 - out, y1: box.y1 - out, x2: box.x2 + out, y2: box.y2 + out }, out);
  ctx.fillStyle = colour;
  fillFrame(ctx, box, style.lineWidthPx);
}

function fillFrame(ctx: DrawingContext, box: BoxPixels, thicknessPx: number): void {
  const width = box.x2 - box.x1;
  const height = box.y2 - box.y1;
  if (width <= 2 * thicknessPx || height <= 2 * thicknessPx) {
    ctx.fillRect(box.x1, box.y1, width, height);
    return;
  }
  ctx.fillRect(box.x1, box.y1, width, thicknessPx);
  ctx.fillRect(box.x1, box.y2 - thicknessPx, width, thicknessPx);
  ctx.fillRect(box.x1, box.y1 + thicknessPx, thicknessPx, height - 2 * thicknessPx);
  ctx.fillRect(box.x2 - thicknessPx, box.y1 + thicknessPx, thicknessPx, height - 2 * thicknessPx);
}
