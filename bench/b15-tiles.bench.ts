import { measure, type Benchmark, type BenchmarkContext, type PreparedBenchmark, type Sample } from './harness/benchmark.js';
import { openStreamWall } from './inputs/stream-wall.js';

const STREAMS = 16;
/** What a tile of a 4 x 4 page on a screen 1280 pixels wide asks for. */
const TILE_PX = 320;
/** Frames a second: what such a page asks for each tile (240 for all of them), and what the streams have. */
const RATES = { tiles: 15, full: 25 };

/** What a wall of tiles costs the server beside the same streams in full: width alone in the ratio of CPU, width and rate in the figures for a second. */
export const benchmark: Benchmark = {
  id: 'B15',
  name: 'tiles',
  what: `${String(STREAMS)} streams of 1280x720 with boxes to one viewer over one socket: tiles ${String(TILE_PX)} pixels wide at ${String(RATES.tiles)} frames a second, and full pictures at ${String(RATES.full)}; frames are sent one after the other, items: frames, the viewer's own work is in it`,
  prepare,
};

async function prepare({ quick }: BenchmarkContext): Promise<PreparedBenchmark> {
  const rounds = quick ? 3 : 20;
  const wall = await openStreamWall(STREAMS);
  const run = async (maxWidthPx: number | null, fps: number): Promise<Sample> => {
    let bytes = 0;
    const sample = await measure(async () => {
      for (let round = 0; round < rounds; round += 1) bytes += await wall.round(maxWidthPx);
      return rounds * STREAMS;
    });
    const share = (STREAMS * fps) / sample.items;
    return { ...sample, figures: { 'KB a frame': bytes / sample.items / 1000, 'MB a second': (bytes * share) / 1e6, 'ms CPU a second': sample.cpuMs * share } };
  };
  return {
    contenders: [
      { name: 'tiles', run: () => run(TILE_PX, RATES.tiles) },
      { name: 'full size', run: () => run(null, RATES.full) },
    ],
    goals: [{ metric: 'cpuMsPerItem', ours: 'tiles', peer: 'full size', direction: 'at-most', base: 0.6, moonshot: 0.3, failsBeyond: 1 }],
    close: wall.close,
  };
}
