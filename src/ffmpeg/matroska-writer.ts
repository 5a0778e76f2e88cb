import type { Size } from '../core/geometry.js';
import { rationalValue, type Rational } from './rational.js';

/** Timestamps are whole nanoseconds: fine enough that rounding them to any usual time base gives the very tick. */
const NS_PER_MS = 1e6;

/** Header of a live Matroska stream with one track of uncompressed BGRA pictures. Raw video alone has no timestamps; this is the
 * smallest container that carries them through a pipe.
 * @param rate frames a second to announce, `null` when unknown
 * @see RFC 8794 (EBML), RFC 9559 (Matroska) */
export function matroskaHeader(size: Size, rate: Rational | null): Buffer {
  const video = element(0xe0, element(0xb0, uint(size.widthPx)), element(0xba, uint(size.heightPx)), element(0x2eb524, Buffer.from('BGRA')));
  const track = element(
    0xae,
    element(0xd7, uint(1)), // number
    element(0x73c5, uint(1)), // UID
    element(0x83, uint(1)), // type: video
    element(0x9c, uint(0)), // no lacing
    element(0x86, Buffer.from('V_UNCOMPRESSED')),
    ...(rate === null ? [] : [element(0x23e383, uint(Math.round(1e9 / rationalValue(rate))))]), // duration of a frame, ns
    video,
  );
  return Buffer.concat([
    element(0x1a45dfa3, element(0x4286, uint(1)), element(0x42f7, uint(1)), element(0x42f2, uint(4)), element(0x42f3, uint(8)), element(0x4282, Buffer.from('matroska')), element(0x4287, uint(4)), element(0x4285, uint(2))),
    idBytes(0x18538067), Buffer.from('01ffffffffffffff', 'hex'), // a segment of unknown size
    element(0x1549a966, element(0x2ad7b1, uint(1)), element(0x4d80, Buffer.from('sightline')), element(0x5741, Buffer.from('sightline'))), // 1 ns a tick
    element(0x1654ae6b, track),
  ]);
}

/** What stands before a picture's bytes: a cluster of its own, because a block's time relative to its cluster has 16 bits only.
 * @param ptsMs >= 0
 * @param frameBytes size of the picture that follows */
export function matroskaFramePrefix(ptsMs: number, frameBytes: number): Buffer {
  if (!(ptsMs >= 0)) throw new RangeError(`Expected \`ptsMs\` to be >= 0, got ${String(ptsMs)}`);
  const time = element(0xe7, uint(Math.round(ptsMs * NS_PER_MS)));
  const blockHeader = Buffer.from([0x81, 0, 0, 0x80]); // track 1, relative time 0, key frame
  const block = Buffer.concat([idBytes(0xa3), sizeBytes(blockHeader.length + frameBytes), blockHeader]);
  return Buffer.concat([idBytes(0x1f43b675), sizeBytes(time.length + block.length + frameBytes), time, block]);
}

function element(id: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([idBytes(id), sizeBytes(body.length), body]);
}

/** An id carries its own length in its first bits; it is written as it stands. */
function idBytes(id: number): Buffer {
  return Buffer.from(id.toString(16).padStart(2, '0'), 'hex');
}

/** Sizes always take eight bytes, which is allowed and saves choosing. */
function sizeBytes(size: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(size));
  bytes[0] = 0x01;
  return bytes;
}

function uint(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}
