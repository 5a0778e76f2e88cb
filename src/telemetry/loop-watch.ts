import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';

/** The event loop counts as having stood still when it took more than this for what it had to do at once, ms. */
export const STALL_MS = 500;
const TICK_MS = 50;
const RESOLUTION_MS = 20;
/** The delays that are told are those of the last one to two of these, ms. */
const WINDOW_MS = 30_000;
const QUANTILES = [0.5, 0.99, 1] as const;

export type LoopWatchOptions = {
  readonly metrics: Pick<Metrics, 'loopDelay' | 'loopStalls'>;
  readonly log: Pick<Logger, 'warn'>;
};

export type LoopWatch = {
  /** Idempotent. */
  close(): void;
};

/** Watches how late this process is for what it has to do. While its event loop stands still nothing is read, sent or answered, and everybody outside looks slow or gone:
 * whoever reads the log has to see that it was the service itself, and for how long. */
export function startLoopWatch({ metrics, log }: LoopWatchOptions): LoopWatch {
  // Two that overlap: the older one always covers at least one window, and an old stall is forgotten in the end.
  let [older, newer] = [monitorEventLoopDelay({ resolution: RESOLUTION_MS }), monitorEventLoopDelay({ resolution: RESOLUTION_MS })];
  older.enable();
  newer.enable();
  let windowEndMs = performance.now() + WINDOW_MS;
  let lastMs = performance.now();
  let lastCpu = process.cpuUsage();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const stallMs = nowMs - lastMs - TICK_MS;
    lastMs = nowMs;
    const { user, system } = process.cpuUsage(lastCpu);
    lastCpu = process.cpuUsage();
    if (stallMs > STALL_MS) {
      metrics.loopStalls.inc();
      // Little CPU time in a long stall: it was the machine (suspended, starved, swapping), not work of our own.
      log.warn({ stallMs: Math.round(stallMs), cpuMs: Math.round((user + system) / 1000) }, 'the service stood still: nothing was read, sent or answered meanwhile');
    }
    for (const quantile of QUANTILES) metrics.loopDelay.set({ quantile: String(quantile) }, delaySeconds(older.percentile(quantile * 100)));
    if (nowMs < windowEndMs) return;
    windowEndMs = nowMs + WINDOW_MS;
    older.reset();
    [older, newer] = [newer, older];
  }, TICK_MS);
  return {
    close: () => {
      clearInterval(timer);
      older.disable();
      newer.disable();
    },
  };
}

/** @param periodNs time between two looks of the histogram, which are a resolution apart when nothing is late */
function delaySeconds(periodNs: number): number {
  return Math.max(0, periodNs / 1e9 - RESOLUTION_MS / 1000);
}
