import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { serializeMessage, type RtspMessage } from '../../../src/sources/gateway/rtsp-message.js';
import { RtspSplitter, RtspSyntaxError } from '../../../src/sources/gateway/rtsp-splitter.js';

/** What came out, in order: messages, and the packets between two of them in one piece. */
type Event = { readonly message: RtspMessage } | { packets: Buffer };

function collect(chunks: Iterable<Uint8Array>, wholePackets: boolean, events: Event[] = []): Event[] {
  const splitter = new RtspSplitter({
    wholePackets,
    onMessage: (message) => { events.push({ message }); },
    onPackets: (bytes) => {
      if (wholePackets) expect(isWhole(bytes)).toBe(true);
      const last = events.at(-1);
      // A view of what was pushed: to be copied by whoever keeps it.
      if (last !== undefined && 'packets' in last) last.packets = Buffer.concat([last.packets, bytes]);
      else events.push({ packets: Buffer.from(bytes) });
    },
  });
  for (const chunk of chunks) splitter.push(Buffer.from(chunk));
  return events;
}

function isWhole(bytes: Buffer): boolean {
  let at = 0;
  while (at + 4 <= bytes.length && bytes[at] === 0x24) at += 4 + bytes.readUInt16BE(at + 2);
  return at === bytes.length;
}

/** Cuts bytes into pieces of these sizes, over and over; 0 makes an empty one. */
function* cut(bytes: Buffer, sizes: readonly number[]): Generator<Buffer> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn += 1) {
    const size = sizes.length === 0 || sizes.every((each) => each === 0) ? bytes.length : (sizes[turn % sizes.length] ?? 1);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const packet = (channel: number, payload: Uint8Array): Buffer => Buffer.concat([Buffer.from([0x24, channel, payload.length >> 8, payload.length & 0xff]), payload]);

const message = fc.record({
  startLine: fc.constantFrom('RTSP/1.0 200 OK', 'RTSP/1.0 401 Unauthorized', 'OPTIONS * RTSP/1.0', 'SET_PARAMETER rtsp://h/1 RTSP/1.0', 'R rtsp://h RTSP/1.0'),
  headers: fc.array(fc.tuple(fc.constantFrom('CSeq', 'X-Y', 'Transport'), fc.stringMatching(/^[!-~]{0,20}$/u)), { maxLength: 4 }),
  body: fc.oneof(fc.constant(Buffer.alloc(0)), fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)), fc.constant(Buffer.from('RTSP/1.0 200 OK\r\n\r\n$\0\0\u0001x'))),
});
type Item = { readonly bytes: Buffer; readonly event: Event | null };
const item = fc.oneof(
  message.map((each): Item => {
    const bytes = serializeMessage(each);
    const headers = each.body.length === 0 ? each.headers : [...each.headers, ['Content-Length', String(each.body.length)] as const];
    return { bytes, event: { message: { ...each, headers } } };
  }),
  fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 400 })).map(([channel, payload]): Item => ({ bytes: packet(channel, payload), event: { packets: packet(channel, payload) } })),
  // What some cameras put between them.
  fc.constantFrom('\r\n', '\n', '\r\n\r\n', '\0\0\0', 'junk ', '\u00ff').map((text): Item => ({ bytes: Buffer.from(text, 'latin1'), event: null })),
);

/** Packets that follow each other, with or without stray bytes between, are one. */
function joined(items: readonly Item[]): Event[] {
  const events: Event[] = [];
  for (const { event } of items) {
    const last = events.at(-1);
    if (event !== null && 'packets' in event && last !== undefined && 'packets' in last) events[events.length - 1] = { packets: Buffer.concat([last.packets, event.packets]) };
    else if (event !== null) events.push(event);
  }
  return events;
}

