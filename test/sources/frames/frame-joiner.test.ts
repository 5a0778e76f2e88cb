import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Letterbox } from '../../../src/core/geometry.js';
import { FrameJoiner, type JoinedFrame } from '../../../src/sources/frames/frame-joiner.js';
import { FramePool } from '../../../src/sources/frames/frame-pool.js';
import { PooledFrame } from '../../../src/sources/frames/pooled-frame.js';
import { TimestampReader } from '../../../src/sources/frames/timestamp-reader.js';

const part = (n: number): { data: Buffer; firstByteMs: number; lastByteMs: number } => ({ data: Buffer.from([n]), firstByteMs: n, lastByteMs: n + 1 });

describe('FrameJoiner', () => {
  it('joins the nth of each kind, in whatever order they come', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom('model', 'display', 'time')), (order) => {
        const joined: JoinedFrame[] = [];
        const joiner = new FrameJoiner((frame) => joined.push(frame));
        const counts = { model: 0, display: 0, time: 0 };
        for (const kind of order) {
          const n = counts[kind]++;
          if (kind === 'model') joiner.pushModel(part(n));
          else if (kind === 'display') joiner.pushDisplay(part(n));
          else joiner.pushTime(n * 40);
        }
        const complete = Math.min(counts.model, counts.display, counts.time);
        expect(joined.map(({ model, display, ptsMs }) => [model[0], display[0], ptsMs])).toEqual(Array.from({ length: complete }, (_, n) => [n, n, n * 40]));
        const rest = joiner.drain();
        expect([rest.models.length, rest.displays.length, rest.times]).toEqual([counts.model - complete, counts.display - complete, counts.time - complete]);
        expect(joiner.waiting).toEqual({ models: 0, displays: 0, times: 0 });
      }),
    );
  });

  it('counts the capture from the first byte of either size to the last of both', () => {
    const joined: JoinedFrame[] = [];
    const joiner = new FrameJoiner((frame) => joined.push(frame));
    joiner.pushTime(0);
    joiner.pushModel({ data: Buffer.alloc(1), firstByteMs: 10, lastByteMs: 12 });
    joiner.pushDisplay({ data: Buffer.alloc(1), firstByteMs: 11, lastByteMs: 19 });
    expect(joined[0]?.captureMs).toBe(9);
  });
});

describe('TimestampReader', () => {
  function read(text: string, { timeBase = { num: 1001, den: 30_000 }, byArrival = false } = {}): number[] {
    const times: number[] = [];
    const reader = new TimestampReader({ timeBase, intervalMs: 40, byArrival }, (ptsMs) => times.push(ptsMs));
    for (const byte of Buffer.from(text)) reader.push(Buffer.from([byte]));
    return times;
  }

  it('reads what ffmpeg prints, exactly', () => {
    expect(read('frame:0    pts:0       pts_time:0\nsightline=1\nframe:1    pts:1       pts_time:0.0333667\nsightline=1\nframe:2    pts:300000000 pts_time:1.001e+07\n')).toEqual([0, 1001 / 30, 10_010_000_000]);
  });

  it('takes negative times as they are and gives a frame without a time the next place', () => {
    expect(read('frame:0    pts:-2   pts_time:-2\nframe:1    pts:NOPTS   pts_time:NOPTS\nframe:2    pts:NOPTS   pts_time:NOPTS\nframe:3    pts:5 pts_time:5\n', { timeBase: { num: 1, den: 1000 } })).toEqual([-2, 38, 78, 5]);
    expect(read('frame:0    pts:NOPTS   pts_time:NOPTS\nframe:1 pts:NOPTS\n')).toEqual([0, 40]);
  });

  it('takes the arrival where what is printed is of no use', () => {
    const beforeMs = performance.now();
    const [first = 0, second = 0] = read('frame:0    pts:9000000   pts_time:1\nframe:1 pts:0\n', { byArrival: true });
    expect(first).toBeGreaterThanOrEqual(beforeMs);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(second).toBeLessThanOrEqual(performance.now());
  });
});

describe('PooledFrame', () => {
  it('gives its buffers back with the last release and refuses one more', () => {
    const [modelPool, displayPool] = [new FramePool(3, 4), new FramePool(4, 4)];
    const size = { widthPx: 1, heightPx: 1 };
    const box: Letterbox = { source: size, canvas: size, content: size, offsetXPx: 0, offsetYPx: 0 };
    const joined: JoinedFrame = { ptsMs: 0, captureMs: 0, capturedAtMs: 0, model: modelPool.acquire(), display: displayPool.acquire() };
    const frame = new PooledFrame({ streamId: 's', seq: 0, joined, sourceSize: size, displaySize: size, letterbox: box, modelPool, displayPool });
    frame.retain();
    frame.release();
    expect([modelPool.held, displayPool.held]).toEqual([1, 1]);
    frame.release();
    expect([modelPool.held, displayPool.held]).toEqual([0, 0]);
    expect(() => { frame.release(); }).toThrow(RangeError);
    expect(() => { frame.retain(); }).toThrow(RangeError);
  });
});
