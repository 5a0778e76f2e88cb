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

/** Takes an RTSP connection apart into messages and interleaved packets, however its bytes are cut. Holds at most one message. */
export class RtspSplitter {
  readonly #options: RtspSplitterOptions;
  /** Start of a message, or of a packet that is to be whole. */
  #held: Buffer = Buffer.alloc(0);
  /** Bytes of a packet's payload that are still to come, when packets are passed on in pieces. */
  #payloadLeft = 0;
  /** How much of a packet's head (4 bytes) has been passed on. */
  #headSeen = 0;
  #strayBytes = 0;

  constructor(options: RtspSplitterOptions) {
    this.#options = options;
  }

  /** @throws {RtspSyntaxError} when it is no RTSP, or a message is too large; the connection is of no use from then on */
  push(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#held.length > 0) {
      bytes = Buffer.concat([this.#held, chunk]);
      this.#held = Buffer.alloc(0);
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.#payloadLeft > 0 || this.#headSeen > 0 || bytes[at] === DOLLAR) {
        const end = this.#options.wholePackets ? endOfWholePackets(bytes, at) : this.#skipPackets(bytes, at);
        if (end > at) this.#options.onPackets(bytes.subarray(at, end));
        if (end === at) break;
        at = end;
        this.#strayBytes = 0;
      } else {
        const end = this.#takeMessage(bytes, at);
        if (end === at) break;
        at = end;
      }
    }
    if (at < bytes.length) this.#held = Buffer.from(bytes.subarray(at));
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
  #lengthHigh = 0;

  /** @returns where the message ends, or `from` when it is not complete; stray bytes are left out one at a time */
  #takeMessage(bytes: Buffer, from: number): number {
    const start = bytes.toString('latin1', from, Math.min(bytes.length, from + 32));
    if (!START.test(start)) {
      this.#strayBytes += /^[\r\n]/u.test(start) ? 0 : 1; // empty lines between messages are usual
      if (this.#strayBytes > MAX_STRAY_BYTES) throw new RtspSyntaxError('the other side does not speak RTSP');
      return from + 1;
    }
    const head = endOfHead(bytes, from);
    if (head === null) {
      if (bytes.length - from > MAX_HEAD_BYTES) throw new RtspSyntaxError('the head of a message is too long');
      return from;
    }
    if (head.end - from > MAX_HEAD_BYTES + 4) throw new RtspSyntaxError('the head of a message is too long');
    const parsed = parseHead(bytes.toString('latin1', from, head.textEnd));
    const length = valuesOf(parsed, 'content-length')[0] ?? '0';
    if (!/^\d{1,9}$/u.test(length) || Number(length) > MAX_BODY_BYTES) throw new RtspSyntaxError('the body of a message is too long');
    const end = head.end + Number(length);
    if (end > bytes.length) return from;
    this.#strayBytes = 0;
    this.#options.onMessage({ ...parsed, body: Buffer.from(bytes.subarray(head.end, end)) });
    return end;
  }
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
