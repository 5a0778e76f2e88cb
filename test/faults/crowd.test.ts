import { expect, it, onTestFinished } from 'vitest';
import { FanOut } from '../helpers/fan-out.js';
import { descriptorsOf } from '../helpers/processes.js';
import { until } from '../helpers/until.js';
import { report } from './report.js';

const VIEWERS = 1000;
const STALLED = 500;
const FRAME_BYTES = 10_000;
const FPS = 5;
const CHURN_PER_SECOND = 50;
const WATCHED_MS = 8000;
const RSS_MB = 150;

it('F26 a thousand viewers, half of whom do not read, while fifty a second come and go, cost bounded memory, and nothing is left of them', { timeout: 120_000 }, async () => {
  let emptyBytes = 0;
  // Those who do not read are to stay: the worst that they can be.
  const script = { kind: 'sightline', frameBytes: FRAME_BYTES, limits: { stallLimitMs: 3_600_000 } } as const;
  const fanOut = await FanOut.start(script, { viewers: VIEWERS, stalled: STALLED, acknowledges: true }, ({ rssBytes }) => { emptyBytes = rssBytes; });
  onTestFinished(() => fanOut.close());
  const crowded = await descriptorsOf(fanOut.serverPid);
  await fanOut.tellServer({ fps: FPS, watchesLoop: true });
  await fanOut.tellClients({ churnPerSecond: CHURN_PER_SECOND });
  const endMs = performance.now() + WATCHED_MS;
  await until(() => performance.now() > endMs, { timeoutMs: WATCHED_MS + 5000 });
  const facts = await fanOut.tellServer();
  const clients = await fanOut.tellClients({ churnPerSecond: 0 });
  const grownMb = (facts.rssBytes - emptyBytes) / 1e6;
  report('F26 crowd', { 'received': clients.received, 'lost': clients.lost, 'resident MB': facts.rssBytes / 1e6, 'grown MB': grownMb, 'age p99 ms': clients.ageP99Ms, 'loop delay p99 ms': facts.loopDelayP99Ms });
  expect(clients.lost).toBe(0);
  // Each of those who read, at nearly the rate of the stream (the machine may be busy).
  expect(clients.received).toBeGreaterThan((VIEWERS - STALLED) * FPS * (WATCHED_MS / 1000) * 0.5);
  expect(grownMb).toBeLessThan(RSS_MB + (2 * FRAME_BYTES * STALLED) / 1e6);

  await fanOut.tellClients({ closes: true });
  await until(async () => (await descriptorsOf(fanOut.serverPid)) <= crowded - VIEWERS + 10, { timeoutMs: 20_000, what: 'every socket to be closed' });
});
