import { ModelOutputError } from '../../core/errors.js';

/** What travels between the server and an engine process: a header, then so many bytes. */
export type Frame = {
  /** Of a call and its answer: the same. */
  readonly callId: number;
  /** Of an answer: gRPC's number of what went wrong, 0 for nothing. */
  readonly status: number;
  /** Of an answer: memory that its process takes, MiB. */
  readonly residentMib: number;
  /** A PredictRequest in a call, a PredictResponse in an answer, the message where `status` is not 0. */
  readonly body: Buffer;
};

export type FrameHead = Omit<Frame, 'body'>;

/** Largest body, bytes: more than gRPC lets in or out, as it is counted after values are unpacked. */
export const MAX_BODY_BYTES = 512 * 1024 * 1024;
/** Four unsigned 32-bit numbers, little-endian: bytes of the body, call, status, memory. */
const HEADER_BYTES = 16;

/** The stretches of a frame, to be written one after the other.
 * @throws {RangeError} when its body is larger than {@link MAX_BODY_BYTES} */
export function frameStretches(head: FrameHead, body: readonly Uint8Array[]): Uint8Array[] {
  const byteLength = body.reduce((sum, stretch) => sum + stretch.byteLength, 0);
  if (byteLength > MAX_BODY_BYTES) throw new RangeError(`${String(byteLength)} bytes of tensors, at most ${String(MAX_BODY_BYTES)}`);
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(byteLength, 0);
  header.writeUInt32LE(head.callId, 4);
  header.writeUInt32LE(head.status, 8);
  header.writeUInt32LE(head.residentMib, 12);
  return [header, ...body];
}

export type FrameReaderOptions = {
  /** Gives memory of at least so many bytes for a body; default: new memory each time. */
  readonly take?: (byteLength: number) => Buffer;
  readonly onFrame: (frame: Frame, memory: Buffer) => void;
};

/** Puts frames together from the chunks that a pipe gives, each body in one piece of memory. */
export class FrameReader {
  readonly #options: FrameReaderOptions;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  /** Memory of the body that is being read; `null`: its header is. */
  #memory: Buffer | null = null;
  #bodyLength = 0;
  #bodyBytes = 0;

  constructor(options: FrameReaderOptions) {
    this.#options = options;
  }

  /** Reads on.
   * @throws {ModelOutputError} when a header asks for more than {@link MAX_BODY_BYTES}: nothing that follows can be read */
  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#memory === null) {
        const copied = chunk.copy(this.#header, this.#headerBytes, at, at + HEADER_BYTES - this.#headerBytes);
        this.#headerBytes += copied;
        at += copied;
        if (this.#headerBytes === HEADER_BYTES) this.#beginBody();
      } else {
        const copied = chunk.copy(this.#memory, this.#bodyBytes, at, at + this.#bodyLength - this.#bodyBytes);
        this.#bodyBytes += copied;
        at += copied;
      }
      if (this.#memory !== null && this.#bodyBytes === this.#bodyLength) this.#endBody(this.#memory);
    }
  }

  #beginBody(): void {
    this.#bodyLength = this.#header.readUInt32LE(0);
    if (this.#bodyLength > MAX_BODY_BYTES) throw new ModelOutputError(`a frame of ${String(this.#bodyLength)} bytes, at most ${String(MAX_BODY_BYTES)}`);
    this.#memory = this.#options.take?.(this.#bodyLength) ?? Buffer.allocUnsafeSlow(this.#bodyLength);
    this.#bodyBytes = 0;
  }

  #endBody(memory: Buffer): void {
    this.#memory = null;
    this.#headerBytes = 0;
    const header = this.#header;
    const frame = { callId: header.readUInt32LE(4), status: header.readUInt32LE(8), residentMib: header.readUInt32LE(12), body: memory.subarray(0, this.#bodyLength) };
    this.#options.onFrame(frame, memory);
  }
}
