import { interval, type Subscription } from 'rxjs';
import type { OfferedFrame } from '../core/frames.js';
import type { StreamCommand } from '../core/stream-control.js';
import type { StreamStatus } from '../core/stream-status.js';
import type { StreamTimeline } from '../core/stream-timeline.js';
import type { DirectoryListener, StreamDirectory } from '../viewers/stream-directory.js';
import { StreamRunner, type StreamRunnerOptions } from './stream-runner.js';

/** How often a stream's status is told when its state does not change, ms (DESIGN.md part 4: at most once a second). */
const STATUS_INTERVAL_MS = 1_000;

export type PipelineStreamOptions = Omit<StreamRunnerOptions, 'onFrame' | 'onStateChange'>;

/** All streams of a service: starts and stops their runners and tells viewers of their frames and states. */
export class Pipeline implements StreamDirectory {
  readonly #runners = new Map<string, StreamRunner>();
  readonly #listeners = new Set<DirectoryListener>();
  readonly #lastTold = new Map<string, string>();
  readonly #ticker: Subscription;
  #closing: Promise<void> | null = null;

  constructor() {
    this.#ticker = interval(STATUS_INTERVAL_MS).subscribe({
      next: () => {
        for (const runner of this.#runners.values()) this.#tell(runner.status());
      },
      error: (error: unknown) => {
        throw error;
      },
    });
  }

  /** Adds a stream and starts it.
   * @throws {RangeError} when the id is taken */
  add(options: PipelineStreamOptions): StreamStatus {
    if (this.#runners.has(options.id)) throw new RangeError(`Expected a new stream id, got \`${options.id}\``);
    const runner: StreamRunner = new StreamRunner({
      ...options,
      onFrame: (frame) => {
        for (const listener of this.#listeners) listener.onFrame(frame);
      },
      onStateChange: () => {
        this.#tellOnChange(runner);
      },
    });
    this.#runners.set(options.id, runner);
    runner.start();
    return runner.status();
  }

  /** Stops a stream and forgets it; its id may be used again at once.
   * @returns `false`: there is no such stream. Resolves when its ffmpeg is gone. */
  async remove(streamId: string): Promise<boolean> {
    const runner = this.#runners.get(streamId);
    if (runner === undefined) return false;
    this.#runners.delete(streamId);
    this.#lastTold.delete(streamId);
    for (const listener of this.#listeners) listener.onRemoved(streamId);
    await runner.close();
    return true;
  }

  // Async, so that what it throws is a rejection; carried out before the first await all the same, in the order of the calls.
  // eslint-disable-next-line @typescript-eslint/require-await
  async control(streamId: string, command: StreamCommand): Promise<void> {
    const runner = this.#runners.get(streamId);
    if (runner === undefined) throw new RangeError(`There is no stream \`${streamId}\``);
    runner.control(command);
  }

  timeline(streamId: string): StreamTimeline | null {
    return this.#runners.get(streamId)?.timeline() ?? null;
  }

  list(): readonly StreamStatus[] {
    return [...this.#runners.values()].map((runner) => runner.status());
  }

  get(streamId: string): StreamStatus | undefined {
    return this.#runners.get(streamId)?.status();
  }

  latest(streamId: string): OfferedFrame | undefined {
    return this.#runners.get(streamId)?.latest();
  }

  watch(streamId: string): () => void {
    return this.#runners.get(streamId)?.watch() ?? (() => undefined);
  }

  addViewerSkipped(streamId: string, count: number): void {
    this.#runners.get(streamId)?.addViewerSkipped(count);
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
    await Promise.all([...this.#runners.values()].map((runner) => runner.close()));
    for (const runner of this.#runners.values()) this.#tellOnChange(runner);
  }

  /** Tells at once, but only when something that people act on has changed. */
  #tellOnChange(runner: StreamRunner): void {
    // One that was removed ends in silence.
    if (this.#runners.get(runner.id) !== runner) return;
    const status = runner.status();
    const face = JSON.stringify([status.state, status.speed, status.detector, status.error, status.widthPx, status.heightPx]);
    if (this.#lastTold.get(status.id) === face) return;
    this.#lastTold.set(status.id, face);
    this.#tell(status);
  }

  #tell(status: StreamStatus): void {
    for (const listener of this.#listeners) listener.onStatus(status);
  }
}
