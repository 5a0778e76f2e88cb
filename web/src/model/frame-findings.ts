import { fromRecord, type DetectionRecord } from '../../../src/core/detection-record.js';
import type { Findings } from '../../../src/core/drawing/draw-findings.js';
import type { ClassScore } from '../../../src/core/frames.js';
import type { Size } from '../../../src/core/geometry.js';
import { scaleDetection } from '../../../src/core/scale-detection.js';

/** What was found on a frame, as its header has it: masks and keypoints are unpacked only where they are drawn. */
export type FrameFindings = {
  /** Ordered by score, descending. */
  readonly detections: readonly DetectionRecord[];
  /** Ordered likewise. */
  readonly classes?: readonly ClassScore[];
};

/** What was found on a picture of one size, as it is drawn on a picture of another. */
export function drawable({ detections, classes }: FrameFindings, from: Size, to: Size): Findings {
  return { detections: detections.map((record) => scaleDetection(fromRecord(record), from, to)), ...(classes === undefined ? {} : { classes }) };
}
