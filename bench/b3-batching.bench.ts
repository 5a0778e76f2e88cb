import type { BatchTimeout } from '../src/batching/batch-due.js';
import type { Benchmark, BenchmarkContext, Contender, Goal, PreparedBenchmark, Sample } from './harness/benchmark.js';
import { percentile } from './harness/run-benchmark.js';
import { runBatchingLoad, type BatchingFigures } from './inputs/batching-load.js';

const FPS = 25;
/** A GPU, as far as a batcher sees one (performance.md A9). */
const BACKEND = { perCallMs: 15, perImageMs: 1 };
const FIXED_TIMEOUTS_MS = [0, 2, 5, 10, 20, 50];
/** Goals in service times and shares, as the issue of this benchmark sets them. */
const MAX_WAIT_SERVICE_TIMES = 2;

/** The ones with batches are about throughput: more streams than one backend can serve in small batches; the others show what becomes of few streams, and of two backends.
 * `waitFailsBeyond`: of the ratio to the best fixed timeout; where waits are a few ms, the machine's own pauses are most of them. */
type Load = { readonly name: string; readonly streams: number; readonly maxBatchSize: number; readonly backends: number; readonly inQuick: boolean; readonly waitFailsBeyond: number };
const LOADS: readonly Load[] = [
  { name: 'batches of 8', streams: 16, maxBatchSize: 8, backends: 1, inQuick: true, waitFailsBeyond: 1.2 },
  { name: 'batches of 16', streams: 16, maxBatchSize: 16, backends: 1, inQuick: true, waitFailsBeyond: 1.2 },
  { name: 'batches of 32', streams: 16, maxBatchSize: 32, backends: 1, inQuick: false, waitFailsBeyond: 1.2 },
  { name: 'four streams', streams: 4, maxBatchSize: 8, backends: 1, inQuick: false, waitFailsBeyond: 3 },
  { name: 'one stream', streams: 1, maxBatchSize: 8, backends: 1, inQuick: false, waitFailsBeyond: 3 },
  { name: 'two backends', streams: 16, maxBatchSize: 8, backends: 2, inQuick: false, waitFailsBeyond: 3 },
];

/** What batching across streams makes of a backend, beside what any batcher could: the wait is from a frame's arrival until the backend begins on it, and the ratio of the slowest to the
 * fastest stream says whether all got their share. In the full run `auto` is compared with the best of six fixed timeouts. */
export const benchmark: Benchmark = {
  id: 'B3',
  name: 'batching',
  what: `1 to 16 live streams at ${String(FPS)} frames a second into backends of ${String(BACKEND.perCallMs)} + n ms, two batches in flight at each`,
  prepare,
};

async function prepare({ quick, log }: BenchmarkContext): Promise<PreparedBenchmark> {
  const parts = LOADS.filter(({ inQuick }) => !quick || inQuick).map((load) => partOf(load, quick, log));
  return { contenders: parts.flatMap(({ contenders }) => contenders), goals: parts.flatMap(({ goals }) => goals), close: () => Promise.resolve() };
}

