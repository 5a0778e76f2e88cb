import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { ClockOffset } from '../../web/src/connection/clock-offset.js';
import { decodeFrameMessage, FrameMessageError } from '../../web/src/connection/frame-message.js';
import { reconnectDelayMs } from '../../web/src/connection/reconnect-schedule.js';

const HEADER = {
  stream: 'door',
  seq: 7,
  ptsMs: 280,
  capturedAtMs: 1000,
  sentAtMs: 1050,
  widthPx: 640,
  heightPx: 360,
  model: null,
  detections: [],
  timingsMs: { capture: 1, queue: 2, predict: 3, annotate: 4 },
};

describe('decodeFrameMessage', () => {
  it('takes header and picture apart, whatever they hold', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 300 }), (stream, seq, jpeg) => {
        const decoded = decodeFrameMessage(encode({ ...HEADER, stream, seq }, jpeg));
        expect(decoded.header).toEqual({ ...HEADER, stream, seq });
        expect([...decoded.jpeg]).toEqual([...jpeg]);
      }),
    );
  });

  it.each<[string, ArrayBuffer]>([
    ['nothing at all', new ArrayBuffer(0)],
    ['half a length', new ArrayBuffer(3)],
    ['a header longer than the message', withLength(1000, new Uint8Array(10))],
    ['the longest length there is', withLength(0xffffffff, new Uint8Array(10))],
    ['a header and no picture', encode(HEADER, new Uint8Array(0))],
    ['a header that is no JSON', withLength(3, new Uint8Array([123, 123, 123, 0xff, 0xd8]))],
    ['a header that is no UTF-8', withLength(2, new Uint8Array([0xff, 0xfe, 0xff, 0xd8]))],
    ['a header that is null', encode(null, new Uint8Array(4))],
    ['a header without boxes', encode({ ...HEADER, detections: undefined }, new Uint8Array(4))],
    ['a header with a number as text', encode({ ...HEADER, seq: '7' }, new Uint8Array(4))],
    ['a header without timings', encode({ ...HEADER, timingsMs: null }, new Uint8Array(4))],
  ])('refuses %s', (_title, data) => {
    expect(() => decodeFrameMessage(data)).toThrow(FrameMessageError);
  });

  it('throws nothing but its own error on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeFrameMessage(bytes.slice().buffer);
        } catch (error) {
          expect(error).toBeInstanceOf(FrameMessageError);
        }
      }),
    );
  });
});

describe('reconnectDelayMs', () => {
  it.each([
    [0, 0, 800],
    [0, 0.5, 1000],
    [1, 0.5, 2000],
    [2, 0.5, 4000],
    [3, 0.5, 8000],
    [4, 0.5, 15_000],
    [4, 0, 12_000],
    [1000, 0.999, 15_000],
  ])('waits after %i failed tries with chance %f for %i ms', (attempt, random, delayMs) => {
    expect(reconnectDelayMs(attempt, random)).toBe(delayMs);
  });
});

describe('ClockOffset', () => {
  it('knows nothing before the first sample', () => {
    expect(new ClockOffset().toServerMs(5)).toBeNull();
  });

  it('takes the server’s word until a round trip is measured', () => {
    const clock = new ClockOffset();
    clock.reset(100, 5100);
    expect(clock.toServerMs(200)).toBe(5200);
    clock.add(200, 240, 5230);
    expect(clock.toServerMs(220)).toBe(5230);
  });

  it('believes the quickest round trip and forgets it after eight more', () => {
    const clock = new ClockOffset();
    clock.add(0, 10, 1005);
    for (let at = 100; at < 800; at += 100) clock.add(at, at + 90, at + 1080);
    expect(clock.toServerMs(0)).toBe(1000);
    clock.add(900, 990, 1980);
    expect(clock.toServerMs(0)).toBe(1035);
  });

  it('ignores an answer that came before its question', () => {
    const clock = new ClockOffset();
    clock.add(100, 50, 1000);
    clock.add(Number.NaN, 50, 1000);
    expect(clock.toServerMs(0)).toBeNull();
  });
});

function encode(header: unknown, jpeg: Uint8Array): ArrayBuffer {
  const json = new TextEncoder().encode(JSON.stringify(header));
  return withLength(json.length, new Uint8Array([...json, ...jpeg]));
}

function withLength(length: number, rest: Uint8Array): ArrayBuffer {
  const message = new Uint8Array(4 + rest.length);
  new DataView(message.buffer).setUint32(0, length, true);
  message.set(rest, 4);
  return message.buffer;
}
