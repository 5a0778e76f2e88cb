import type { Size } from '../geometry.js';

/** Measures of everything that is drawn on one picture, whole pixels. */
export type AnnotationStyle = {
  /** Width of a box's coloured line; it lies inside the box. */
  readonly lineWidthPx: number;
  /** Width of the dark line around the coloured one; it lies outside the box. */
  readonly outlineWidthPx: number;
  /** Of a line between two keypoints, without its outline. */
  readonly limbWidthPx: number;
  /** Of a keypoint, without its outline; need not be whole. */
  readonly pointRadiusPx: number;
  readonly fontSizePx: number;
  /** Font as canvas takes it; the family falls back to what the machine has. */
  readonly font: string;
  /** Height of a label's plate, its dark border included. */
  readonly plateHeightPx: number;
  /** Room left and right of a label's text, the border included. */
  readonly platePaddingPx: number;
  readonly plateBorderPx: number;
  /** From the top of a plate to the baseline of its text. */
  readonly baselinePx: number;
};

/** Derives line widths and font size from the picture's shorter side, so that boxes read the same at 360p and at 1080p, upright or not.
 * @param size pixels of the picture that is drawn on
 * @param pixelRatio pixels of the picture to one that the eye takes for one: 2 or 3 on a phone's screen, 1 in a picture that is sent; >= 1.
 * The smallest sizes grow with it
 */
export function annotationStyle(size: Size, pixelRatio = 1): AnnotationStyle {
  const referencePx = Math.min(size.widthPx, size.heightPx);
  // 12 px is the smallest bold text that survives JPEG; 360p gets 14, 720p 22, 1080p 31.
  const fontSizePx = Math.round(Math.max(12 * pixelRatio, referencePx / 42 + 5));
  const plateHeightPx = Math.round(fontSizePx * 1.4);
  return {
    lineWidthPx: Math.round(Math.max(2 * pixelRatio, referencePx / 240)),
    outlineWidthPx: Math.round(Math.max(pixelRatio, referencePx / 720)),
    limbWidthPx: Math.round(Math.max(2 * pixelRatio, referencePx / 300)),
    pointRadiusPx: Math.max(2.5 * pixelRatio, referencePx / 180),
    fontSizePx,
    font: `bold ${String(fontSizePx)}px "DejaVu Sans", sans-serif`,
    plateHeightPx,
    platePaddingPx: Math.round(fontSizePx * 0.4),
    plateBorderPx: Math.round(Math.max(pixelRatio, referencePx / 720)),
    // Capitals are about 0.73 em high: this centres them.
    baselinePx: Math.round((plateHeightPx + fontSizePx * 0.73) / 2),
  };
}
