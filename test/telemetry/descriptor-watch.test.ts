import { expect, it, onTestFinished, vi } from 'vitest';
import { startDescriptorWatch } from '../../src/telemetry/descriptor-watch.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

function refusal(code: string): Error {
  return Object.assign(new Error(code), { code });
}

it('says once that no descriptor is left, and once that there are some again', async () => {
  vi.useFakeTimers();
  onTestFinished(() => { vi.useRealTimers(); });
  const said: string[] = [];
  const log = { error: (_facts: unknown, text: string) => said.push(`error: ${text}`), info: (text: string) => said.push(`info: ${text}`) };
  const metrics = createMetrics();
  let problem: Error | null = null;
  const watch = startDescriptorWatch({ metrics, log: log as never, tryOne: () => { if (problem !== null) throw problem; } });
  onTestFinished(() => { watch.close(); });
  vi.advanceTimersByTime(3000);
  expect(said).toEqual([]);
  problem = refusal('EMFILE');
  vi.advanceTimersByTime(3000);
  problem = refusal('ENOENT'); // nothing to do with how many are open
  vi.advanceTimersByTime(3000);
  expect(said).toEqual([expect.stringMatching(/^error: no file descriptor is left/), 'info: there are file descriptors again']);
  expect((await metrics.descriptorShortages.get()).values[0]?.value).toBe(1);
  watch.close();
  problem = refusal('ENFILE');
  vi.advanceTimersByTime(3000);
  expect(said).toHaveLength(2);
});
