import { DetectionRig } from '../test/helpers/detection-rig.js';
import type { Span } from '../test/helpers/frame-book.js';
import { ServingProcess } from '../test/helpers/serving-process.js';
import { until } from '../test/helpers/until.js';
import type { Benchmark, BenchmarkContext, Contender, Goal, PreparedBenchmark, Sample } from './harness/benchmark.js';

const STREAMS = 8;
const FPS = 25;
const MAX_BATCH = 8;
const DEADLINE_MS = 2_000;
/** What both have answered before anything happens to one. */
const WARM_UP_CALLS = 10;
const UNDISTURBED = 'nothing happens';

/** What happens to one of the two. `lostBatches`: as many as may be with it until it is given up: the one it dies with, the two that stand still with it, three failures in a row.
 * A backend that stands still is told from a slow one by time alone, so its gap may be longer. */
const FAULTS: readonly { readonly name: string; readonly strike: (serving: ServingProcess) => unknown; readonly lostBatches: number; readonly gap: Pick<Goal, 'base' | 'moonshot' | 'failsBeyond'> }[] = [
  { name: 'killed', strike: (serving) => serving.kill(), lostBatches: 1, gap: { base: 3, moonshot: 1.5, failsBeyond: 16 } },
  { name: 'stopped', strike: (serving) => { serving.stop(); }, lostBatches: 2, gap: { base: 4, moonshot: 2, failsBeyond: 16 } },
  { name: 'full', strike: (serving) => serving.tell({ refusal: 'full' }), lostBatches: 1, gap: { base: 2, moonshot: 1.2, failsBeyond: 12 } },
  { name: 'failing', strike: (serving) => serving.tell({ refusal: 'failing' }), lostBatches: 3, gap: { base: 3, moonshot: 1.5, failsBeyond: 12 } },
];

/** What live streams see of it when one of two backends fails, each of which could serve all of them: frames that failed or were shown without detections, and the longest time that
 * each stream shows nothing that was looked at. Frames that newer ones took the place of, because they were held up with the backend, are in the frame rate. */
export const benchmark: Benchmark = {
  id: 'B14',
  name: 'failover',
  what: `${String(STREAMS)} streams of ${String(FPS)} frames a second on two backends of 15 + n ms, one of which is ${FAULTS.map(({ name }) => name).join(', ')} from some moment on; items: frames detected thereafter`,
  prepare,
};

async function prepare({ quick }: BenchmarkContext): Promise<PreparedBenchmark> {
  const times = quick ? { beforeMs: 500, afterMs: 1_500 } : { beforeMs: 1_500, afterMs: 4_000 };
  const faults = FAULTS.filter(({ name }) => !quick || name === 'killed' || name === 'full');
  const contenders = [
    { name: UNDISTURBED, run: () => struck(() => undefined, times) },
    ...faults.map(({ name, strike }): Contender => ({ name, run: () => struck(strike, times) })),
  ];
  const goals = faults.flatMap(({ name, lostBatches, gap }): Goal[] => [
    { figure: 'frames lost', ours: name, direction: 'at-most', base: lostBatches * MAX_BATCH, moonshot: (lostBatches * MAX_BATCH) / 2, failsBeyond: 6 * lostBatches * MAX_BATCH },
    { metric: 'itemsPerSecond', ours: name, peer: UNDISTURBED, direction: 'at-least', base: 0.95, moonshot: 0.99, failsBeyond: 0.5 },
    { metric: 'p99Ms', ours: name, peer: UNDISTURBED, direction: 'at-most', ...gap },
  ]);
  return { contenders, goals, close: () => Promise.resolve() };
}

async function struck(strike: (serving: ServingProcess) => unknown, { beforeMs, afterMs }: { readonly beforeMs: number; readonly afterMs: number }): Promise<Sample> {
  const [victim, other] = await Promise.all([ServingProcess.start(), ServingProcess.start()]);
  const rig = new DetectionRig({ endpoints: [victim.endpoint, other.endpoint], streams: STREAMS, fps: FPS, deadlineMs: DEADLINE_MS, maxBatchSize: MAX_BATCH });
  try {
    await until(() => rig.pool.backends().every(({ calls }) => (calls.answered ?? 0) >= WARM_UP_CALLS), { timeoutMs: 20_000, what: 'both backends at work' });
    const startMs = performance.now();
    await passed(beforeMs);
    await until(() => (rig.pool.backends()[0]?.inFlightBatches ?? 0) > 0, { what: 'a batch in flight' });
    const [failedBefore, droppedBefore] = [rig.book.failures.length, dropped(rig)];
    const cpu = process.cpuUsage();
    const struckMs = performance.now();
    await strike(victim);
    await passed(afterMs);
    const after: Span = [struckMs, performance.now()];
    const { user, system } = process.cpuUsage(cpu);
    const latenciesMs = rig.book.longestGapsMs(after, true);
    return {
      items: rig.book.within(after, true).length, wallMs: after[1] - after[0], cpuMs: (user + system) / 1_000, latenciesMs,
      figures: {
        'frames lost': rig.book.failures.length - failedBefore + rig.book.within(after, false).length,
        'frames superseded': dropped(rig) - droppedBefore,
        'longest gap before ms': rig.book.longestGapMs([startMs, struckMs], true),
        'after ms': Math.max(...latenciesMs),
      },
    };
  } finally {
    await rig.close();
    await Promise.all([victim.kill(), other.kill()]);
  }
}

/** Frames that a newer one took the place of. */
function dropped({ book }: DetectionRig): number {
  return Object.values(book.drops).reduce((sum, count) => sum + count, 0);
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
