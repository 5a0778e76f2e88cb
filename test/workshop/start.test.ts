import { afterEach, describe, expect, test } from 'vitest';
import { until } from '../helpers/until.js';
import { commandOf, descendantsOf, isReady, runs, startServing, type Serving } from './processes.js';
import { ROOT } from './sandbox.js';

const leftovers = new Set<number>();
afterEach(() => {
  for (const pid of leftovers) if (runs(pid)) process.kill(pid, 'SIGKILL');
  leftovers.clear();
});

/** `npm start` on a free port, when its detector is ready and everything that belongs to it runs. */
async function npmStart(): Promise<{ serving: Serving; pids: number[] }> {
  const serving = await startServing('npm', ['start', '--', '--port', '0'], { cwd: ROOT, env: process.env, timeoutMs: 60_000 });
  const pid = serving.child.pid ?? 0;
  leftovers.add(pid);
  await until(() => isReady(serving.url), { timeoutMs: 60_000 });
  const pids = descendantsOf(pid);
  for (const each of pids) leftovers.add(each);
  return { serving, pids };
}

describe.runIf(process.platform === 'linux')('npm start', { timeout: 120_000 }, () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 after %s and leaves no process behind', async (signal) => {
    const { serving, pids } = await npmStart();
    expect(pids.map(commandOf).join('\n')).toContain('scripts/start.mjs');
    expect(pids.map(commandOf).join('\n')).toContain('ffmpeg');
    serving.child.kill(signal);
    expect(await serving.ended, serving.output()).toBe(0);
    await until(() => !pids.some(runs), { timeoutMs: 5000 });
  });

  test('leaves no process behind when the service is killed', async () => {
    const { serving, pids } = await npmStart();
    const service = pids.filter((pid) => /^\S*node\S* scripts\/start\.mjs/.test(commandOf(pid)));
    expect(service).toHaveLength(1);
    for (const pid of service) process.kill(pid, 'SIGKILL');
    await serving.ended;
    await until(() => !pids.some(runs), { timeoutMs: 10_000 });
  });
});
