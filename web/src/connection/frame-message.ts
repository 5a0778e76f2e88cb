import type { FrameHeader } from '../../../src/viewers/protocol.js';

/** A binary message of `/ws`, taken apart. */
export type FrameMessage = {
  readonly header: FrameHeader;
  /** A view of the message's own memory. */
  readonly jpeg: Uint8Array<ArrayBuffer>;
};

/** The message is not a frame. */
export class FrameMessageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FrameMessageError';
  }
}

const LENGTH_BYTES = 4;

/** Takes a binary message apart: uint32 little-endian header length, header as UTF-8 JSON, JPEG.
 * @throws {FrameMessageError} when a length does not fit, the header is no JSON, or what the page relies on is missing in it
 */
export function decodeFrameMessage(data: ArrayBuffer): FrameMessage {
  if (data.byteLength < LENGTH_BYTES) throw new FrameMessageError(`Expected at least ${String(LENGTH_BYTES)} bytes, got ${String(data.byteLength)}`);
  const headerBytes = new DataView(data).getUint32(0, true);
  const jpegStart = LENGTH_BYTES + headerBytes;
  if (jpegStart >= data.byteLength) {
    throw new FrameMessageError(`Expected a picture after ${String(headerBytes)} bytes of header, got a message of ${String(data.byteLength)} bytes`);
  }
  return { header: parseHeader(new Uint8Array(data, LENGTH_BYTES, headerBytes)), jpeg: new Uint8Array(data, jpegStart) };
}

function parseHeader(bytes: Uint8Array): FrameHeader {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new FrameMessageError('The header is no UTF-8 JSON', { cause });
  }
  if (!isHeader(value)) throw new FrameMessageError('The header lacks what a frame needs');
  return value;
}

/** Checks the fields whose absence would break the page; the rest is the server's word. */
function isHeader(value: unknown): value is FrameHeader {
  if (typeof value !== 'object' || value === null) return false;
  const header = value as Partial<Record<keyof FrameHeader, unknown>>;
  return (
    typeof header.stream === 'string' &&
    [header.seq, header.widthPx, header.heightPx, header.capturedAtMs, header.sentAtMs].every((number) => Number.isFinite(number)) &&
    Array.isArray(header.detections) &&
    typeof header.timingsMs === 'object' &&
    header.timingsMs !== null
  );
}
