import { Observable, type OperatorFunction } from 'rxjs';
import type { Lane, LaneOptions } from '../batching/lane.js';
import type { MicroBatcher } from '../batching/micro-batcher.js';
import type { DetectedFrame, VideoFrame } from '../core/frames.js';

export type DetectThroughOptions = Omit<LaneOptions, 'onDetected' | 'onFailed'> & {
  /** What becomes of a frame that could not be looked at: a frame to show all the same, or `null` when the receiver has let it go. */
  readonly onFailed: (frame: VideoFrame, error: unknown) => DetectedFrame | null;
  /** A frame that goes around detection, for instance live with no detector: as it is shown, or `null` to send it through. */
  readonly bypass: (frame: VideoFrame) => DetectedFrame | null;
  /** The lane of this subscription, for demand and by-passes. */
  readonly onLane: (lane: Lane) => void;
};

/** Sends frames through their stream's lane of the shared micro-batcher and emits them, in order, with what was found on them.
 *
 * Bounded by the lane (newest wins, or the source waits), never by an operator's buffer. Completes when the source has completed and the
 * lane is empty. Unsubscribing closes the lane: what waits is dropped as `closed`. */
export function detectThrough(batcher: MicroBatcher, options: DetectThroughOptions): OperatorFunction<VideoFrame, DetectedFrame> {
  return (frames$) =>
    new Observable((subscriber) => {
      let sourceCompleted = false;
      const completeWhenEmpty = (): void => {
        if (sourceCompleted && lane.size === 0) subscriber.complete();
      };
      const emit = (detected: DetectedFrame): void => {
        // A closed subscriber swallows what it is given; the frame still needs an end.
        if (subscriber.closed) options.onDropped(detected.frame, 'closed');
        else subscriber.next(detected);
      };
      const lane = batcher.openLane({
        ...options,
        onDetected: (detected) => {
          emit(detected);
          completeWhenEmpty();
        },
        onFailed: (frame, error) => {
          const shown = options.onFailed(frame, error);
          if (shown !== null) emit(shown);
          completeWhenEmpty();
        },
      });
      options.onLane(lane);
      const subscription = frames$.subscribe({
        next: (frame) => {
          const direct = options.bypass(frame);
          if (direct === null) lane.offer(frame);
          else emit(direct);
        },
        error: (error: unknown) => {
          subscriber.error(error);
        },
        complete: () => {
          sourceCompleted = true;
          completeWhenEmpty();
        },
      });
      return () => {
        subscription.unsubscribe();
        lane.close();
      };
    });
}
