import { classColour } from '../class-colours.js';
import type { Keypoint } from '../frames.js';
import type { Size } from '../geometry.js';
import type { AnnotationStyle } from './annotation-style.js';
import { OUTLINE_COLOUR } from './draw-label.js';
import type { DrawingContext } from './drawing-context.js';

/** Points that the model is less sure of are not drawn. */
const MIN_SCORE = 0.3;

/** How many keypoints a person has in COCO: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, each pair left first. */
const COCO_KEYPOINTS = 17;
/** Limbs between them, as pairs of indices.
 * @see the `skeleton` of category 1 in COCO's person_keypoints annotations, which counts from 1 */
const COCO_LIMBS: readonly (readonly [number, number])[] = [
  [15, 13], [13, 11], [16, 14], [14, 12], [11, 12], [5, 11], [6, 12], [5, 6], [5, 7], [6, 8],
  [7, 9], [8, 10], [1, 2], [0, 1], [0, 2], [1, 3], [2, 4], [3, 5], [4, 6],
];

/** Draws an object's keypoints in the colour of its class with a dark rim; with the 17 of COCO the limbs between them too. Points outside the picture, or with a score
 * below 0.3, are left out, and so are their limbs.
 * @param keypoints in pixels of the picture
 * @param picture size of what `ctx` draws on */
export function drawKeypoints(ctx: DrawingContext, keypoints: readonly Keypoint[], classId: number, picture: Size, style: AnnotationStyle): void {
  const isDrawn = ({ xPx, yPx, score }: Keypoint): boolean => xPx >= 0 && yPx >= 0 && xPx <= picture.widthPx && yPx <= picture.heightPx && (score ?? 1) >= MIN_SCORE;
  const points = keypoints.map((point) => (isDrawn(point) ? point : null));
  const colour = classColour(classId);
  const { limbWidthPx, pointRadiusPx, outlineWidthPx } = style;
  if (keypoints.length === COCO_KEYPOINTS) {
    ctx.lineCap = 'round';
    strokeLimbs(ctx, points, OUTLINE_COLOUR, limbWidthPx + 2 * outlineWidthPx);
    strokeLimbs(ctx, points, colour, limbWidthPx);
  }
  fillPoints(ctx, points, OUTLINE_COLOUR, pointRadiusPx + outlineWidthPx);
  fillPoints(ctx, points, colour, pointRadiusPx);
}

function strokeLimbs(ctx: DrawingContext, points: readonly (Keypoint | null)[], colour: string, widthPx: number): void {
  ctx.strokeStyle = colour;
  ctx.lineWidth = widthPx;
  ctx.beginPath();
  for (const [from, to] of COCO_LIMBS) {
    const [a, b] = [points[from] ?? null, points[to] ?? null];
    if (a === null || b === null) continue;
    ctx.moveTo(a.xPx, a.yPx);
    ctx.lineTo(b.xPx, b.yPx);
  }
  ctx.stroke();
}

function fillPoints(ctx: DrawingContext, points: readonly (Keypoint | null)[], colour: string, radiusPx: number): void {
  ctx.fillStyle = colour;
  ctx.beginPath();
  for (const point of points) {
    if (point === null) continue;
    ctx.moveTo(point.xPx + radiusPx, point.yPx);
    ctx.arc(point.xPx, point.yPx, radiusPx, 0, 2 * Math.PI);
  }
  ctx.fill();
}
