import { afterEach, describe, expect, it } from 'vitest';
import { EndpointAddresses } from '../../../src/detection/pool/endpoint-addresses.js';
import { BackendPool, type BackendPoolOptions } from '../../../src/detection/pool/backend-pool.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { FakeServing, type FakeScript } from '../../helpers/fake-serving.js';
import { testFrame } from '../../helpers/frames.js';
import { until } from '../../helpers/until.js';
import { poolOptions } from '../../helpers/pool-options.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Replicas of one service: one port on several addresses of the loopback. */
async function replica(script: Partial<FakeScript>, host: string, port: number): Promise<FakeServing> {
  const server = await new FakeServing(script).start(port, host);
  closers.push(() => server.close());
  return server;
}

function poolOf(options: Partial<BackendPoolOptions>): BackendPool {
  const pool = new BackendPool(poolOptions([], options));
  closers.push(() => pool.close());
  return pool;
}

const usable = (pool: BackendPool): number => pool.backends().filter(({ state }) => state === 'ok').length;

describe('a name that stands for several servers', () => {
  it('gives each a share, takes up a new one and lets an old one end its work, without an error', async () => {
    const first = await replica({ delayMs: 5 }, '127.0.0.2', 0);
    const second = await replica({ delayMs: 5 }, '127.0.0.3', first.port);
    const third = await replica({ delayMs: 5 }, '127.0.0.4', first.port);
    let addresses = ['127.0.0.2'];
    const pool = poolOf({ endpoints: [`serving.test:${String(first.port)}`], resolve: () => Promise.resolve(addresses) });
    await until(() => usable(pool) === 1);
    expect(pool.backends()[0]?.endpoint).toBe(`serving.test:${String(first.port)} (127.0.0.2)`);
    let failed = 0;
    const stop = new AbortController();
    const load = (async () => {
      for (let seq = 0; !stop.signal.aborted; seq += 1) {
        const place = pool.nextPlace(1);
        if (place !== null) void place.detect({ frames: [testFrame({ seq })] }).catch(() => { failed += 1; });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    })();
    addresses = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
    const addedAtMs = performance.now();
    await until(() => usable(pool) === 3 && second.requests.length > 5 && third.requests.length > 5, { timeoutMs: 35_000 });
    process.stdout.write(`F22 a replica more is used after ms ${(performance.now() - addedAtMs).toFixed(0)}, target ms 35000\n`);
    addresses = ['127.0.0.3', '127.0.0.4'];
    await until(() => pool.backends().length === 2, { timeoutMs: 35_000 });
    const seen = first.requests.length;
    const others = second.requests.length + third.requests.length;
    await until(() => second.requests.length + third.requests.length > others + 100);
    expect(first.requests.length).toBe(seen);
    stop.abort();
    await load;
    await until(() => pool.backends().every(({ inFlightBatches }) => inFlightBatches === 0));
    expect(failed).toBe(0);
  }, 90_000);

  it('says that a name is not found, and finds it when it is there', async () => {
    const server = await replica({}, '127.0.0.1', 0);
    let isKnown = false;
    const pool = poolOf({ endpoints: [`later.test:${String(server.port)}`], resolve: () => (isKnown ? Promise.resolve(['127.0.0.1']) : Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' }))) });
    await until(() => pool.backends()[0]?.state === 'unavailable');
    expect(pool.state.status.message).toBe(`backend later.test:${String(server.port)} cannot be found: its host name does not resolve (ENOTFOUND)`);
    isKnown = true;
    await until(() => usable(pool) === 1);
  });

  it('is looked up as the system does when nothing else is said', async () => {
    const server = await replica({}, '127.0.0.1', 0);
    const pool = poolOf({ endpoints: [`localhost:${String(server.port)}`] });
    await until(() => usable(pool) === 1);
  });
});

describe('EndpointAddresses', () => {
  it('keeps what it knows while nobody can say, and tells each change once', async () => {
    const told: string[] = [];
    const problems: string[] = [];
    const answers = [['10.0.0.2', '10.0.0.1'], ['10.0.0.1', '10.0.0.2'], null, ['10.0.0.3', '::1']];
    let looked = 0;
    const addresses = new EndpointAddresses({
      endpoint: 'a.test:80',
      resolve: () => {
        const answer = answers[Math.min(looked, answers.length - 1)];
        looked += 1;
        return answer === null || answer === undefined ? Promise.reject(new Error('DNS is away')) : Promise.resolve(answer);
      },
      onAddresses: (found) => told.push(found.join(' ')),
      onProblem: (message) => problems.push(message),
    });
    closers.push(() => Promise.resolve(addresses.close()));
    addresses.start();
    for (let look = 1; look <= 4; look += 1) {
      await until(() => looked === look);
      await until(() => (look < 4 ? true : told.length === 2));
      addresses.refresh();
    }
    expect(told).toEqual(['10.0.0.1:80 10.0.0.2:80', '10.0.0.3:80']);
    expect(problems).toHaveLength(1);
  });

  it('refuses what is no endpoint', () => {
    expect(() => new EndpointAddresses({ endpoint: 'nonsense', resolve: () => Promise.resolve([]), onAddresses: () => undefined, onProblem: () => undefined })).toThrow(RangeError);
  });
});

describe('failover', () => {
  it('sends a batch that never reached a server to another, and says so in the metrics', async () => {
    const one = await replica({ delayMs: 5 }, '127.0.0.1', 0);
    const other = await replica({ delayMs: 5 }, '127.0.0.1', 0);
    const metrics = createMetrics();
    const pool = poolOf({ endpoints: [one.endpoint, other.endpoint], metrics });
    await until(() => usable(pool) === 2);
    await one.close();
    await Promise.all([0, 1, 2, 3].map(async (seq) => {
      await expect(pool.detect({ frames: [testFrame({ seq })] })).resolves.toHaveLength(1);
    }));
    expect(await metrics.registry.metrics()).toMatch(/sightline_failovers_total [1-9]/);
    expect(other.requests).toHaveLength(4);
  });

  it('sends a batch that one backend has no room for to one that has', async () => {
    const full = await replica({ failWith: { grpcCode: 14, message: 'The batch scheduling queue to which this task was submitted is full; currently 10 batches enqueued and max_enqueued_batches is 10' } }, '127.0.0.1', 0);
    const free = await replica({}, '127.0.0.1', 0);
    const metrics = createMetrics();
    const pool = poolOf({ endpoints: [full.endpoint, free.endpoint], metrics });
    await until(() => usable(pool) === 2);
    for (let seq = 0; seq < 6; seq += 1) await expect(pool.detect({ frames: [testFrame({ seq })] })).resolves.toHaveLength(1);
    expect(free.requests).toHaveLength(6);
    // A full queue is not a dead backend.
    expect(pool.backends().map(({ state }) => state)).toEqual(['ok', 'ok']);
    expect(pool.backends()[0]?.limits.isReduced).toBe(true);
    const limit = (endpoint: string): string => `sightline_backend_limit{endpoint="${endpoint}",limit="batches_in_flight"}`;
    const text = await metrics.registry.metrics();
    expect(text).toContain(`${limit(full.endpoint)} 1`);
    expect(text).toContain(`${limit(free.endpoint)} 2`);
    full.script.failWith = null;
    for (let seq = 0; pool.backends()[0]?.limits.isReduced === true; seq += 1) await pool.detect({ frames: [testFrame({ seq })] });
    expect(await metrics.registry.metrics()).toContain(`${limit(full.endpoint)} 2`);
  });

  it('tries a batch that a server may have died of on one more server, not on all', async () => {
    // CANCELLED that is not ours: the call was with the server when it ended.
    const killers = await Promise.all([0, 1, 2].map(() => replica({ failWith: { grpcCode: 1, message: 'going down' } }, '127.0.0.1', 0)));
    const pool = poolOf({ endpoints: killers.map(({ endpoint }) => endpoint) });
    await until(() => usable(pool) === 3);
    await expect(pool.detect({ frames: [testFrame()] })).rejects.toThrow(/gave up the call/);
    expect(killers.map(({ calls }) => calls.Predict).reduce((a, b) => a + b)).toBe(2);
  });
});
