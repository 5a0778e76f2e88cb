import { Observable } from 'rxjs';
import type { VideoFrame } from '../core/frames.js';
import { createVideoSource, type SourceStatus, type VideoSource, type VideoSourceOptions } from '../sources/video-source.js';

export type VideoFramesHooks = {
  /** The source that this subscription started; its `close()` is what `unsubscribe` begins and `closed` awaits. */
  readonly onSource: (source: VideoSource) => void;
  readonly onState: (status: SourceStatus) => void;
  /** Whether the end of the source is the end of its frames; default true. A replay that may be sent back goes on after it. */
  readonly completes?: boolean;
};

/** A source's frames, cold: subscribing starts it, unsubscribing stops it. Completes when the source has ended or failed for good
 * (the state tells which); it never errors, since what a source runs into is a state of the stream.
 *
 * RxJS does not push back: a `replay` source hands out only what was requested of it (`VideoSource.request`), a `live` one never waits. */
export function videoFrames$(options: VideoSourceOptions, hooks: VideoFramesHooks): Observable<VideoFrame> {
  return new Observable((subscriber) => {
    const source = createVideoSource(options, {
      onFrame: (frame) => {
        if (subscriber.closed) frame.release();
        else subscriber.next(frame);
      },
      onState: (status) => {
        hooks.onState(status);
        if (hooks.completes !== false && (status.state === 'ended' || status.state === 'failed')) subscriber.complete();
      },
    });
    hooks.onSource(source);
    source.start();
    return () => {
      // Waiting for the child's end belongs to the owner's close(); teardown itself only begins it.
      void source.close();
    };
  });
}
