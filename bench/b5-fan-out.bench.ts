import { FanOut } from '../test/helpers/fan-out.js';
import type { Benchmark, BenchmarkContext, Contender, Goal, PreparedBenchmark, Sample } from './harness/benchmark.js';

type Load = { readonly viewers: number; readonly stalled: number; readonly kilobytes: number; readonly fps: number };

const QUICK: readonly Load[] = [{ viewers: 50, stalled: 25, kilobytes: 30, fps: 20 }];
const FULL: readonly Load[] = [
  { viewers: 1, stalled: 0, kilobytes: 150, fps: 25 },
  { viewers: 50, stalled: 0, kilobytes: 150, fps: 10 },
  { viewers: 50, stalled: 25, kilobytes: 150, fps: 10 },
  { viewers: 200, stalled: 100, kilobytes: 30, fps: 10 },
  { viewers: 1000, stalled: 500, kilobytes: 10, fps: 5 },
];
const KINDS = ['sightline', 'ws'] as const;
/** Until what came before the measured time has passed. */
const SETTLING_MS = 200;

/** What it costs to send a frame to a viewer: CPU time of the serving process for each frame that a viewer who reads has got, beside a bare `ws` broadcaster that sends the same bytes to
 * all of them. Those who do not read count on neither side. */
export const benchmark: Benchmark = {
  id: 'B5',
  name: 'fan-out',
  what: 'one stream to many viewers in a second process, half of whom do not read where two numbers are named; items: frames received by those who do',
  prepare,
};

async function prepare({ quick }: BenchmarkContext): Promise<PreparedBenchmark> {
  const loads = quick ? QUICK : FULL;
  const open: FanOut[] = [];
  const contenders: Contender[] = [];
  try {
    for (const load of loads) {
      for (const kind of KINDS) {
        let emptyBytes = 0;
        const script = { kind, frameBytes: load.kilobytes * 1000, limits: { stallLimitMs: 3_600_000 } };
        const fanOut = await FanOut.start(script, { viewers: load.viewers, stalled: load.stalled, acknowledges: false }, ({ rssBytes }) => { emptyBytes = rssBytes; });
        open.push(fanOut);
        await fanOut.fill(60);
        await fanOut.tellServer({ fps: 0 });
        contenders.push({ name: nameOf(kind, load), run: () => deliver(fanOut, load, emptyBytes, quick ? 600 : 2_000) });
      }
    }
  } catch (error) {
    await Promise.all(open.map((fanOut) => fanOut.close()));
    throw error;
  }
  const goals = loads.flatMap((load): Goal[] => [
    { metric: 'cpuMsPerItem', ours: nameOf('sightline', load), peer: nameOf('ws', load), direction: 'at-most', base: 1.1, moonshot: 0.8, failsBeyond: 2.5 },
  ]);
  return { contenders, goals, close: async () => void (await Promise.all(open.map((fanOut) => fanOut.close()))) };
}

function nameOf(kind: (typeof KINDS)[number], { viewers, stalled, kilobytes }: Load): string {
  return `${kind}, ${stalled === 0 ? '' : `${String(viewers - stalled)} of `}${String(viewers)} x ${String(kilobytes)} KB`;
}

async function deliver(fanOut: FanOut, { fps }: Load, emptyBytes: number, measuredMs: number): Promise<Sample> {
  await fanOut.tellServer({ fps });
  await passed(SETTLING_MS);
  await fanOut.tellClients();
  const before = await fanOut.tellServer();
  await passed(measuredMs);
  const clients = await fanOut.tellClients();
  const after = await fanOut.tellServer({ fps: 0, collectsGarbage: true });
  const cpuMs = after.cpuMs - before.cpuMs;
  const megabytes = after.rssBytes / 1e6;
  const figures = {
    'µs CPU a frame': (cpuMs * 1000) / clients.received, 'age p50 ms': clients.ageP50Ms, 'p99 ms': clients.ageP99Ms, 'resident MB': megabytes,
    // Of everything: the code that was compiled meanwhile and the sockets themselves are in it.
    'grown by MB': (after.rssBytes - emptyBytes) / 1e6,
  };
  return { items: clients.received, wallMs: after.atMs - before.atMs, cpuMs, figures };
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
