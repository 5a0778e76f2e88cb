/** Pictures are asked for in steps of this width, so that dragging a window's edge does not ask at every pixel; the server, which
 * makes one rendition for viewers of nearly one size, rounds up no less. */
const WIDTH_STEP_PX = 160;

/** Width of the picture to ask for.
 * @param seenWidthPx as wide as it is seen, CSS pixels
 * @param pixelRatio pixels of the screen to one of CSS
 */
export function askedWidthPx(seenWidthPx: number, pixelRatio: number): number {
  return Math.max(1, Math.ceil((seenWidthPx * pixelRatio) / WIDTH_STEP_PX)) * WIDTH_STEP_PX;
}
