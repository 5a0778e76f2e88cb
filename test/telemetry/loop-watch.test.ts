import { afterEach, describe, expect, it } from 'vitest';
import { createLogger } from '../../src/telemetry/logger.js';
import { startLoopWatch, STALL_MS, type LoopWatch } from '../../src/telemetry/loop-watch.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { until } from '../helpers/until.js';

let watch: LoopWatch | null = null;
afterEach(() => watch?.close());

/** Gives the event loop no turn for so long, ms. */
function stall(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}

function start(): { readonly lines: string[]; readonly metrics: ReturnType<typeof createMetrics> } {
  const [lines, metrics] = [[] as string[], createMetrics()];
  const log = createLogger({ level: 'warn', format: 'json', destination: { write: (line: string) => lines.push(line) } as unknown as NodeJS.WritableStream });
  watch = startLoopWatch({ metrics, log });
  return { lines, metrics };
}

describe('the watch on the event loop', () => {
  it('tells of each stall once, how long it was and what CPU time it took', async () => {
    const { lines, metrics } = start();
    for (const count of [1, 2]) {
      stall(STALL_MS + 200);
      await until(() => lines.length === count);
      const { stallMs, cpuMs, level } = JSON.parse(lines[count - 1] ?? '') as Record<string, number>;
      expect(level).toBe(40);
      expect(stallMs).toBeGreaterThan(STALL_MS);
      expect(cpuMs).toBeGreaterThan(0);
      expect((await metrics.loopStalls.get()).values[0]?.value).toBe(count);
    }
  });

  it('measures how late the loop is, and says nothing of what is no stall', async () => {
    const { lines, metrics } = start();
    const delays = async (): Promise<Record<string, number>> => Object.fromEntries((await metrics.loopDelay.get()).values.map(({ labels, value }) => [String(labels.quantile), value]));
    await until(async () => (await delays())['1'] !== undefined);
    stall(200);
    await until(async () => ((await delays())['1'] ?? 0) > 0.15);
    expect(Object.keys(await delays()).sort()).toEqual(['0.5', '0.99', '1']);
    expect(lines).toEqual([]);
    expect((await metrics.loopStalls.get()).values[0]?.value).toBe(0);
  });
});
