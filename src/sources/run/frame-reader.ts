import { BulkPipe } from '../../ffmpeg/bulk-pipe.js';
import { OwnedProcess, type CloseOptions, type ProcessExit } from '../../ffmpeg/owned-process.js';
import { rationalValue } from '../../ffmpeg/rational.js';
import { decodeArguments, type DecodeOptions } from './decode-arguments.js';
import { FrameJoiner, type JoinedFrame } from '../frames/frame-joiner.js';
import type { FramePool } from '../frames/frame-pool.js';
import { FrameSplitter } from '../frames/frame-splitter.js';
import { isDamageReport } from '../opening/stderr-reasons.js';
import { TimestampReader } from '../frames/timestamp-reader.js';

/** Standard input and output, because only these two are blocking for the child (see {@link OwnedProcess}); ffmpeg writes to any number it is given. */
const MODEL_FD = 0;
const DISPLAY_FD = 1;
const TIMESTAMPS_FD = 3;
/** Complete frames that may wait before the pipes are no longer read. Two: one to hand out, one to follow it at once. */
const READY_LIMIT = 2;

/** What the frames of one run travel through; made before the reader, because making them takes a moment. */
export type FramePipes = { readonly model: BulkPipe; readonly display: BulkPipe };

export async function openFramePipes(): Promise<FramePipes> {
  const model = await BulkPipe.open();
  try {
    return { model, display: await BulkPipe.open() };
  } catch (error) {
    model.destroy();
    throw error;
  }
}

/** For pipes that no reader took over. Idempotent. */
export function closeFramePipes({ model, display }: FramePipes): void {
  model.destroy();
  display.destroy();
}

export type FrameReaderOptions = Omit<DecodeOptions, 'modelFd' | 'displayFd' | 'timestampsFd'> & {
  /** Owned by the reader from here on. */
  readonly pipes: FramePipes;
  readonly modelPool: FramePool;
  readonly displayPool: FramePool;
  /** Called when a complete frame waits. */
  readonly onReady: () => void;
  /** Called when what ffmpeg writes cannot be taken (no buffer left); the owner closes the reader. */
  readonly onError: (error: Error) => void;
};

/** How a run of ffmpeg ended. */
export type ReaderEnd = ProcessExit & {
  /** Complete frames that it gave. */
  readonly frames: number;
  /** Bytes of partial frames and parts without counterpart, thrown away. */
  readonly discardedParts: number;
  /** Lines in which ffmpeg reported damaged or missing data. */
  readonly damageReports: number;
};

/** One run of ffmpeg: one decode, two sizes and the times of the same frames, joined. Frames wait here until they are taken. */
export class FrameReader {
  /** Resolves when ffmpeg is gone and its pipes are read to their end (or closed); frames may still wait. Never rejects. */
  readonly done: Promise<ReaderEnd>;
  readonly #options: FrameReaderOptions;
  readonly #process: OwnedProcess;
  readonly #splitters: readonly [FrameSplitter, FrameSplitter];
  readonly #joiner: FrameJoiner;
  readonly #ready: JoinedFrame[] = [];
  #frames = 0;
  #damageReports = 0;
  #damageBeforeFrame = 0;
  #paused = false;
  #closed = false;
  #flowingSinceMs = performance.now();

