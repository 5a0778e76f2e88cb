import { DetectionRig } from '../test/helpers/detection-rig.js';
import { ServingProcess } from '../test/helpers/serving-process.js';
import { until } from '../test/helpers/until.js';
import type { Benchmark, BenchmarkContext, PreparedBenchmark, Sample } from './harness/benchmark.js';

const STREAMS = 4;
const FPS = 25;
const DEADLINE_MS = 1_000;
/** What both have answered before anything happens to one. */
const WARM_UP_CALLS = 10;

type Fault = (serving: ServingProcess) => Promise<void> | void;

/** What live streams see of it when one of two backends fails: the longest time that each of them shows nothing that was looked at. */
export const benchmark: Benchmark = {
  id: 'B14',
  name: 'failover',
  what: `${String(STREAMS)} streams of ${String(FPS)} frames a second on two backends of 15 + n ms, of which one is killed, stopped, or full from some moment on; items: frames detected thereafter; latencies: each stream's longest gap`,
  prepare,
};

async function prepare({ quick, log }: BenchmarkContext): Promise<PreparedBenchmark> {
  const ms = quick ? 2_000 : 4_000;
  const contender = (name: string, fault: Fault): { name: string; run: () => Promise<Sample> } => ({ name, run: () => gapsAfter(name, fault, ms, log) });
  const undisturbed = 'nothing happens';
  return {
    contenders: [
      contender(undisturbed, () => undefined),
      contender('killed', (serving) => serving.kill()),
      contender('stopped', (serving) => { serving.stop(); }),
      contender('full', async (serving) => { await serving.tell({ isFull: true }); }),
    ],
    goals: [
      { metric: 'p99Ms', ours: 'killed', peer: undisturbed, direction: 'at-most', base: 3, moonshot: 1.5, failsBeyond: 8 },
      // A backend that stands still is told from a slow one by time alone.
      { metric: 'p99Ms', ours: 'stopped', peer: undisturbed, direction: 'at-most', base: 4, moonshot: 2, failsBeyond: 8 },
      { metric: 'p99Ms', ours: 'full', peer: undisturbed, direction: 'at-most', base: 2, moonshot: 1.2, failsBeyond: 6 },
    ],
    close: () => Promise.resolve(),
  };
}

async function gapsAfter(name: string, fault: Fault, ms: number, log: (line: string) => void): Promise<Sample> {
  const [first, second] = await Promise.all([ServingProcess.start(), ServingProcess.start()]);
  const rig = new DetectionRig({ endpoints: [first.endpoint, second.endpoint], streams: STREAMS, fps: FPS, deadlineMs: DEADLINE_MS });
  await until(() => rig.pool.backends().every(({ calls }) => (calls.answered ?? 0) >= WARM_UP_CALLS));
  await until(() => (rig.pool.backends()[0]?.inFlightBatches ?? 0) > 0);
  const lostBefore = rig.book.lostCount;
  const { user, system } = process.cpuUsage();
  const startMs = performance.now();
  await fault(first);
  await new Promise((resolve) => setTimeout(resolve, ms));
  const span = [startMs, performance.now()] as const;
  const cpu = process.cpuUsage();
  const lost = rig.book.lostCount - lostBefore;
  const sample = { items: rig.book.within(span, true).length, wallMs: span[1] - startMs, cpuMs: (cpu.user + cpu.system - user - system) / 1_000, latenciesMs: rig.book.longestGapsMs(span, true) };
  const undetected = rig.book.within(span, false).length;
  await rig.close();
  await first.kill();
  await second.kill();
  log(`${name}: ${String(lost)} frames lost, ${String(undetected)} shown without detection, longest gap ${Math.max(...sample.latenciesMs).toFixed(0)} ms`);
  return sample;
}
