import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FramePool } from '../../../src/sources/frames/frame-pool.js';
import { FrameSplitter, type SplitFrame } from '../../../src/sources/frames/frame-splitter.js';

function split(bytes: Buffer, frameBytes: number, cuts: readonly number[]): { frames: Buffer[]; partialBytes: number; held: number } {
  const pool = new FramePool(frameBytes, 1000);
  const frames: SplitFrame[] = [];
  const splitter = new FrameSplitter(pool, (frame) => frames.push(frame));
  const places = [0, ...cuts.filter((cut) => cut < bytes.length).sort((a, b) => a - b), bytes.length];
  for (const [index, end] of places.slice(1).entries()) splitter.push(bytes.subarray(places[index], end), index);
  const partialBytes = splitter.end();
  return { frames: frames.map((frame) => frame.data), partialBytes, held: pool.held };
}

describe('FrameSplitter', () => {
  it('gives the same frames however the bytes are cut, and reports a partial last frame', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 40 }), fc.array(fc.nat({ max: 300 })), (content, frameBytes, cuts) => {
        const bytes = Buffer.from(content);
        const count = Math.floor(bytes.length / frameBytes);
        const { frames, partialBytes, held } = split(bytes, frameBytes, cuts);
        expect(frames).toHaveLength(count);
        expect(Buffer.concat(frames)).toEqual(bytes.subarray(0, count * frameBytes));
        expect(partialBytes).toBe(bytes.length - count * frameBytes);
        expect(held).toBe(count); // the partial frame's buffer went back
      }),
    );
  });

  it('tells when the first and the last byte came, not counting a time of not reading', () => {
    const frames: SplitFrame[] = [];
    const splitter = new FrameSplitter(new FramePool(4, 10), (frame) => frames.push(frame));
    splitter.push(Buffer.alloc(2), 10);
    splitter.push(Buffer.alloc(3), 17);
    splitter.resumed(1000);
    splitter.push(Buffer.alloc(3), 1004);
    expect(frames.map(({ firstByteMs, lastByteMs }) => [firstByteMs, lastByteMs])).toEqual([[10, 17], [1000, 1004]]);
  });

  it('fails when nobody gives buffers back', () => {
    const splitter = new FrameSplitter(new FramePool(1, 3), () => undefined);
    expect(() => { splitter.push(Buffer.alloc(4), 0); }).toThrow(/3 frames are waiting/u);
  });
});

describe('FramePool', () => {
  it('uses a released buffer again and refuses one that is not out', () => {
    const pool = new FramePool(8, 2);
    const first = pool.acquire();
    pool.release(first);
    expect(pool.acquire()).toBe(first);
    pool.release(first);
    expect(() => { pool.release(first); }).toThrow(RangeError);
    expect(() => { pool.release(Buffer.alloc(8)); }).toThrow(RangeError);
  });

  it('keeps nothing after close, not what comes back later either', () => {
    const pool = new FramePool(8, 4);
    const out = pool.acquire();
    pool.release(pool.acquire());
    pool.close();
    pool.close();
    pool.release(out);
    expect({ held: pool.held, free: pool.free }).toEqual({ held: 0, free: 0 });
  });

  it.each([0, -1, 1.5])('refuses frames of %s bytes', (bytes) => {
    expect(() => new FramePool(bytes, 1)).toThrow(RangeError);
  });
});
