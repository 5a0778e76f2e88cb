import type { ClassScore, Detection } from '../../core/frames.js';
import { scaleBox, unletterboxBox, type BoxXyxyPx, type Letterbox, type Size } from '../../core/geometry.js';
import type { LabelMap } from '../label-map.js';

/** What an answer is decoded with. */
export type DecodeContext = {
  /** Frames that were sent; the answer has as many. */
  readonly batchSize: number;
  /** One for each frame to decode, the first of those sent. */
  readonly letterboxes: readonly Letterbox[];
  /** Size of the pictures that the model saw; `null`: the frames' own. */
  readonly inputSize: Size | null;
  readonly labels: LabelMap;
};

/** What was found on one frame. */
export type FrameFindings = {
  /** Ordered by score, descending; in pixels of the source picture. */
  readonly detections: readonly Detection[];
  /** Ordered by score, descending; empty for models that do not classify whole frames. */
  readonly classes: readonly ClassScore[];
};

/** Most detections of a frame, where the model has not seen to that: Ultralytics' `max_det`. */
export const MAX_DETECTIONS_PER_FRAME = 300;
/** Rows of a frame that are looked at; no model has so many (a YOLO head for 1920x1920 pixels has 226 800). */
export const MAX_ROWS_PER_FRAME = 300_000;

/** Names the class that a model calls by a number.
 * @param classOffset as in the mapping
 * @param classCount classes that the model has, `null` where nobody knows */
export function nameClass(index: number, labels: LabelMap, { classOffset, classCount }: { readonly classOffset: number | null; readonly classCount: number | null }): { classId: number; label: string } {
  if (classOffset === null) return labels.classAt(index, classCount);
  return { classId: index + classOffset, label: labels.label(index + classOffset) };
}

/** Maps a box from the picture that the model saw, of size `inputSize`, to the source picture and clips it there. A frame of another size
 * was stretched to it. */
export function toSourceBox(box: BoxXyxyPx, inputSize: Size, lb: Letterbox): BoxXyxyPx {
  return unletterboxBox(scaleBox(box, inputSize, lb.canvas), lb);
}
