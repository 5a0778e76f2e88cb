import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_LOOKAHEAD, ReplayDemand } from '../../src/pipeline/replay-demand.js';

/** A demand with all that it looks at in the test's hand. */
function made({ playing = true, maxBatchSize = 4, maxInFlightBatches = 2, open = true } = {}) {
  const world = { playing, maxBatchSize, maxInFlightBatches, open, asked: 0 };
  const demand = new ReplayDemand({
    request: (count) => {
      if (world.open) world.asked += count;
      return world.open;
    },
    batching: () => world,
    isPlaying: () => world.playing,
  });
  return { demand, world };
}

describe('ReplayDemand', () => {
  it('keeps one batch forming while the others are in flight, and a few frames ready while it is paused', () => {
    const { demand, world } = made({ playing: false });
    demand.topUp();
    expect(world.asked).toBe(3);
    world.playing = true;
    demand.topUp();
    expect(world.asked).toBe(12);
    demand.ended();
    expect(world.asked).toBe(13);
  });

  it('follows a detector that tells its batches later, or goes away', () => {
    const { demand, world } = made({ maxBatchSize: 8 });
    demand.topUp();
    expect(world.asked).toBe(24);
    Object.assign(world, { maxBatchSize: 1, maxInFlightBatches: 1 });
    for (let n = 0; n < 22; n += 1) demand.ended();
    expect(world.asked).toBe(24);
    demand.ended();
    expect(world.asked).toBe(25);
    Object.assign(world, { maxBatchSize: 8, maxInFlightBatches: 0 });
    demand.topUp();
    expect(world.asked).toBe(39);
  });

  it('asks again for what no source was there to give', () => {
    const { demand, world } = made({ open: false });
    demand.topUp();
    world.open = true;
    demand.topUp();
    expect(world.asked).toBe(12);
  });

  it('never has more frames out than fit, and never none while it plays', () => {
    const change = fc.record({ playing: fc.boolean(), maxBatchSize: fc.integer({ min: 1, max: 1024 }), maxInFlightBatches: fc.integer({ min: 0, max: 16 }), ended: fc.integer({ min: 0, max: 5 }) });
    fc.assert(
      fc.property(fc.array(change), (changes) => {
        const { demand, world } = made();
        let ended = 0;
        demand.topUp();
        for (const { ended: count, ...state } of changes) {
          Object.assign(world, state);
          demand.topUp();
          for (let n = 0; n < count && world.asked > ended; n += 1) {
            ended += 1;
            demand.ended();
          }
          expect(world.asked - ended).toBeLessThanOrEqual(MAX_LOOKAHEAD);
          expect(world.asked - ended).toBeGreaterThan(0);
        }
      }),
    );
  });
});
