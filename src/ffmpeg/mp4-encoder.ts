import { rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AnnotationError, ClosedError, MissingProgramError, type SightlineError } from '../core/errors.js';
import type { Size } from '../core/geometry.js';
import { composeArguments, passthroughTiming } from './compose.js';
import { matroskaFramePrefix, matroskaHeader } from './matroska-writer.js';
import { OwnedProcess } from './owned-process.js';
import { msToTicks, ticksToMs, type Rational } from './rational.js';
import type { FfmpegTools } from './tools.js';

export type Mp4EncoderOptions = {
  readonly tools: FfmpegTools;
  /** File to write; it appears when it is complete. */
  readonly path: string;
  /** Of every picture; an odd side gets one more black row or column. */
  readonly size: Size;
  /** Of the source: its timestamps are kept as whole ticks of it. */
  readonly timeBase: Rational;
  /** What the source declares, frames a second; `null` when unknown. Frames keep their own times in any case. */
  readonly rate: Rational | null;
  /** x264's constant rate factor (lower is better, default 20) and preset (default `veryfast`). */
  readonly crf?: number;
  readonly preset?: string;
  /** Most frames from one key frame to the next; groups are then closed. */
  readonly keyFrameEvery?: number;
};

/** Largest time scale that every reader takes (a signed 32-bit number). */
const MAX_TIME_SCALE = 2 ** 31 - 1;
/** For time bases that fit in no MP4. */
const FALLBACK_TIME_BASE: Rational = { num: 1, den: 90_000 };

/** Writes pictures with their own times into an MP4 (H.264, yuv420p, BT.709, index first) that plays in a browser. */
export class Mp4Encoder {
  readonly #options: Mp4EncoderOptions;
  readonly #process: OwnedProcess;
  readonly #partialPath: string;
  readonly #timeBase: Rational;
  readonly #frameBytes: number;
  #firstPtsMs: number | null = null;
  #lastTick = -1;
  #frames = 0;
  #ended: 'finished' | 'destroyed' | null = null;
  #ending: Promise<void> | null = null;