  constructor(options: FrameReaderOptions) {
    this.#options = options;
    this.#joiner = new FrameJoiner((frame) => { this.#onJoined(frame); });
    this.#splitters = [
      new FrameSplitter(options.modelPool, (frame) => { this.#joiner.pushModel(frame); }),
      new FrameSplitter(options.displayPool, (frame) => { this.#joiner.pushDisplay(frame); }),
    ];
    const declared = options.info.declaredFps;
    const intervalMs = 1000 / Math.min(options.fps ?? Infinity, declared === null ? 25 : rationalValue(declared));
    const { info: { timeBase }, byArrival } = options;
    const times = new TimestampReader({ timeBase, intervalMs, byArrival }, (ptsMs) => { this.#joiner.pushTime(ptsMs); });
    this.#process = new OwnedProcess({
      program: options.tools.ffmpegPath,
      args: decodeArguments({ ...options, modelFd: MODEL_FD, displayFd: DISPLAY_FD, timestampsFd: TIMESTAMPS_FD }),
      outputs: [TIMESTAMPS_FD],
      bulk: new Map([
        [MODEL_FD, options.pipes.model],
        [DISPLAY_FD, options.pipes.display],
      ]),
      setpriv: options.tools.setpriv,
      secrets: options.location.secrets,
      environment: options.route.environment,
      onStderrLine: (line) => { if (isDamageReport(line)) this.#damageReports += 1; },
    });
    const [model, display] = this.#splitters;
    options.pipes.model.onChunk = this.#guarded((chunk) => { model.push(chunk, performance.now()); });
    options.pipes.display.onChunk = this.#guarded((chunk) => { display.push(chunk, performance.now()); });
    this.#process.output(TIMESTAMPS_FD)?.on('data', this.#guarded((chunk) => { times.push(chunk); }));
    this.done = this.#finish();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether a complete frame waits. */
  get hasFrame(): boolean {
    return this.#ready.length > 0;
  }

  /** Presentation times of the frames that wait, the one that {@link take} gives next first. */
  get readyTimesMs(): readonly number[] {
    return this.#ready.map(({ ptsMs }) => ptsMs);
  }

  /** Presentation time of the frame that came last of those that wait. */
  get newestPtsMs(): number | null {
    return this.#ready.at(-1)?.ptsMs ?? null;
  }

  /** Which output gave less than the others so far; `null` while they are level. */
  get behind(): FrameJoiner['behind'] {
    return this.#joiner.behind;
  }

  /** By how many frames that one is behind. */
  get lag(): number {
    return this.#joiner.lag;
  }

  /** Lines in which ffmpeg reported damaged data since the last complete frame. */
  get damageSinceFrame(): number {
    return this.#damageReports - this.#damageBeforeFrame;
  }

  /** Last lines that ffmpeg wrote, redacted. */
  get stderrTail(): string {
    return this.#process.stderrTail;
  }

  /** Since when ffmpeg has owed us a frame (monotonic ms), or `null` while we do not read. */
  get waitingSinceMs(): number | null {
    return this.#paused || this.hasFrame ? null : this.#flowingSinceMs;
  }

  /** Does not hold it against ffmpeg that this process stood still, and read nothing, for so long, ms. */
  forgive(lostMs: number): void {
    this.#flowingSinceMs = Math.min(performance.now(), this.#flowingSinceMs + lostMs);
  }

  /** Takes the oldest complete frame; its buffers then belong to the caller. */
  take(): JoinedFrame | undefined {
    const frame = this.#ready.shift();
    if (this.#paused && this.#ready.length < READY_LIMIT) this.#resume();
    return frame;
  }

  /** Ends ffmpeg and gives every buffer back that was not taken. Idempotent; a later call may shorten the grace. */
  async close(options: CloseOptions = {}): Promise<void> {
    this.#closed = true;
    for (const frame of this.#ready.splice(0)) this.#giveBack(frame.model, frame.display);
    await this.#process.close(options);
    await this.done;
  }

  #guarded(push: (chunk: Buffer) => void): (chunk: Buffer) => void {
    return (chunk) => {
      if (this.#closed) return;
      try {
        push(chunk);
      } catch (error) {
        this.#closed = true;
        this.#options.onError(error instanceof Error ? error : new Error(String(error)));
      }
    };
  }

  get #inlets(): readonly { pause(): unknown; resume(): unknown }[] {
    const { model, display } = this.#options.pipes;
    const times = this.#process.output(TIMESTAMPS_FD);
    return times === null ? [model, display] : [model, display, times];
  }

  #onJoined(frame: JoinedFrame): void {
    this.#frames += 1;
    this.#damageBeforeFrame = this.#damageReports;
    this.#flowingSinceMs = performance.now();
    this.#ready.push(frame);
    // All pipes or none, and only with complete frames in hand: one unread output stops ffmpeg, the others with it.
    if (!this.#options.live && !this.#paused && this.#ready.length >= READY_LIMIT) this.#pause();
    this.#options.onReady();
  }

  #pause(): void {
    this.#paused = true;
    for (const inlet of this.#inlets) inlet.pause();
  }

  #resume(): void {
    this.#paused = false;
    this.#flowingSinceMs = performance.now();
    for (const splitter of this.#splitters) splitter.resumed(this.#flowingSinceMs);
    for (const inlet of this.#inlets) inlet.resume();
  }

  async #finish(): Promise<ReaderEnd> {
    const exit = await this.#process.done;
    const partial = this.#splitters.filter((splitter) => splitter.end() > 0).length;
    const { models, displays, times } = this.#joiner.drain();
    for (const buffer of models) this.#options.modelPool.release(buffer);
    for (const buffer of displays) this.#options.displayPool.release(buffer);
    return { ...exit, frames: this.#frames, discardedParts: partial + Math.max(models.length, displays.length, times), damageReports: this.#damageReports };
  }

  #giveBack(model: Buffer, display: Buffer): void {
    this.#options.modelPool.release(model);
    this.#options.displayPool.release(display);
  }
}