describe('RtspSplitter', () => {
  it.each([true, false])('gives the same messages and packets however they are cut (whole packets: %s)', (whole) => {
    fc.assert(fc.property(fc.array(item, { maxLength: 12 }), fc.array(fc.nat(60), { maxLength: 5 }), (items, sizes) => {
      const bytes = Buffer.concat(items.map((each) => each.bytes));
      expect(collect(cut(bytes, sizes), whole)).toEqual(joined(items));
      expect(collect(cut(bytes, [1]), whole)).toEqual(joined(items));
    }), { numRuns: 200 });
  });

  it('throws nothing but its own error on junk, the same however it is cut', () => {
    const outcome = (chunks: Iterable<Buffer>): unknown => {
      const events: Event[] = [];
      try {
        return [collect(chunks, false, events), null];
      } catch (error) {
        if (!(error instanceof RtspSyntaxError)) throw error;
        return [events, error.message];
      }
    };
    const junk = fc.oneof(fc.uint8Array({ maxLength: 2_000 }), fc.stringMatching(/^[RTSP/1.0 2OK\r\n:$A-Z]{0,200}$/u).map((text) => Buffer.from(text, 'latin1')), fc.array(fc.constantFrom('RTSP/1.0 200 OK\r\n', '\r\n', 'Content-Length: ', '5', '-1', '99999999', '$', '\0'), { maxLength: 20 }).map((parts) => Buffer.from(parts.join(''))));
    fc.assert(fc.property(junk, fc.array(fc.nat(30), { maxLength: 4 }), (bytes, sizes) => {
      const buffer = Buffer.from(bytes);
      expect(outcome(cut(buffer, sizes))).toEqual(outcome([buffer]));
    }), { numRuns: 500 });
  });

  it('passes packets on as they come, without a copy', () => {
    const chunk = packet(0, Buffer.alloc(1_000, 7)).subarray(0, 500);
    let seen: Buffer | null = null;
    new RtspSplitter({ wholePackets: false, onMessage: () => undefined, onPackets: (bytes) => { seen = bytes; } }).push(chunk);
    expect(seen).toMatchObject({ byteOffset: chunk.byteOffset, length: 500 });
  });

  const head = (bytes: number): string => `RTSP/1.0 200 OK\r\nX: ${'x'.repeat(bytes - 24)}\r\n\r\n`;

  it.each<[string, string, RegExp | null]>([
    ['a head of 32 KB', head(32 * 1024 + 4), null],
    ['a larger head', head(32 * 1024 + 5), /head of a message is too long/u],
    ['a head without end', `RTSP/1.0 200 OK\r\n${'X: y\r\n'.repeat(6_000)}`, /head of a message is too long/u],
    ['a line without end', `RTSP/1.0 ${'x'.repeat(33 * 1024)}`, /head of a message is too long/u],
    ['a body of 1 MB', `RTSP/1.0 200 OK\r\nContent-Length: 1048576\r\n\r\n${'x'.repeat(1024 * 1024)}`, null],
    ['a larger body', 'RTSP/1.0 200 OK\r\nContent-Length: 1048577\r\n\r\n', /body of a message is too long/u],
    ['a body of a huge length', 'RTSP/1.0 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n', /body of a message is too long/u],
    ['a body of a negative length', 'RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n', /body of a message is too long/u],
    ['a length that is no number', 'RTSP/1.0 200 OK\r\nContent-Length: 0x10\r\n\r\n', /body of a message is too long/u],
    ['stray bytes, 64 KB of them', '\0'.repeat(64 * 1024), null],
    ['more stray bytes', '\0'.repeat(64 * 1024 + 1), /does not speak RTSP/u],
    ['a web page', `<!doctype html>${'<p>text</p>'.repeat(10_000)}`, /does not speak RTSP/u],
  ])('takes %s as it must', (_name, text, error) => {
    const bytes = Buffer.from(text, 'latin1');
    for (const size of [bytes.length, 32 * 1024 + 2, 1_000]) {
      const push = (): Event[] => collect(cut(bytes, [size]), false);
      if (error === null) expect(push).not.toThrow();
      else expect(push).toThrow(error);
    }
  });

  it('forgives stray bytes for as long as something good comes between', () => {
    const text = `${'\0'.repeat(60_000)}RTSP/1.0 200 OK\r\n\r\n${'\0'.repeat(60_000)}$\0\0\0${'\0'.repeat(60_000)}`;
    expect(collect([Buffer.from(text, 'latin1')], false)).toHaveLength(2);
  });

  it.each<[string, string, boolean, number]>([
    ['a body of 500 KB', `RTSP/1.0 200 OK\r\nContent-Length: 500000\r\n\r\n${'x'.repeat(500_000)}`, false, 1],
    ['a head of 10000 lines', `RTSP/1.0 200 OK\r\n${'X:\n'.repeat(10_000)}\n`, false, 1],
    ['whole packets', `$\0\xff\xff${'x'.repeat(65_535)}`.repeat(4), true, 4],
  ])('takes no longer over %s that come a byte at a time', (_name, text, whole, count) => {
    const startMs = performance.now();
    let [seen, handedOut] = [0, 0];
    const splitter = new RtspSplitter({ wholePackets: whole, onMessage: () => { seen += 1; }, onPackets: (bytes) => { handedOut += bytes.length; } });
    const bytes = Buffer.from(text, 'latin1');
    for (let at = 0; at < bytes.length; at += 1) splitter.push(bytes.subarray(at, at + 1));
    expect(performance.now() - startMs).toBeLessThan(2_000);
    expect(whole ? handedOut / 65_539 : seen).toBe(count);
  });

  it('does not change what it handed out', () => {
    const handedOut: Buffer[] = [];
    const splitter = new RtspSplitter({ wholePackets: true, onMessage: ({ body }) => { handedOut.push(body); }, onPackets: (bytes) => { handedOut.push(bytes); } });
    const pieces = ['a', 'b', 'c'].flatMap((letter) => [packet(1, Buffer.from(letter.repeat(40))), Buffer.from(`RTSP/1.0 200 OK\r\nContent-Length: 40\r\n\r\n${letter.repeat(40)}`)]);
    for (const chunk of cut(Buffer.concat(pieces), [7, 50])) splitter.push(Buffer.from(chunk));
    expect(handedOut.map((bytes) => bytes.toString('latin1', bytes.length - 40))).toEqual(['a', 'a', 'b', 'b', 'c', 'c'].map((letter) => letter.repeat(40)));
  });

  it.each<[string, Buffer, boolean]>([
    ['packets', packet(0, Buffer.alloc(65_535)), false],
    ['whole packets', packet(0, Buffer.alloc(65_535)), true],
    ['empty lines', Buffer.alloc(65_536, '\r\n'), false],
    ['messages', Buffer.from(`RTSP/1.0 200 OK\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`), false],
  ])('holds no more than one message while %s come without end', (_name, piece, wholePackets) => {
    const splitter = new RtspSplitter({ wholePackets, onMessage: () => undefined, onPackets: () => undefined });
    const bytesHeld = (): number => process.memoryUsage().arrayBuffers;
    const before = bytesHeld();
    let most = 0;
    for (let turn = 0; turn < 4_000; turn += 1) {
      splitter.push(piece.subarray(0, 7));
      splitter.push(piece.subarray(7));
      most = Math.max(most, bytesHeld() - before);
    }
    // 250 MB went through; what is collected late counts as well.
    expect(most).toBeLessThan(100 * 1024 * 1024);
  });
});
