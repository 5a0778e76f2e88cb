import type { OfferedFrame } from '../core/frames.js';
import type { StreamStatus } from '../core/stream-status.js';

/** What the viewers stage needs to know of the streams; the pipeline implements it. */
export interface StreamDirectory {
  list(): readonly StreamStatus[];
  get(streamId: string): StreamStatus | undefined;
  /** The newest frame offered, retained for the caller (who releases it), or `undefined` before the first. */
  latest(streamId: string): OfferedFrame | undefined;
  /** Tells that somebody looks at the stream; a replay waits for the first one. Returns the (idempotent) way to stop looking. */
  watch(streamId: string): () => void;
  /** Counts frames that a viewer was too slow for. */
  addViewerSkipped(streamId: string, count: number): void;
  /** @returns the (idempotent) way to stop listening */
  listen(listener: DirectoryListener): () => void;
}

export interface DirectoryListener {
  /** Called for every frame offered; the frame is only held for the length of the call unless retained. */
  onFrame(frame: OfferedFrame): void;
  /** Called on each change of state, else at most once a second a stream. */
  onStatus(status: StreamStatus): void;
  onRemoved(streamId: string): void;
}
