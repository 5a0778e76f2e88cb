import { parseHead, valuesOf, type RtspMessage } from './rtsp-message.js';

/** What comes over an RTSP connection cannot be made sense of. */
export class RtspSyntaxError extends Error {
  override readonly name = 'RtspSyntaxError';
}

export type RtspSplitterOptions = {
  readonly onMessage: (message: RtspMessage) => void;
  /** Interleaved packets (`$`, channel, length, payload), as many as came together; a view of what was pushed, to be passed on at once. */
  readonly onPackets: (bytes: Buffer) => void;
  /** Hand packets out only when they are complete, so that a message may be put between any two calls. Else they go on as they come, without a copy. */
  readonly wholePackets: boolean;
};

const DOLLAR = 0x24;
const MAX_HEAD_BYTES = 32 * 1024;
const MAX_BODY_BYTES = 1024 * 1024;
/** Stray bytes that some cameras put between packets; more of them in a row is no RTSP. */
const MAX_STRAY_BYTES = 64 * 1024;
/** Start of a response or a request, as far as it has come. */
const START = /^(?:R(?:T(?:S(?:P(?:\/.*)?)?)?)?|[A-Z_]{1,20}(?: .*)?)$/su;

/** Takes an RTSP connection apart into messages and interleaved packets, however its bytes are cut. Holds at most one message, and looks at no byte of it more
 * than a few times: one that comes a byte at a time costs no more than others. */
export class RtspSplitter {
  readonly #options: RtspSplitterOptions;
  /** Start of a message, or of a packet that is to be whole, with room for more behind it. */
  #held: Buffer = Buffer.alloc(0);
  #heldBytes = 0;
  /** What is held is incomplete until there is this much of it. */
  #wantedBytes = 0;
  /** How much of what is held was searched for the end of the head. */
  #searchedBytes = 0;
  /** Bytes of a packet's payload that are still to come, when packets are passed on in pieces. */
  #payloadLeft = 0;
  /** How much of a packet's head (4 bytes) has been passed on. */
  #headSeen = 0;
  #lengthHigh = 0;
  #strayBytes = 0;

  constructor(options: RtspSplitterOptions) {
    this.#options = options;
  }

  /** @throws {RtspSyntaxError} when it is no RTSP, or a message is too large; the connection is of no use from then on */
  push(chunk: Buffer): void {
    if (this.#heldBytes === 0) {
      this.#hold(chunk.subarray(this.#take(chunk)));
      return;
    }
    this.#hold(chunk);
    if (this.#heldBytes < this.#wantedBytes) return;
    const bytes = this.#held.subarray(0, this.#heldBytes);
    const end = this.#take(bytes);
    if (end === 0) return;
    // What was handed out may still be on its way: the rest gets a buffer of its own.
    this.#held = Buffer.alloc(0);
    this.#heldBytes = 0;
    this.#hold(bytes.subarray(end));
  }

  /** @returns where what is incomplete begins */
  #take(bytes: Buffer): number {
    this.#wantedBytes = 0;
    let at = 0;
    while (at < bytes.length) {
      const end = this.#payloadLeft > 0 || this.#headSeen > 0 || bytes[at] === DOLLAR ? this.#takePackets(bytes, at) : this.#takeMessage(bytes, at);
      if (end === at) break;
      this.#searchedBytes = 0;
      at = end;
    }
    return at;
  }

  #hold(bytes: Buffer): void {
    const needed = this.#heldBytes + bytes.length;
    if (needed > this.#held.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#held.length));
      this.#held.copy(grown, 0, 0, this.#heldBytes);
      this.#held = grown;
    }
    bytes.copy(this.#held, this.#heldBytes);
    this.#heldBytes = needed;
  }

  #takePackets(bytes: Buffer, from: number): number {
    const end = this.#options.wholePackets ? endOfWholePackets(bytes, from) : this.#skipPackets(bytes, from);
    if (end > from) {
      this.#options.onPackets(bytes.subarray(from, end));
      this.#strayBytes = 0;
    } else if (bytes.length - from >= 4) {
      this.#wantedBytes = 4 + bytes.readUInt16BE(from + 2);
    }
    return end;
  }

  /** @returns where the packets in `bytes` end, which may be in the middle of one: then the rest of it is remembered */
  #skipPackets(bytes: Buffer, from: number): number {
    let at = from;
    while (at < bytes.length) {
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, bytes.length - at);
        this.#payloadLeft -= step;
        at += step;
      } else if (this.#headSeen === 0 && bytes[at] !== DOLLAR) {
        return at;
      } else {
        const byte = bytes[at] ?? 0;
        if (this.#headSeen === 2) this.#lengthHigh = byte;
        this.#headSeen += 1;
        at += 1;
        if (this.#headSeen === 4) {
          this.#payloadLeft = this.#lengthHigh * 256 + byte;
          this.#headSeen = 0;
        }
      }
    }
    return at;
  }

  /** @returns where the message ends, or `from` when it is not complete; stray bytes are left out one at a time, empty lines (which are usual) all at once */
  #takeMessage(bytes: Buffer, from: number): number {
    const emptyUntil = endOfEmptyLines(bytes, from);
    if (emptyUntil > from) return emptyUntil;
    const start = bytes.toString('latin1', from, Math.min(bytes.length, from + 32));
    if (!START.test(start)) {
      this.#strayBytes += 1;
      if (this.#strayBytes > MAX_STRAY_BYTES) throw new RtspSyntaxError('the other side does not speak RTSP');
      return from + 1;
    }
    const head = endOfHead(bytes, from + this.#searchedBytes);
    if (head === null) {
      if (bytes.length - from >= MAX_HEAD_BYTES + 4) throw new RtspSyntaxError('the head of a message is too long');
      this.#searchedBytes = Math.max(0, bytes.length - from - 2);
      return from;
    }
    if (head.end - from > MAX_HEAD_BYTES + 4) throw new RtspSyntaxError('the head of a message is too long');
    const parsed = parseHead(bytes.toString('latin1', from, head.textEnd));
    const length = valuesOf(parsed, 'content-length')[0] ?? '0';
    if (!/^\d{1,9}$/u.test(length) || Number(length) > MAX_BODY_BYTES) throw new RtspSyntaxError('the body of a message is too long');
    const end = head.end + Number(length);
    if (end > bytes.length) {
      this.#wantedBytes = end - from;
      return from;
    }
    this.#strayBytes = 0;
    this.#options.onMessage({ ...parsed, body: Buffer.from(bytes.subarray(head.end, end)) });
    return end;
  }
}

function endOfEmptyLines(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at] === 0x0a || bytes[at] === 0x0d) at += 1;
  return at;
}

function endOfWholePackets(bytes: Buffer, from: number): number {
  let at = from;
  while (at + 4 <= bytes.length && bytes[at] === DOLLAR) {
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) break;
    at = end;
  }
  return at;
}

/** The empty line that ends a head, with or without carriage returns. */
function endOfHead(bytes: Buffer, from: number): { readonly textEnd: number; readonly end: number } | null {
  for (let at = bytes.indexOf(0x0a, from); at >= 0 && at + 1 < bytes.length; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return { textEnd: at, end: at + 2 };
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return { textEnd: at, end: at + 3 };
  }
  return null;
}
