import type { OfferedFrame } from '../core/frames.js';
import type { StreamCommand } from '../core/stream-control.js';
import type { StreamMode, StreamStatus } from '../core/stream-status.js';
import type { StreamTimeline } from '../core/stream-timeline.js';

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
  /** Carries out a command; resolves when it is taken up: the outcome is seen in the status and in the frames.
   * @throws {CommandNotSupportedError} seek, step and speed of a live stream
   * @throws {RangeError} there is no such stream */
  control(streamId: string, command: StreamCommand): Promise<void>;
  /** What was found where in a replay; `null`: the stream is live, or there is no such stream. */
  timeline(streamId: string): StreamTimeline | null;
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

/** How a change is made. `persist`: write it back to the streams folder too; where that fails nothing changes. */
export type ChangeOptions = { readonly persist: boolean };

/** A stream's definition, without secrets. */
export type StoredDefinition = {
  readonly definition: { readonly id?: string | undefined; readonly source?: string | undefined };
  /** Whether it stands in a file of the streams folder. */
  readonly persisted: boolean;
};

/** What opening a source once has shown. */
export type SourceTest =
  | { readonly ok: true; readonly mode: StreamMode; readonly widthPx: number; readonly heightPx: number; readonly declaredFps: number | null; readonly durationMs: number | null; readonly codec: string }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** What a reload changed: ids of streams, and paths of settings that wait for the next start. */
export type ReloadResult = { readonly added: readonly string[]; readonly changed: readonly string[]; readonly removed: readonly string[]; readonly restartNeeded: readonly string[] };

/** Adds, changes and removes streams at run time. */
export interface StreamAdmin {
  /** Adds a stream and starts it.
   * @param definition what a file of the streams folder may hold, not checked yet
   * @throws {ConfigError} what is wrong with the definition
   * @throws {SourceNotAllowedError} the policy for sources over the API refuses it
   * @throws {StreamExistsError} its id is taken
   * @throws {NotWritableError} it cannot be written back */
  create(definition: unknown, options: ChangeOptions): Promise<StreamStatus>;
  /** @returns `null`: there is no such stream */
  definition(streamId: string): StoredDefinition | null;
  /** Changes a stream; its viewers stay.
   * @param patch the keys that change, not checked yet; `null` means the default, a source as `definition` tells it that it stays
   * @returns `null`: there is no such stream
   * @throws {ConfigError} @throws {SourceNotAllowedError} @throws {NotWritableError} as for `create` */
  change(streamId: string, patch: unknown, options: ChangeOptions): Promise<StreamStatus | null>;
  /** @returns `false`: there is no such stream. Resolves when it is gone, its ffmpeg too.
   * @throws {NotWritableError} its file cannot be removed */
  remove(streamId: string, options: ChangeOptions): Promise<boolean>;
  /** Opens the source of a stream that is not there yet, or of one as it would be after a change, once and not for long.
   * @param streamId `null`: `definition` is all of it; else it is a patch as for `change`
   * @param signal ends the test: nobody waits for its answer
   * @returns `null`: there is no such stream
   * @throws {ConfigError} @throws {SourceNotAllowedError} as for `create` @throws {TooManyTestsError} two are being tested already */
  testSource(streamId: string | null, definition: unknown, signal: AbortSignal): Promise<SourceTest | null>;
}
