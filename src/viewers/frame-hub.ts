import type { OfferedFrame } from '../core/frames.js';
import type { StreamStatus } from '../core/stream-status.js';
import type { StreamDirectory } from './stream-directory.js';

/** Somebody who wants one stream's frames. */
export interface FrameSink {
  /** The frame is only held for the length of the call unless retained. */
  onFrame(frame: OfferedFrame): void;
  /** The stream is gone; nothing follows. */
  onRemoved(): void;
}

/** Somebody who wants to know how streams fare. */
export interface StatusSink {
  /** @param json the `stream` message, encoded once for all */
  onStatus(streamId: string, json: string): void;
  onRemoved(streamId: string): void;
}

/** The one listener of the directory; hands each frame to those who subscribed to its stream, each status to every viewer. */
export class FrameHub {
  readonly #directory: StreamDirectory;
  readonly #stopListening: () => void;
  readonly #frameSinks = new Map<string, Set<FrameSink>>();
  readonly #statusSinks = new Set<StatusSink>();

  constructor(directory: StreamDirectory) {
    this.#directory = directory;
    this.#stopListening = directory.listen({
      onFrame: (frame) => this.#frameSinks.get(frame.streamId)?.forEach((sink) => sink.onFrame(frame)),
      onStatus: (status) => this.#tellStatus(status),
      onRemoved: (streamId) => this.#tellRemoved(streamId),
    });
  }

  /** Frames of the stream go to `sink`, and the stream counts as watched, until the (idempotent) function returned is called. */
  subscribe(streamId: string, sink: FrameSink): () => void {
    const sinks = this.#frameSinks.get(streamId) ?? new Set();
    this.#frameSinks.set(streamId, sinks.add(sink));
    const stopWatching = this.#directory.watch(streamId);
    return () => {
      sinks.delete(sink);
      if (sinks.size === 0 && this.#frameSinks.get(streamId) === sinks) this.#frameSinks.delete(streamId);
      stopWatching();
    };
  }

  /** States of all streams go to `sink` until the (idempotent) function returned is called. */
  subscribeStatus(sink: StatusSink): () => void {
    this.#statusSinks.add(sink);
    return () => this.#statusSinks.delete(sink);
  }

  /** Stops listening to the directory; idempotent. */
  close(): void {
    this.#stopListening();
    this.#frameSinks.clear();
    this.#statusSinks.clear();
  }

  #tellStatus(status: StreamStatus): void {
    if (this.#statusSinks.size === 0) return;
    const json = JSON.stringify({ type: 'stream', stream: status });
    for (const sink of this.#statusSinks) sink.onStatus(status.id, json);
  }

  #tellRemoved(streamId: string): void {
    const sinks = [...(this.#frameSinks.get(streamId) ?? [])];
    for (const sink of sinks) sink.onRemoved();
    for (const sink of this.#statusSinks) sink.onRemoved(streamId);
  }
}
