import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AnnotatedFrame } from '../../src/core/frames.js';
import { decodeFrameMessage, encodeFrameMessage, FrameMessage } from '../../src/viewers/frame-message.js';

const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)); // JSON has no -0
const frames: fc.Arbitrary<AnnotatedFrame> = fc.record({
  streamId: fc.stringMatching(/^[A-Za-z0-9_-]{1,64}$/),
  seq: fc.nat(),
  ptsMs: finite,
  capturedAtMs: fc.nat(),
  widthPx: fc.integer({ min: 1, max: 8000 }),
  heightPx: fc.integer({ min: 1, max: 8000 }),
  model: fc.option(fc.record({ name: fc.string({ unit: 'grapheme' }), version: fc.string() }), { nil: null }),
  detections: fc.array(fc.record({ classId: fc.integer(), label: fc.string({ unit: 'grapheme' }), score: finite, box: fc.tuple(finite, finite, finite, finite) }), { maxLength: 5 }),
  timingsMs: fc.record({ capture: finite, queue: finite, predict: finite, annotate: finite }),
  jpeg: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});

describe('frame message', () => {
  it('gives back any header and JPEG it was made of', () => {
    fc.assert(
      fc.property(frames, fc.integer({ min: 0, max: 2 ** 45 }), (frame, sentAtMs) => {
        const { header, jpeg } = decodeFrameMessage(encodeFrameMessage(frame, sentAtMs));
        const { streamId, jpeg: expectedJpeg, ...rest } = frame;
        expect(header).toEqual({ stream: streamId, sentAtMs, ...rest });
        expect(Buffer.from(jpeg)).toEqual(expectedJpeg);
      }),
    );
  });

  it('carries what the frame as a whole shows, keypoints and masks, and none of them where there is none', () => {
    const [sample] = fc.sample(frames, 1) as [AnnotatedFrame];
    const frame: AnnotatedFrame = { ...sample, widthPx: 4, heightPx: 4 };
    const found = { classId: 1, label: 'person', score: 0.5, box: [0, 0, 2, 2] as const };
    const keypoints = [{ xPx: 1, yPx: 1.5, score: null }, { xPx: 1.23456, yPx: 2, score: 0.51239 }];
    const mask = { widthPx: 2, heightPx: 2, data: Float32Array.of(1, 1, 0, 1), box: [0, 0, 2, 2] as const };
    const classes = [{ classId: 7, label: 'beach', score: 0.75 }];
    const headerOf = (changes: Partial<AnnotatedFrame>): object => decodeFrameMessage(encodeFrameMessage({ ...frame, ...changes }, 5)).header;
    expect(headerOf({ detections: [{ ...found, mask, keypoints }, found], classes })).toMatchObject({
      detections: [{ ...found, keypoints: [[1, 1.5, null], [1.23, 2, 0.512]], mask: { box: [0, 0, 2, 2], widthPx: 2, heightPx: 2, runs: [0, 2, 1, 1] } }, found],
      classes,
    });
    expect(headerOf({ detections: [found] })).toHaveProperty('detections', [found]);
    expect(headerOf({ classes: [] })).not.toHaveProperty('classes');
  });

  it('says that the picture is without boxes, and nothing where they are drawn', () => {
    const [frame] = fc.sample(frames, 1) as [AnnotatedFrame];
    const headerOf = (message: FrameMessage): object => decodeFrameMessage(Buffer.concat([message.head(5), message.jpeg])).header;
    expect(headerOf(new FrameMessage(frame, false))).toHaveProperty('render', 'client');
    expect(headerOf(new FrameMessage(frame, true))).not.toHaveProperty('render');
  });

  it('starts with the header length as uint32, little-endian', () => {
    const [frame] = fc.sample(frames, 1) as [AnnotatedFrame];
    const message = encodeFrameMessage(frame, 5);
    const headerLength = message.readUInt32LE(0);
    expect(JSON.parse(message.subarray(4, 4 + headerLength).toString())).toMatchObject({ stream: frame.streamId, sentAtMs: 5 });
    expect(message.subarray(4 + headerLength)).toEqual(frame.jpeg);
  });

  it('shares the JPEG between viewers and gives each its own time', () => {
    const [frame] = fc.sample(frames, 1) as [AnnotatedFrame];
    const message = new FrameMessage(frame);
    const [first, second] = [message.head(1_700_000_000_000), message.head(1_700_000_000_040)];
    expect(message.jpeg).toBe(frame.jpeg);
    expect(decodeFrameMessage(first).header.sentAtMs).toBe(1_700_000_000_000);
    expect(decodeFrameMessage(second).header.sentAtMs).toBe(1_700_000_000_040);
    expect(message.byteLength).toBe(first.length + frame.jpeg.length);
  });

  it('reads random bytes or refuses them with a RangeError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          expect(typeof decodeFrameMessage(bytes).header).toBe('object');
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['nothing', []],
    ['half a length', [1, 0]],
    ['a length without a header', [9, 0, 0, 0]],
    ['a length of 4 GiB', [255, 255, 255, 255, 123, 125]],
    ['a header that is a list', [2, 0, 0, 0, 0x5b, 0x5d]],
    ['a header that is not UTF-8', [4, 0, 0, 0, 0x22, 0xff, 0xfe, 0x22]],
  ])('refuses %s', (_name, bytes) => {
    expect(() => decodeFrameMessage(Uint8Array.from(bytes))).toThrow(RangeError);
  });
});
