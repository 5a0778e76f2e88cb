import type { AnnotatedFrame, Detection } from '../core/frames.js';
import type { FrameHeader } from './protocol.js';

const LENGTH_BYTES = 4;

/**
 * One rendition of one frame, ready for any number of viewers: everything but `sentAtMs` is encoded once. A viewer gets
 * `head(sentAtMs)` (a few hundred bytes of its own) and then `jpeg` (shared), as two fragments of one binary message.
 */
export class FrameMessage {
  readonly jpeg: Buffer;
  /** Size of the whole message, to within the digits of `sentAtMs`. */
  readonly byteLength: number;
  /** The header's JSON behind its first member, `sentAtMs`. */
  readonly #headerRest: Buffer;

  /** @param drawn whether boxes are drawn into the JPEG; the header says so, as a viewer may have asked for both in turn */
  constructor(frame: AnnotatedFrame, drawn = true) {
    const { streamId: stream, seq, ptsMs, positionMs, capturedAtMs, widthPx, heightPx, model, classes = [], timingsMs } = frame;
    const detections = frame.detections.map(withoutMask);
    const rest: Omit<FrameHeader, 'sentAtMs'> = { stream, seq, ptsMs, ...(positionMs === undefined ? {} : { positionMs }), capturedAtMs, widthPx, heightPx, ...(drawn ? {} : { render: 'client' }), model, detections, ...(classes.length === 0 ? {} : { classes }), timingsMs };
    this.#headerRest = Buffer.from(`,${JSON.stringify(rest).slice(1)}`);
    this.jpeg = frame.jpeg;
    this.byteLength = this.head(Date.now()).length + this.jpeg.length;
  }

  /** The bytes before the JPEG: header length and header. @param sentAtMs epoch ms, whole */
  head(sentAtMs: number): Buffer {
    const start = `{"sentAtMs":${String(sentAtMs)}`;
    const head = Buffer.allocUnsafe(LENGTH_BYTES + start.length + this.#headerRest.length);
    head.writeUInt32LE(head.length - LENGTH_BYTES, 0);
    head.write(start, LENGTH_BYTES, 'latin1');
    this.#headerRest.copy(head, LENGTH_BYTES + start.length);
    return head;
  }
}

/** The binary message of one frame in one piece: uint32 little-endian header length, the header as UTF-8 JSON, the JPEG. */
export function encodeFrameMessage(frame: AnnotatedFrame, sentAtMs: number): Buffer {
  const message = new FrameMessage(frame);
  return Buffer.concat([message.head(sentAtMs), message.jpeg]);
}

/**
 * Takes a binary message apart, for clients and tests; the JPEG is a view of `message`.
 * @throws {RangeError} when the message is shorter than it says, or its header is not a JSON object
 */
export function decodeFrameMessage(message: Uint8Array): { readonly header: FrameHeader; readonly jpeg: Uint8Array } {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  if (message.byteLength < LENGTH_BYTES) throw new RangeError(`Expected at least ${String(LENGTH_BYTES)} bytes, got ${String(message.byteLength)}`);
  const headerLength = view.getUint32(0, true);
  const jpegStart = LENGTH_BYTES + headerLength;
  if (jpegStart > message.byteLength) throw new RangeError(`Expected a header of ${String(headerLength)} bytes, got ${String(message.byteLength - LENGTH_BYTES)}`);
  return { header: parseHeader(message.subarray(LENGTH_BYTES, jpegStart)), jpeg: message.subarray(jpegStart) };
}

/** Thousands of numbers each, which nobody wants as JSON. */
function withoutMask(detection: Detection): Omit<Detection, 'mask'> {
  const { mask, ...rest } = detection;
  return mask === undefined ? detection : rest;
}

function parseHeader(bytes: Uint8Array): FrameHeader {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new RangeError('Expected the header to be UTF-8 JSON', { cause });
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) throw new RangeError('Expected the header to be a JSON object');
  return header as FrameHeader;
}
