/** A picture's size in whole pixels. */
export type Size = { readonly widthPx: number; readonly heightPx: number };

/** `[x1, y1, x2, y2]` in pixels, origin at the top left, x1 <= x2 and y1 <= y2. */
export type BoxXyxyPx = readonly [x1: number, y1: number, x2: number, y2: number];

/** `[yMin, xMin, yMax, xMax]`, normalised to [0, 1]: the layout of the TensorFlow Object Detection API. */
export type BoxYxyxNormalized = readonly [yMin: number, xMin: number, yMax: number, xMax: number];

/** How a picture lies inside a larger canvas of another shape: scaled to `content`, its corner at (`offsetXPx`, `offsetYPx`). */
export type Letterbox = {
  /** Size of the picture that was fitted. */
  readonly source: Size;
  /** Size of the canvas that it was fitted into. */
  readonly canvas: Size;
  /** Size of the picture inside the canvas, whole pixels. */
  readonly content: Size;
  readonly offsetXPx: number;
  readonly offsetYPx: number;
};

/** Fits `source` into `canvas`: aspect kept, centred, whole pixels, up- or downscaled. */
export function letterbox(source: Size, canvas: Size): Letterbox {
  assertSize('source', source);
  assertSize('canvas', canvas);
  const scale = Math.min(canvas.widthPx / source.widthPx, canvas.heightPx / source.heightPx);
  const content = {
    widthPx: Math.min(canvas.widthPx, Math.max(1, Math.round(source.widthPx * scale))),
    heightPx: Math.min(canvas.heightPx, Math.max(1, Math.round(source.heightPx * scale))),
  };
  return {
    source,
    canvas,
    content,
    offsetXPx: Math.floor((canvas.widthPx - content.widthPx) / 2),
    offsetYPx: Math.floor((canvas.heightPx - content.heightPx) / 2),
  };
}

/** Maps a box from the canvas of a letterbox back to the source picture and clips it there. */
export function unletterboxBox(box: BoxXyxyPx, lb: Letterbox): BoxXyxyPx {
  const [x1, y1] = unletterboxPoint(box[0], box[1], lb);
  const [x2, y2] = unletterboxPoint(box[2], box[3], lb);
  return clipBox([x1, y1, x2, y2], lb.source);
}

/** Maps a point from the canvas of a letterbox back to the source picture; nothing is clipped. */
export function unletterboxPoint(xPx: number, yPx: number, lb: Letterbox): [xPx: number, yPx: number] {
  return [(xPx - lb.offsetXPx) * (lb.source.widthPx / lb.content.widthPx), (yPx - lb.offsetYPx) * (lb.source.heightPx / lb.content.heightPx)];
}

/** Turns a normalised Object Detection API box into pixels of a picture of size `size`; nothing is clipped. */
export function denormalizeBox(box: BoxYxyxNormalized, size: Size): BoxXyxyPx {
  return [box[1] * size.widthPx, box[0] * size.heightPx, box[3] * size.widthPx, box[2] * size.heightPx];
}

/** Scales a box from a picture of size `from` to the same picture at size `to`. */
export function scaleBox(box: BoxXyxyPx, from: Size, to: Size): BoxXyxyPx {
  const scaleX = to.widthPx / from.widthPx;
  const scaleY = to.heightPx / from.heightPx;
  return [box[0] * scaleX, box[1] * scaleY, box[2] * scaleX, box[3] * scaleY];
}

/** Clips a box to a picture; a box outside it becomes an empty box on its edge. */
export function clipBox(box: BoxXyxyPx, size: Size): BoxXyxyPx {
  const clampX = (x: number): number => Math.min(size.widthPx, Math.max(0, x));
  const clampY = (y: number): number => Math.min(size.heightPx, Math.max(0, y));
  return [clampX(box[0]), clampY(box[1]), clampX(box[2]), clampY(box[3])];
}

/** Area of a box in square pixels, 0 for an empty one. */
export function boxArea(box: BoxXyxyPx): number {
  return Math.max(0, box[2] - box[0]) * Math.max(0, box[3] - box[1]);
}

/** Intersection over union of two boxes, in [0, 1]; 0 when both are empty. */
export function boxIou(a: BoxXyxyPx, b: BoxXyxyPx): number {
  const intersection = boxArea([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])]);
  const union = boxArea(a) + boxArea(b) - intersection;
  return union > 0 ? intersection / union : 0;
}

/** Shrinks `size` to at most `maxWidthPx` wide, aspect kept; never scales up. */
export function limitWidth(size: Size, maxWidthPx: number | null): Size {
  if (maxWidthPx === null || size.widthPx <= maxWidthPx) return size;
  return { widthPx: maxWidthPx, heightPx: Math.max(1, Math.round((size.heightPx * maxWidthPx) / size.widthPx)) };
}

function assertSize(name: string, size: Size): void {
  for (const value of [size.widthPx, size.heightPx]) {
    if (!Number.isInteger(value) || value < 1) {
      throw new RangeError(`Expected \`${name}\` to be whole pixels > 0, got ${String(size.widthPx)}x${String(size.heightPx)}`);
    }
  }
}
