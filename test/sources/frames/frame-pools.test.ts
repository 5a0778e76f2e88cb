import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceOpenError, SourceStalledError } from '../../../src/core/errors.js';
import { FrameBudget } from '../../../src/sources/frames/frame-budget.js';
import { FramePool } from '../../../src/sources/frames/frame-pool.js';
import { FramePools, type FrameSizes, type RunPools } from '../../../src/sources/frames/frame-pools.js';

const MB = 1024 * 1024;
/** What every stream needs at least, whatever its frames: see FramePools. */
const DECODER = 55 * MB;
const WORKING_FRAMES = 8;
const sizes = (changes: Partial<FrameSizes> = {}): FrameSizes => ({ modelBytes: MB, displayBytes: 2 * MB, sourcePixels: 1_000_000, threads: 1, ...changes });
const needOf = ({ modelBytes, displayBytes, sourcePixels, threads }: FrameSizes): number => DECODER + (30 + 4 * (threads - 1)) * sourcePixels + WORKING_FRAMES * (modelBytes + displayBytes);

describe('FramePools', () => {
  it('counts what each thread of the decoder has in work', () => {
    const [one, four] = [1, 4].map((threads) => {
      const budget = new FrameBudget(1_000 * MB);
      new FramePools(96, budget).fit('recording', sizes({ threads }));
      return budget.usedBytes;
    });
    expect((four ?? 0) - (one ?? 0)).toBe(3 * 4 * 1_000_000);
  });

  it('sets aside what a run needs before any buffer is made, and gives it back', () => {
    const budget = new FrameBudget(1_000 * MB);
    const pools = new FramePools(96, budget);
    expect(budget.usedBytes).toBe(0);
    const { modelPool, displayPool } = pools.fit('camera', sizes());
    expect([modelPool.frameBytes, displayPool.frameBytes, modelPool.free, displayPool.free]).toEqual([MB, 2 * MB, 0, 0]);
    expect(budget.usedBytes).toBe(needOf(sizes()));
    pools.close();
    pools.close();
    expect(budget.usedBytes).toBe(0);
  });

  it('keeps the pools of one size from run to run, and makes others for others', () => {
    const budget = new FrameBudget(1_000 * MB);
    const pools = new FramePools(96, budget);
    const first = pools.fit('camera', sizes());
    expect(pools.fit('camera', sizes({ sourcePixels: 2_000_000 }))).toBe(first);
    expect(budget.usedBytes).toBe(needOf(sizes({ sourcePixels: 2_000_000 })));
    const second = pools.fit('camera', sizes({ displayBytes: 3 * MB }));
    expect(second.displayPool).not.toBe(first.displayPool);
    expect(budget.usedBytes).toBe(needOf(sizes({ displayBytes: 3 * MB })));
    pools.close();
    expect(pools.fit('camera', sizes({ displayBytes: 3 * MB }))).not.toBe(second);
  });

  it.each([
    ['the decoder', sizes({ sourcePixels: 100_000_000 })],
    ["the model's frames", sizes({ modelBytes: 200 * MB })],
    ['the pictures', sizes({ displayBytes: 200 * MB })],
  ])('refuses a stream that does not fit for now, because of %s, and holds nothing of it', (_name, wanted) => {
    const budget = new FrameBudget(1_000 * MB);
    const [other, pools] = [new FramePools(96, budget), new FramePools(96, budget)];
    other.fit('other', sizes());
    const before = budget.usedBytes;
    const refused = (): unknown => pools.fit('rtsp://***@camera/1', wanted);
    expect(refused).toThrow(SourceOpenError);
    expect(refused).toThrow(/^rtsp:\/\/\*\*\*@camera\/1: not enough memory for frames: this stream needs \d+ MB and \d+ of 1000 MB are left: .*sources\.maxFrameMemoryMb$/u);
    try {
      refused();
    } catch (error) {
      expect(error).toMatchObject({ code: 'source-open', retryable: true });
    }
    expect(budget.usedBytes).toBe(before);
    other.close();
    expect(budget.usedBytes).toBe(0);
  });

  it('takes in as many streams as fit, and another once one has gone', () => {
    const need = needOf(sizes());
    const budget = new FrameBudget(3.5 * need);
    const all = Array.from({ length: 4 }, () => new FramePools(96, budget));
    const fits = all.map((pools) => {
      try {
        pools.fit('camera', sizes());
        return true;
      } catch {
        return false;
      }
    });
    expect(fits).toEqual([true, true, true, false]);
    all[1]?.close();
    expect(() => all[3]?.fit('camera', sizes())).not.toThrow();
    expect(budget.usedBytes).toBe(3 * need);
  });

  it('counts buffers that are still out after it was closed, until they come back', () => {
    const budget = new FrameBudget(1_000 * MB);
    const pools = new FramePools(96, budget);
    const { displayPool } = pools.fit('camera', sizes());
    const held = [displayPool.acquire(), displayPool.acquire()];
    pools.close();
    expect(budget.usedBytes).toBe(2 * 2 * MB);
    for (const buffer of held) displayPool.release(buffer);
    expect(budget.usedBytes).toBe(0);
  });

  it('says that whoever holds the frames does not let go, where the budget has no room for one more', () => {
    const budget = new FrameBudget(needOf(sizes()) + 2 * MB);
    const { displayPool } = new FramePools(96, budget).fit('camera', sizes());
    for (let count = 0; count < WORKING_FRAMES + 1; count += 1) displayPool.acquire();
    expect(() => displayPool.acquire()).toThrow(SourceStalledError);
    expect(() => displayPool.acquire()).toThrow(/9 frames are waiting to be processed, and there is no memory for one more of 2 MB/u);
    expect(budget.leftBytes).toBe(0);
  });

  it('never takes more than the budget has, counts every buffer there is, and gives all of it back', () => {
    const BYTES = 256 * 1024;
    const command = fc.oneof(
      fc.record({ what: fc.constant('fit' as const), who: fc.nat(2), model: fc.integer({ min: 1, max: 3 }), pixels: fc.nat(300_000) }),
      fc.record({ what: fc.constantFrom('acquire' as const, 'release' as const), who: fc.nat(2), model: fc.integer({ min: 0, max: 1 }), pixels: fc.nat(40) }),
      fc.record({ what: fc.constant('close' as const), who: fc.nat(2), model: fc.constant(0), pixels: fc.constant(0) }),
    );
    fc.assert(fc.property(fc.integer({ min: 56, max: 180 }), fc.array(command, { maxLength: 60 }), (limitMb, commands) => {
      const budget = new FrameBudget(limitMb * MB);
      const streams = [0, 1, 2].map(() => ({ pools: new FramePools(20, budget), run: null as RunPools | null }));
      const out: { pool: FramePool; buffer: Buffer }[] = [];
      const known = new Set<FramePool>();
      for (const { what, who, model, pixels } of commands) {
        const stream = streams[who];
        if (stream === undefined) continue;
        try {
          if (what === 'fit') {
            stream.run = null;
            stream.run = stream.pools.fit('camera', { modelBytes: model * BYTES, displayBytes: 2 * BYTES, sourcePixels: pixels, threads: 1 });
            known.add(stream.run.modelPool).add(stream.run.displayPool);
          } else if (what === 'acquire') {
            const pool = model === 0 ? stream.run?.modelPool : stream.run?.displayPool;
            if (pool !== undefined) for (let count = 0; count < pixels; count += 1) out.push({ pool, buffer: pool.acquire() });
          } else if (what === 'release') {
            for (const { pool, buffer } of out.splice(0, pixels)) pool.release(buffer);
          } else {
            stream.run = null;
            stream.pools.close();
          }
        } catch (error) {
          expect(error instanceof SourceOpenError || error instanceof SourceStalledError).toBe(true);
        }
        const real = [...known].reduce((sum, pool) => sum + (pool.held + pool.free) * pool.frameBytes, 0);
        expect(budget.usedBytes).toBeLessThanOrEqual(budget.limitBytes);
        expect(budget.usedBytes).toBeGreaterThanOrEqual(real);
      }
      for (const { pools } of streams) pools.close();
      for (const { pool, buffer } of out) pool.release(buffer);
      expect(budget.usedBytes).toBe(0);
    }));
  });
});

