import { deflateRawSync } from 'node:zlib';

export type FrameFacts = { readonly masked?: boolean; readonly claimedBytes?: number };

/** A WebSocket frame as a client sends it, masked with zeroes. @param firstByte FIN, reserved bits and opcode */
export function clientFrame(firstByte: number, payload: Buffer, { masked = true, claimedBytes = payload.length }: FrameFacts = {}): Buffer {
  const bit = masked ? 0x80 : 0;
  const head = claimedBytes < 126 ? Buffer.from([firstByte, bit | claimedBytes]) : Buffer.from([firstByte, bit | 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (claimedBytes >= 126) head.writeBigUInt64BE(BigInt(claimedBytes), 2);
  return Buffer.concat([head, masked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

export type Attack = { readonly name: string; readonly bytes: Buffer; readonly code: number };

/** A message that is in order. */
export const PING = Buffer.from('{"type":"ping","t":1}');

/** What a hostile client may send on an open socket, and what it is to be closed with (RFC 6455, 7.4.1). */
export function attacks(): readonly Attack[] {
  const fragments = (count: number): Buffer => Buffer.concat(Array.from({ length: count }, (_each, index) => clientFrame(index === 0 ? 0x01 : 0x00, Buffer.from('x'))));
  return [
    { name: 'a message of 4097 bytes', bytes: clientFrame(0x81, Buffer.alloc(4097, 0x20)), code: 1009 },
    { name: 'a message of 2 GiB, claimed', bytes: clientFrame(0x81, Buffer.alloc(0), { claimedBytes: 2 ** 31 }), code: 1009 },
    { name: 'a message of 16 MiB, sent', bytes: clientFrame(0x81, Buffer.alloc(16 * 1024 * 1024, 0x20)), code: 1009 },
    { name: 'a message of 2^62 bytes, claimed', bytes: clientFrame(0x82, Buffer.alloc(0), { claimedBytes: 2 ** 62 }), code: 1009 },
    { name: 'fragments that are too much together', bytes: Buffer.concat([clientFrame(0x01, Buffer.alloc(4000)), clientFrame(0x80, Buffer.alloc(97))]), code: 1009 },
    { name: 'nine fragments', bytes: fragments(9), code: 1008 },
    { name: 'ten thousand fragments of a byte', bytes: fragments(10_000), code: 1008 },
    { name: 'text that is not UTF-8', bytes: clientFrame(0x81, Buffer.from([0x22, 0xc3, 0x28, 0x22])), code: 1007 },
    { name: 'half a surrogate pair', bytes: clientFrame(0x81, Buffer.from([0xed, 0xa0, 0x80])), code: 1007 },
    { name: 'reserved bit 1', bytes: clientFrame(0xc1, PING), code: 1002 },
    { name: 'reserved bit 2', bytes: clientFrame(0xa1, PING), code: 1002 },
    { name: 'reserved bit 3', bytes: clientFrame(0x91, PING), code: 1002 },
    { name: 'no mask', bytes: clientFrame(0x81, PING, { masked: false }), code: 1002 },
    { name: 'a compressed bomb', bytes: clientFrame(0xc1, deflateRawSync(Buffer.alloc(3_000_000)).subarray(0, 4000)), code: 1002 },
    { name: 'an unknown opcode', bytes: clientFrame(0x83, PING), code: 1002 },
    { name: 'a continuation of nothing', bytes: clientFrame(0x80, PING), code: 1002 },
    { name: 'a message inside a message', bytes: Buffer.concat([clientFrame(0x01, PING), clientFrame(0x01, PING)]), code: 1002 },
    { name: 'a ping in fragments', bytes: clientFrame(0x09, PING), code: 1002 },
    { name: 'a ping that is too long', bytes: clientFrame(0x89, Buffer.alloc(126)), code: 1002 },
    { name: 'a close code that is none', bytes: clientFrame(0x88, Buffer.from([0x03, 0xec])), code: 1002 },
    { name: 'a close frame of one byte', bytes: clientFrame(0x88, Buffer.from([0x03])), code: 1002 },
    { name: 'a close reason that is not UTF-8', bytes: clientFrame(0x88, Buffer.from([0x03, 0xe8, 0xff])), code: 1007 },
    { name: 'twenty messages without sense', bytes: Buffer.concat(Array.from({ length: 20 }, () => clientFrame(0x81, Buffer.from('{')))), code: 1008 },
    { name: 'twenty binary messages', bytes: Buffer.concat(Array.from({ length: 20 }, () => clientFrame(0x82, PING))), code: 1008 },
  ];
}

/** Code of the close frame that ends what a server sent after the handshake; `null`: there is none. Server frames carry no mask. */
export function closeCodeIn(received: Buffer): number | null {
  for (let at = 0; at + 2 <= received.length; ) {
    const [first = 0, short = 0] = [received[at], received[at + 1]];
    const [lengthBytes, payloadBytes] = short < 126 ? [0, short] : short === 126 ? [2, received.length < at + 4 ? Infinity : received.readUInt16BE(at + 2)] : [8, received.length < at + 10 ? Infinity : Number(received.readBigUInt64BE(at + 2))];
    if ((first & 0x0f) === 0x8) return payloadBytes >= 2 && at + 4 <= received.length ? received.readUInt16BE(at + 2) : 1005;
    at += 2 + lengthBytes + payloadBytes;
  }
  return null;
}
