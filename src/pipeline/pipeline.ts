import { interval, type Subscription } from 'rxjs';
import { ClosedError } from '../core/errors.js';
import type { OfferedFrame } from '../core/frames.js';
import type { StreamCommand } from '../core/stream-control.js';
import type { StreamStatus } from '../core/stream-status.js';
import type { StreamTimeline } from '../core/stream-timeline.js';
import type { DirectoryListener, StreamDirectory } from '../viewers/stream-directory.js';
import { StreamSlot, type StreamSlotOptions, type StreamStyle } from './stream-slot.js';

/** How often a stream's status is told when its state does not change, ms (DESIGN.md part 4: at most once a second). */
const STATUS_INTERVAL_MS = 1_000;

export type PipelineStreamOptions = StreamSlotOptions;

/** All streams of a service: starts, changes and stops them and tells viewers of their frames and states. */
export class Pipeline implements StreamDirectory {
  readonly #streams = new Map<string, StreamSlot>();
  readonly #listeners = new Set<DirectoryListener>();
  readonly #lastTold = new Map<string, string>();
  readonly #ticker: Subscription;
  #closing: Promise<void> | null = null;

  constructor() {
    this.#ticker = interval(STATUS_INTERVAL_MS).subscribe({
      next: () => {
        for (const stream of this.#streams.values()) this.#tell(stream.status());
      },
      error: (error: unknown) => {
        throw error;
      },
    });
  }

  /** Adds a stream and starts it.
   * @throws {RangeError} when the id is taken
   * @throws {ClosedError} after `close()` */
  add(options: PipelineStreamOptions): StreamStatus {
    if (this.#closing !== null) throw new ClosedError('The service');
    if (this.#streams.has(options.id)) throw new RangeError(`Expected a new stream id, got \`${options.id}\``);
    const stream: StreamSlot = new StreamSlot(options, {
      onFrame: (frame) => {
        for (const listener of this.#listeners) listener.onFrame(frame);
      },
      onStateChange: () => {
        this.#tellOnChange(stream);
      },
    });
    this.#streams.set(options.id, stream);
    stream.start();
    return stream.status();
  }

  /** Lets a stream run with other settings: its viewers stay, its numbers and counters go on.
   * @throws {RangeError} when there is no such stream
   * @throws {ClosedError} after `close()` */
  replace(options: PipelineStreamOptions): StreamStatus {
    const stream = this.#get(options.id);
    stream.replace(options);
    return stream.status();
  }

  /** Changes what people see of a stream, without a new start.
   * @throws {RangeError} when there is no such stream
   * @throws {ClosedError} after `close()` */
  restyle(streamId: string, style: StreamStyle): StreamStatus {
    const stream = this.#get(streamId);
    stream.restyle(style);
    return stream.status();
  }

  /** Stops a stream and forgets it; its id may be used again at once.
   * @returns `false`: there is no such stream. Resolves when its ffmpeg is gone. */
  async remove(streamId: string): Promise<boolean> {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) return false;
    this.#streams.delete(streamId);
    this.#lastTold.delete(streamId);
    for (const listener of this.#listeners) listener.onRemoved(streamId);
    await stream.close();
    return true;
  }

  // Async, so that what it throws is a rejection; carried out before the first await all the same, in the order of the calls.
  // eslint-disable-next-line @typescript-eslint/require-await
  async control(streamId: string, command: StreamCommand): Promise<void> {
    const stream = this.#streams.get(streamId);
    if (stream === undefined) throw new RangeError(`There is no stream \`${streamId}\``);
    stream.control(command);
  }

  timeline(streamId: string): StreamTimeline | null {
    return this.#streams.get(streamId)?.timeline() ?? null;
  }

  list(): readonly StreamStatus[] {
    return [...this.#streams.values()].map((stream) => stream.status());
  }

  get(streamId: string): StreamStatus | undefined {
    return this.#streams.get(streamId)?.status();
  }

  latest(streamId: string): OfferedFrame | undefined {
    return this.#streams.get(streamId)?.latest();
  }

  watch(streamId: string): () => void {
    return this.#streams.get(streamId)?.watch() ?? (() => undefined);
  }

  addViewerSkipped(streamId: string, count: number): void {
    this.#streams.get(streamId)?.addViewerSkipped(count);
  }

  listen(listener: DirectoryListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Stops all streams. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ticker.unsubscribe();
    await Promise.all([...this.#streams.values()].map((stream) => stream.close()));
    for (const stream of this.#streams.values()) this.#tellOnChange(stream);
  }

  #get(streamId: string): StreamSlot {
    if (this.#closing !== null) throw new ClosedError('The service');
    const stream = this.#streams.get(streamId);
    if (stream === undefined) throw new RangeError(`There is no stream \`${streamId}\``);
    return stream;
  }

  /** Tells at once, but only when something that people act on has changed. */
  #tellOnChange(stream: StreamSlot): void {
    // One that was removed ends in silence.
    if (this.#streams.get(stream.id) !== stream) return;
    const status = stream.status();
    const face = JSON.stringify([status.name, status.source, status.mode, status.state, status.speed, status.detector, status.error, status.widthPx, status.heightPx]);
    if (this.#lastTold.get(status.id) === face) return;
    this.#lastTold.set(status.id, face);
    this.#tell(status);
  }

  #tell(status: StreamStatus): void {
    for (const listener of this.#listeners) listener.onStatus(status);
  }
}