  constructor(options: Mp4EncoderOptions) {
    this.#options = options;
    const path = resolve(options.path);
    this.#partialPath = join(dirname(path), `.${basename(path)}.${String(process.pid)}-${Math.random().toString(36).slice(2, 8)}.partial`);
    this.#timeBase = options.timeBase.den > MAX_TIME_SCALE ? FALLBACK_TIME_BASE : options.timeBase;
    this.#frameBytes = 4 * options.size.widthPx * options.size.heightPx;
    this.#process = new OwnedProcess({
      program: options.tools.ffmpegPath,
      args: encodeArguments(options, this.#timeBase, this.#partialPath),
      outputs: [],
      stdin: 'pipe',
      setpriv: options.tools.setpriv,
    });
    this.#process.stdin?.write(matroskaHeader(options.size, options.rate));
  }

  /** Adds a picture. Wait for the promise before the next one: it is the back-pressure, and until then the buffer is in use.
   * @param bgra rows of B, G, R, A without padding, as node-canvas's `toBuffer('raw')` gives
   * @param ptsMs on the source's clock; the first one becomes 0; one that is not later than the last is moved one tick after it
   * @throws {RangeError} when the buffer does not have the size of the picture
   * @throws {AnnotationError} when ffmpeg failed
   * @throws {MissingProgramError} without ffmpeg or its H.264 encoder
   * @throws {ClosedError} after `finish()` or `destroy()` */
  async write(bgra: Buffer, ptsMs: number): Promise<void> {
    if (this.#ended !== null) throw new ClosedError(this.#options.path);
    if (bgra.length !== this.#frameBytes) throw new RangeError(`Expected a picture of ${String(this.#frameBytes)} bytes, got ${String(bgra.length)}`);
    this.#firstPtsMs ??= ptsMs;
    this.#lastTick = Math.max(this.#lastTick + 1, msToTicks(ptsMs - this.#firstPtsMs, this.#timeBase));
    this.#frames += 1;
    const prefix = matroskaFramePrefix(ticksToMs(this.#lastTick, this.#timeBase), bgra.length);
    // Both are queued before anything is awaited, so that a caller who does not wait cannot mix two pictures.
    const written = await Promise.all([this.#send(prefix), this.#send(bgra)]);
    if (written.includes(false)) throw await this.#failure();
  }

  /** Ends the file and moves it to its place. Idempotent.
   * @throws {AnnotationError} when ffmpeg failed or nothing was written; the partial file is gone then
   * @throws {MissingProgramError} without ffmpeg or its H.264 encoder
   * @throws {ClosedError} after `destroy()` */
  finish(): Promise<void> {
    if (this.#ended === 'destroyed') return Promise.reject(new ClosedError(this.#options.path));
    this.#ended = 'finished';
    this.#ending ??= this.#finish();
    return this.#ending;
  }

  /** Stops and removes the partial file. Without effect after `finish()`. Idempotent. */
  destroy(): Promise<void> {
    this.#ended ??= 'destroyed';
    this.#ending ??= this.#discard();
    // After a finish() that failed, the error was told there.
    return this.#ended === 'finished' ? this.#ending.catch(() => undefined) : this.#ending;
  }

  async #finish(): Promise<void> {
    this.#process.stdin?.end();
    const exit = await this.#process.done;
    if (exit.exitCode !== 0 || this.#frames === 0) {
      const failure = await this.#failure();
      await this.#discard();
      throw failure;
    }
    await rename(this.#partialPath, resolve(this.#options.path));
  }

  async #discard(): Promise<void> {
    await this.#process.close();
    await rm(this.#partialPath, { force: true });
  }

  /** @returns whether the bytes went out */
  #send(bytes: Buffer): Promise<boolean> {
    const { stdin } = this.#process;
    if (stdin === null || stdin.destroyed) return Promise.resolve(false);
    return new Promise((sent) => {
      stdin.write(bytes, (error) => { sent(error === null || error === undefined); });
    });
  }

  async #failure(): Promise<SightlineError> {
    const exit = await this.#process.close();
    if (this.#ended === 'destroyed') return new ClosedError(this.#options.path);
    if (exit.startError instanceof MissingProgramError) return exit.startError;
    if (/unknown encoder/iu.test(exit.stderrTail)) {
      return new MissingProgramError(`ffmpeg was built without the H.264 encoder libx264, which writing ${this.#options.path} needs: install a full ffmpeg (\`apt-get install ffmpeg\`, \`brew install ffmpeg\`)`);
    }
    if (this.#frames === 0) return new AnnotationError(`${this.#options.path}: not written, there was no frame to write`);
    const lastLine = exit.stderrTail.split('\n').at(-1)?.replace(/^(?:\[[^\]]*\]\s*)+/u, '').replaceAll(this.#partialPath, this.#options.path) ?? '';
    return new AnnotationError(`${this.#options.path}: cannot be written${lastLine === '' ? '' : `: ${lastLine}`}`);
  }
}

function encodeArguments(options: Mp4EncoderOptions, timeBase: Rational, path: string): readonly string[] {
  const { widthPx, heightPx } = options.size;
  const isOdd = widthPx % 2 === 1 || heightPx % 2 === 1;
  return composeArguments({
    // The header says all there is to know: no need to look at pictures first.
    inputOptions: ['-protocol_whitelist', 'pipe', '-f', 'matroska', '-probesize', '32', '-analyzeduration', '0'],
    input: 'pipe:0',
    outputs: [
      {
        options: [
          ...passthroughTiming(options.tools),
          '-enc_time_base', `${String(timeBase.num)}/${String(timeBase.den)}`,
          '-video_track_timescale', String(timeBase.den),
          '-vf', [...(isOdd ? ['pad=ceil(iw/2)*2:ceil(ih/2)*2:0:0'] : []), 'scale=out_color_matrix=bt709:out_range=tv', 'format=yuv420p'].join(','),
          '-c:v', 'libx264', '-preset', options.preset ?? 'veryfast', '-crf', String(options.crf ?? 20),
          ...(options.keyFrameEvery === undefined ? [] : ['-g', String(options.keyFrameEvery), '-x264-params', 'open-gop=0']),
          '-colorspace', 'bt709', '-color_primaries', 'bt709', '-color_trc', 'bt709', '-color_range', 'tv',
          '-movflags', '+faststart', '-f', 'mp4',
        ],
        target: `file:${path}`,
      },
    ],
  });
}