/** The contenders for one load. Those that are figures of a run and no run of their own are taken from the newest one. */
function partOf(load: Load, quick: boolean, log: BenchmarkContext['log']): { contenders: Contender[]; goals: Goal[] } {
  const { streams, maxBatchSize } = load;
  const name = (what: string): string => `${what}, ${load.name}`;
  const seconds = quick ? 1 : 2;
  const run = (batchTimeoutMs: BatchTimeout): Promise<BatchingFigures> =>
    runBatchingLoad({ streams, fps: FPS, maxBatchSize, batchTimeoutMs, maxInFlightBatches: 2, backends: Array.from({ length: load.backends }, () => BACKEND), seconds });
  const serviceMs = BACKEND.perCallMs + BACKEND.perImageMs * maxBatchSize;
  let newest: BatchingFigures | null = null;
  const derived = (what: string, sample: (figures: BatchingFigures) => Sample): Contender => ({
    name: name(what),
    run: async () => sample((newest ??= await run('auto'))),
  });
  const contenders: Contender[] = [
    {
      name: name('sightline'),
      run: async () => {
        const startedCpu = process.cpuUsage();
        newest = await run('auto');
        const { user, system } = process.cpuUsage(startedCpu);
        return { ...sampleOf(newest), cpuMs: (user + system) / 1000 };
      },
    },
    // The same frames, and batches that are never late and as large as they may be.
    derived('offline optimum', ({ wallMs, offered }) => ({ items: Math.min(offered, (load.backends * wallMs * maxBatchSize) / serviceMs), wallMs, cpuMs: 0 })),
    derived('fastest stream', ({ detected, wallMs }) => ({ items: Math.max(...detected), wallMs, cpuMs: 0 })),
    derived('slowest stream', ({ detected, wallMs }) => ({ items: Math.min(...detected), wallMs, cpuMs: 0 })),
    derived('two service times', ({ wallMs }) => ({ items: 1, wallMs, cpuMs: 0, latenciesMs: [MAX_WAIT_SERVICE_TIMES * serviceMs] })),
  ];
  const goals: Goal[] = [
    { metric: 'itemsPerSecond', ours: name('sightline'), peer: name('offline optimum'), direction: 'at-least', base: 0.9, moonshot: 0.98, failsBeyond: 0.6 },
    { metric: 'itemsPerSecond', ours: name('slowest stream'), peer: name('fastest stream'), direction: 'at-least', base: 0.9, moonshot: 0.98, failsBeyond: 0.6 },
    { metric: 'p99Ms', ours: name('sightline'), peer: name('two service times'), direction: 'at-most', base: 1, moonshot: 0.6, failsBeyond: 3 },
  ];
  if (quick) return { contenders, goals };
  // All of them in the warm-up, in the rounds that count the two that were best there.
  let timeoutsMs = FIXED_TIMEOUTS_MS;
  contenders.push({
    name: name('best fixed timeout'),
    run: async () => {
      const runs: TimedRun[] = [];
      for (const timeoutMs of timeoutsMs) runs.push({ timeoutMs, figures: await run(timeoutMs) });
      const [best, second] = bestFirst(runs);
      if (best === undefined) throw new Error('no timeout was tried');
      if (timeoutsMs.length > 2) for (const { timeoutMs, figures } of runs) log(`  timeout ${String(timeoutMs)}, ${load.name}: ${describe(figures)}`);
      timeoutsMs = [best, second].flatMap((each) => each?.timeoutMs ?? []);
      return sampleOf(best.figures);
    },
  });
  goals.push(
    { metric: 'itemsPerSecond', ours: name('sightline'), peer: name('best fixed timeout'), direction: 'at-least', base: 0.95, moonshot: 1, failsBeyond: 0.8 },
    { metric: 'p99Ms', ours: name('sightline'), peer: name('best fixed timeout'), direction: 'at-most', base: 1, moonshot: 0.7, failsBeyond: load.waitFailsBeyond },
  );
  return { contenders, goals };
}

type TimedRun = { readonly timeoutMs: number; readonly figures: BatchingFigures };

/** The run with the highest throughput first; of those within 1 % of it the one with the shortest wait. */
function bestFirst(runs: readonly TimedRun[]): TimedRun[] {
  const most = Math.max(...runs.map(({ figures }) => framesPerSecond(figures)));
  const isGood = ({ figures }: TimedRun): boolean => framesPerSecond(figures) >= 0.99 * most;
  const waitMs = ({ figures }: TimedRun): number => percentile(figures.waitsMs, 99);
  return runs.toSorted((a, b) => Number(isGood(b)) - Number(isGood(a)) || (isGood(a) ? waitMs(a) - waitMs(b) : framesPerSecond(b.figures) - framesPerSecond(a.figures)));
}

function framesPerSecond({ detected, wallMs }: BatchingFigures): number {
  return (detected.reduce((sum, count) => sum + count, 0) * 1_000) / wallMs;
}

function describe(figures: BatchingFigures): string {
  return `${framesPerSecond(figures).toFixed(1)} frames a second, p99 wait ${percentile(figures.waitsMs, 99).toFixed(1)} ms`;
}

function sampleOf({ detected, wallMs, waitsMs }: BatchingFigures): Sample {
  return { items: detected.reduce((sum, count) => sum + count, 0), wallMs, cpuMs: 0, latenciesMs: waitsMs };
}
