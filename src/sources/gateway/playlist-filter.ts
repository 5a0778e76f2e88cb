import { Transform, type TransformCallback } from 'node:stream';
import { SourceNotAllowedError, SourceOpenError } from '../../core/errors.js';

/** ffmpeg takes nothing for an HLS playlist that begins otherwise. */
const MAGIC = '#EXTM3U';
/** ffmpeg cuts lines at 4 KB. */
const MAX_LINE_BYTES = 64 * 1024;
/** A day of segments of two seconds is a tenth of it. */
const MAX_BYTES = 32 * 1024 * 1024;
const TARGET_DURATION = /^#EXT-X-TARGETDURATION:(\d{1,5}(?:\.\d+)?)(?!\d)/u;
/** What ends a line for ffmpeg. */
const LINE_END = /([\n\r\0])/u;
/** An address in a line: the line itself, or the value of an attribute. What a line is otherwise is ffmpeg's business. */
const ADDRESS = /^(?!#)(\s*)(\S.*)$|(\bURI="?)([^",]+)/giu;

export type PlaylistFilterOptions = {
  /** Called once, before anything is handed on. @param isPlaylist then its length may change */
  readonly onStart: (isPlaylist: boolean) => void;
  /** Told how long the segments of a media playlist are at most (RFC 8216, 4.3.3.1). */
  readonly onTargetDuration: (ms: number) => void;
  /** The addresses as ffmpeg may have them; throws for those that it may not. */
  readonly forFfmpeg: (address: string) => string;
  /** For errors: without secrets. */
  readonly displayName: string;
};

/** Passes an answer on as it is, unless it is an HLS playlist: then its addresses are looked at, line by line.
 * Fails with `SourceNotAllowedError` where it leads to what no source may reach, with `SourceOpenError` where it is too large. */
export class PlaylistFilter extends Transform {
  readonly #options: PlaylistFilterOptions;
  #kind: 'unknown' | 'playlist' | 'other' = 'unknown';
  /** The start of an answer, or of a line. */
  #held = '';
  #bytes = 0;

  constructor(options: PlaylistFilterOptions) {
    super();
    this.#options = options;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    try {
      done(null, this.#take(chunk));
    } catch (error) {
      done(error as Error);
    }
  }

  override _flush(done: TransformCallback): void {
    try {
      const rest = this.#held;
      this.#start(rest);
      done(null, Buffer.from(this.#kind === 'playlist' ? this.#lines(rest) : rest, 'latin1'));
    } catch (error) {
      done(error as Error);
    }
  }

  #take(chunk: Buffer): Buffer {
    if (this.#kind === 'other') return chunk;
    const text = this.#held + chunk.toString('latin1');
    this.#held = text;
    if (this.#kind === 'unknown') {
      if (text.length < MAGIC.length && MAGIC.startsWith(text)) return Buffer.alloc(0);
      this.#start(text);
    }
    if (this.#kind !== 'playlist') {
      this.#held = '';
      return Buffer.from(text, 'latin1');
    }
    const end = text.lastIndexOf('\n') + 1;
    this.#held = text.slice(end);
    this.#bytes += chunk.length;
    if (this.#held.length > MAX_LINE_BYTES || this.#bytes > MAX_BYTES) throw new SourceOpenError(`${this.#options.displayName}: the playlist is too large`, { retryable: true });
    return Buffer.from(this.#lines(text.slice(0, end)), 'latin1');
  }

  #start(text: string): void {
    if (this.#kind !== 'unknown') return;
    this.#kind = text.startsWith(MAGIC) ? 'playlist' : 'other';
    this.#options.onStart(this.#kind === 'playlist');
  }

  #lines(text: string): string {
    return text.split(LINE_END).map((piece, index) => (index % 2 === 0 ? this.#line(piece) : piece)).join('');
  }

  #line(line: string): string {
    // ffmpeg's own protocol for what is behind a proxy connects to wherever it is told to, past the gateway.
    if (/httpproxy/iu.test(line)) throw new SourceNotAllowedError(`${this.#options.displayName}: the playlist leads to httpproxy:, which no source may reach`);
    const duration = TARGET_DURATION.exec(line)?.[1];
    if (duration !== undefined) this.#options.onTargetDuration(Number(duration) * 1000);
    return line.replace(ADDRESS, (_all, blank: string | undefined, whole: string | undefined, name: string | undefined, value: string | undefined) => `${blank ?? name ?? ''}${this.#options.forFfmpeg(whole ?? value ?? '')}`);
  }
}
