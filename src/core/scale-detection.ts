import type { Detection } from './frames.js';
import { scaleBox, type Size } from './geometry.js';

/** The same detection on the same picture at another size: box, mask and keypoints. */
export function scaleDetection(detection: Detection, from: Size, to: Size): Detection {
  const { box, mask, keypoints } = detection;
  const scaleX = to.widthPx / from.widthPx;
  const scaleY = to.heightPx / from.heightPx;
  return {
    ...detection,
    box: scaleBox(box, from, to),
    ...(mask === undefined ? {} : { mask: { ...mask, box: scaleBox(mask.box, from, to) } }),
    ...(keypoints === undefined ? {} : { keypoints: keypoints.map(({ xPx, yPx, score }) => ({ xPx: xPx * scaleX, yPx: yPx * scaleY, score })) }),
  };
}
