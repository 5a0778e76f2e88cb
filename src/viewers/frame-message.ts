import { toRecords } from '../core/detection-record.js';
import type { AnnotatedFrame } from '../core/frames.js';
import type { FrameHeader } from './protocol.js';

const LENGTH_BYTES = 4;
/** RFC 6455 part 5.2: the last fragment of a binary message. */
const FIN_BINARY = 0x82;
/** Payload lengths up to which the frame's own header is 2 or 4 bytes long; beyond it is 10. */
const SHORT_PAYLOAD = 125;
const MEDIUM_PAYLOAD = 0xffff;
/** Copying so much costs less than the second buffer of a write does (measured on loopback, 2026-11), even when nobody shares the copy. */
const JOINED_AT_ONCE_BYTES = 16 * 1024;

/** A message in one piece or in two. */
export type WireParts = readonly [Buffer, Buffer?];

/**
 * One rendition of one frame, ready for any number of viewers: everything but `sentAtMs` is encoded once, and all who are
 * sent it in the same millisecond share every byte of it, WebSocket framing included (a server's frames are not masked).
 */
export class FrameMessage {
  readonly jpeg: Buffer;
  /** Size of the whole message, to within the digits of `sentAtMs`. */
  readonly byteLength: number;
  /** The header's JSON behind its first member, `sentAtMs`. */
  readonly #headerRest: Buffer;
  #wire: { readonly sentAtMs: number; readonly parts: WireParts } | null = null;

  /** @param drawn whether boxes are drawn into the JPEG; the header says so, as a viewer may have asked for both in turn */
  constructor(frame: AnnotatedFrame, drawn = true) {
    const { streamId: stream, seq, ptsMs, positionMs, capturedAtMs, widthPx, heightPx, model, classes = [], timingsMs } = frame;
    const detections = toRecords(frame.detections, frame);
    const rest: Omit<FrameHeader, 'sentAtMs'> = { stream, seq, ptsMs, ...(positionMs === undefined ? {} : { positionMs }), capturedAtMs, widthPx, heightPx, ...(drawn ? {} : { render: 'client' }), model, detections, ...(classes.length === 0 ? {} : { classes }), timingsMs };
    this.#headerRest = Buffer.from(`,${JSON.stringify(rest).slice(1)}`);
    this.jpeg = frame.jpeg;
    this.byteLength = this.head(Date.now()).length + this.jpeg.length;
  }

  /** The bytes of the message before the JPEG: header length and header. @param sentAtMs epoch ms, whole */
  head(sentAtMs: number): Buffer {
    return this.#encode(sentAtMs, null);
  }

  /**
   * The whole message as the wire wants it, an unmasked WebSocket frame, in one piece or two. Shared: not to be written to.
   * @param sentAtMs epoch ms, whole
   */
  wireParts(sentAtMs: number): WireParts {
    if (this.#wire?.sentAtMs !== sentAtMs) {
      const prefix = this.#encode(sentAtMs, this.jpeg.length);
      this.#wire = { sentAtMs, parts: this.jpeg.length <= JOINED_AT_ONCE_BYTES ? [Buffer.concat([prefix, this.jpeg])] : [prefix, this.jpeg] };
    }
    return this.#wire.parts;
  }

  /** @param framedWith bytes that follow in the same WebSocket frame; `null`: without framing */
  #encode(sentAtMs: number, framedWith: number | null): Buffer {
    const start = `{"sentAtMs":${String(sentAtMs)}`;
    const headBytes = LENGTH_BYTES + start.length + this.#headerRest.length;
    const framing = framedWith === null ? NO_FRAMING : frameHeader(headBytes + framedWith);
    const bytes = Buffer.allocUnsafe(framing.length + headBytes);
    framing.copy(bytes);
    const at = bytes.writeUInt32LE(headBytes - LENGTH_BYTES, framing.length);
    bytes.write(start, at, 'latin1');
    this.#headerRest.copy(bytes, at + start.length);
    return bytes;
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

const NO_FRAMING = Buffer.alloc(0);

/** The header of a WebSocket frame that is a whole binary message, not masked. */
function frameHeader(payloadBytes: number): Buffer {
  if (payloadBytes <= SHORT_PAYLOAD) return Buffer.from([FIN_BINARY, payloadBytes]);
  const isMedium = payloadBytes <= MEDIUM_PAYLOAD;
  const header = Buffer.alloc(isMedium ? 4 : 10);
  header[0] = FIN_BINARY;
  header[1] = isMedium ? 126 : 127;
  if (isMedium) header.writeUInt16BE(payloadBytes, 2);
  else header.writeUIntBE(payloadBytes, 4, 6);
  return header;
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