describe('FramePool', () => {
  it.each([0, -1, 1.5, Number.NaN])('is a mistake of the program with frames of %d bytes', (bytes) => {
    expect(() => new FramePool(bytes, 1)).toThrow(RangeError);
  });

  it('hands buffers out again, and takes back only its own, once', () => {
    const pool = new FramePool(16, 2);
    const buffer = pool.acquire();
    expect([buffer.length, buffer.buffer.byteLength, pool.held, pool.free]).toEqual([16, 16, 1, 0]);
    pool.release(buffer);
    expect([pool.held, pool.free, pool.acquire() === buffer]).toEqual([0, 1, true]);
    expect(() => { pool.release(Buffer.alloc(16)); }).toThrow(RangeError);
    pool.release(buffer);
    expect(() => { pool.release(buffer); }).toThrow(RangeError);
  });

  it('hands out no more than it may', () => {
    const pool = new FramePool(16, 2);
    pool.acquire();
    pool.acquire();
    expect(() => pool.acquire()).toThrow(/^2 frames are waiting/u);
  });

  it('lets go of what a peak has left, and gives the memory back', () => {
    const budget = new FrameBudget(1_000);
    const pool = new FramePool(10, 50, { account: budget.open(), reserved: 0 });
    const peak = Array.from({ length: 40 }, () => pool.acquire());
    for (const buffer of peak) pool.release(buffer);
    expect([pool.free, budget.usedBytes]).toEqual([40, 400]);
    for (let count = 0; count < 200; count += 1) pool.release(pool.acquire());
    expect([pool.free, budget.usedBytes]).toEqual([1, 10]);
    pool.close();
    expect([pool.free, budget.usedBytes]).toEqual([0, 0]);
  });
});
