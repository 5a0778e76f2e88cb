import { Transform, type TransformCallback } from 'node:stream';

/** The tag stands near the top of a media playlist. */
const MAX_HEAD_BYTES = 16 * 1024;
const TARGET_DURATION = /^#EXT-X-TARGETDURATION:(\d{1,5}(?:\.\d+)?)/mu;

/** Whether an answer may be an HLS playlist, by its type or its path. */
export function mayBePlaylist(contentType: string | undefined, path: string): boolean {
  return /mpegurl/iu.test(contentType ?? '') || /\.m3u8?(?:$|\?)/iu.test(path);
}

/** Passes an answer on as it is and reads, on the way, how long the segments of an HLS playlist are at most (RFC 8216, 4.3.3.1). */
export class PlaylistTap extends Transform {
  readonly #onTargetDuration: (ms: number) => void;
  #head: Buffer | null = Buffer.alloc(0);

  /** @param onTargetDuration called at most once; not for what is no media playlist */
  constructor(onTargetDuration: (ms: number) => void) {
    super();
    this.#onTargetDuration = onTargetDuration;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.#head !== null) this.#read(Buffer.concat([this.#head, chunk]));
    done(null, chunk);
  }

  override _flush(done: TransformCallback): void {
    // The last line may have no end.
    if (this.#head !== null) this.#read(Buffer.concat([this.#head, Buffer.from('\n')]));
    done();
  }

  #read(head: Buffer): void {
    this.#head = head;
    const lines = head.toString('latin1');
    const found = lines.slice(0, lines.lastIndexOf('\n') + 1).startsWith('#EXTM3U') ? TARGET_DURATION.exec(lines.slice(0, lines.lastIndexOf('\n'))) : null;
    if (found !== null) this.#onTargetDuration(Number(found[1]) * 1000);
    if (found !== null || head.length > MAX_HEAD_BYTES) this.#head = null;
  }
}
