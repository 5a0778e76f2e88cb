import { StringDecoder } from 'node:string_decoder';

/** Longest line that is kept whole; the rest of a longer one is thrown away, so that a program without newlines costs no memory. */
const MAX_LINE_LENGTH = 2048;

/** Cuts a byte stream into lines of UTF-8 text, whatever the chunks: a character may be split between two. `\r` ends a line too. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  readonly #onLine: (line: string) => void;
  #rest = '';

  /** @param onLine called for every line that is not empty, without its end */
  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split(/[\r\n]+/u);
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    for (const line of lines) if (line !== '') this.#onLine(line.slice(0, MAX_LINE_LENGTH));
  }

  /** Hands out the last line, which no newline ended. */
  end(): void {
    const last = this.#rest + this.#decoder.end();
    this.#rest = '';
    if (last !== '') this.#onLine(last);
  }
}
