import type { Detection, Keypoint } from './frames.js';
import type { Size } from './geometry.js';
import { decodeMask, encodeMask, type MaskRuns } from './mask-runs.js';

/** A keypoint in JSON: pixels of the picture, and a score in [0, 1] or `null`. */
export type KeypointRecord = readonly [xPx: number, yPx: number, score: number | null];

/** A detection as it is written in JSON: in the header of a frame and in the lines of `sightline detect`. */
export type DetectionRecord = Omit<Detection, 'mask' | 'keypoints'> & {
  /** Only from models that give masks; left out where {@link MAX_MASKS} or {@link MAX_RUNS} says so, or nothing of it is visible. */
  readonly mask?: MaskRuns;
  /** In the model's own order; only from models that give keypoints. */
  readonly keypoints?: readonly KeypointRecord[];
};

/** Masks of one frame that are drawn or written, those of the best; more is no answer to look at (exports give 100). */
export const MAX_MASKS = 100;
/** Runs of all masks of a frame together, about 100 KB of JSON; a mask that goes beyond is left out, and so are those after it. */
export const MAX_RUNS = 32_768;

const POINT_DECIMALS = 2;
const SCORE_DECIMALS = 3;

/** Turns detections into what is written of them.
 * @param detections ordered by score, descending
 * @param picture size of the picture in whose pixels they are */
export function toRecords(detections: readonly Detection[], picture: Size): DetectionRecord[] {
  let masksLeft = MAX_MASKS;
  let runsLeft = MAX_RUNS;
  return detections.map((detection) => {
    const { mask, keypoints, ...rest } = detection;
    if (mask === undefined && keypoints === undefined) return rest;
    const encoded = mask === undefined || masksLeft === 0 ? null : encodeMask(mask, picture);
    const fits = encoded !== null && encoded.runs.length <= runsLeft;
    if (encoded !== null) {
      masksLeft = fits ? masksLeft - 1 : 0;
      runsLeft -= encoded.runs.length;
    }
    const points = keypoints?.map(({ xPx, yPx, score }): KeypointRecord => [rounded(xPx, POINT_DECIMALS), rounded(yPx, POINT_DECIMALS), score === null ? null : rounded(score, SCORE_DECIMALS)]);
    return { ...rest, ...(fits ? { mask: encoded } : {}), ...(points === undefined ? {} : { keypoints: points }) };
  });
}

/** Turns what was written of a detection into one that can be drawn; a mask that nobody wrote so is left out. */
export function fromRecord({ mask: runs, keypoints, ...rest }: DetectionRecord): Detection {
  const mask = runs === undefined ? null : decodeMask(runs);
  return {
    ...rest,
    ...(mask === null ? {} : { mask }),
    ...(keypoints === undefined ? {} : { keypoints: keypoints.map(([xPx, yPx, score]): Keypoint => ({ xPx, yPx, score })) }),
  };
}

function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}
