import { afterEach, describe, expect, it } from 'vitest';
import { ConfigError, ServingUnavailableError } from '../../../src/core/errors.js';
import { descendantsOf, descriptorsOf, isAlive } from '../../helpers/processes.js';
import { until } from '../../helpers/until.js';
import { closeRigs, FAST, ORDERS, startRig, type Rig } from './pool-rig.js';

afterEach(closeRigs);

const waiting = { signal: new AbortController().signal, deadlineAtMs: null };

/** Waits until so many processes take calls. */
async function allServe({ pool }: Rig, count: number): Promise<readonly number[]> {
  await until(() => pool.pids.length === count, { what: `${String(count)} processes` });
  return pool.pids;
}

function pidsOf(rig: Rig, what: string): Set<string> {
  return new Set(rig.record().filter((line) => line.includes(` ${what}`)).map((line) => line.split(' ')[0] ?? ''));
}

describe('startEnginePool', () => {
  it('computes what it is given, whole tensors there and back', async () => {
    const rig = await startRig({ kind: 'numbers', workers: 1 });
    const a = { dtype: 'float', shape: [3], data: Float32Array.of(1.5, 2, 3) } as const;
    const b = { dtype: 'int64', shape: [2, 1], data: BigInt64Array.of(10n, -4n) } as const;
    expect(await rig.pool.run(new Map<string, typeof a | typeof b>([['a', a], ['b', b]]), ['sum'], waiting)).toEqual(new Map([['sum', { dtype: 'float', shape: [], data: Float32Array.of(12.5) }]]));
    expect([...rig.pool.signature.inputs.keys()]).toEqual(['a', 'b']);
    expect(rig.pool.hints).toMatchObject({ preferredBatch: 1, maxInFlight: 2 });
  });

  it('tells which engine computes on what, with how many processes and threads, and how fast', async () => {
    const { pool, lines } = await startRig({ workers: 2 });
    expect(pool.facts).toMatchObject({ engine: { name: 'onnxruntime', version: '1.0.0', device: 'CPU' }, plan: { workers: 2 } });
    expect(pool.hints).toEqual({ inputSize: { widthPx: 4, heightPx: 2 }, preferredBatch: 2, maxInFlight: 2, msPerImage: 4 });
    expect(lines.some((line) => line.startsWith('computing with onnxruntime 1.0.0 on CPU: 2 processes of '))).toBe(true);
  });

  it('divides a batch over its processes and joins the answers in order', async () => {
    const rig = await startRig({ workers: 2, behaviour: 'slow' });
    await allServe(rig, 2);
    const firsts = Array.from({ length: 9 }, (_, index) => index);
    expect(await rig.predict(firsts)).toEqual(firsts);
    expect(pidsOf(rig, 'computes').size).toBe(2);
    expect(rig.record().filter((line) => line.includes('computes'))).toHaveLength(9);
  });

  it('gives a batch whole to an engine that gains from batches', async () => {
    const rig = await startRig({ behaviour: 'gpu' });
    expect(await rig.predict([1, 2, 3])).toEqual([1, 2, 3]);
    expect(rig.record().filter((line) => line.includes('computes'))).toEqual([expect.stringMatching(/ computes 1,2,3$/)]);
    expect(rig.pool.hints).toMatchObject({ preferredBatch: null, maxInFlight: null });
    expect(rig.pool.pids).toHaveLength(1);
  });

  it("hands an engine's own refusal on and goes on", async () => {
    const rig = await startRig({ workers: 1 });
    await expect(rig.predict([ORDERS.refuse])).rejects.toMatchObject({ grpcCode: 3, message: 'not this picture' });
    expect(await rig.predict([1])).toEqual([1]);
  });

  it('computes no more images of a request that was cancelled', async () => {
    const rig = await startRig({ workers: 1, behaviour: 'slow' });
    const stop = new AbortController();
    const cancelled = rig.predict([1, 2, 3, 4, 5, 6, 7, 8], stop.signal);
    const refused = expect(cancelled).rejects.toMatchObject({ grpcCode: 1 });
    await until(() => rig.record().some((line) => line.endsWith('computes 1')));
    stop.abort();
    await refused;
    await rig.predict([9]);
    expect(rig.record().filter((line) => line.includes('computes')).length).toBeLessThan(5);
  });

  it('refuses what does not fit its queue', async () => {
    const rig = await startRig({ workers: 1, maxQueuedImages: 2 });
    const stop = new AbortController();
    const hanging = rig.predict([ORDERS.wait], stop.signal).catch(() => 'cancelled');
    await expect(rig.predict([1, 2])).rejects.toMatchObject({ grpcCode: 14, message: expect.stringContaining('currently 1 batches enqueued and max_enqueued_batches is 2') as string });
    stop.abort();
    expect(await hanging).toBe('cancelled');
  });

  it.each([
    ['ConfigError', 'bad-model', ConfigError, 'no such graph'],
    ['ServingUnavailableError', 'crash-at-start', ServingUnavailableError, 'the engine process does not start (exit code 1: out of memory)'],
    ['ServingUnavailableError', 'hang-at-start', ServingUnavailableError, 'the engine process does not start (not ready within 300 ms)'],
  ])('rejects with a %s when its process says %s', async (_name, behaviour, kind, message) => {
    const started = startRig({ behaviour, timesMs: { ...FAST, ...(behaviour === 'hang-at-start' ? { startLimit: 300 } : {}) } });
    await expect(started).rejects.toBeInstanceOf(kind);
    await expect(started).rejects.toThrow(message);
  });
});

describe('an engine process that dies', () => {
  it('fails its call with UNAVAILABLE, and the next is computed by the one that takes its place', async () => {
    const rig = await startRig({ workers: 1 });
    const [first = 0] = rig.pool.pids;
    const hanging = rig.predict([ORDERS.wait]);
    const failed = expect(hanging).rejects.toMatchObject({ grpcCode: 14, message: 'The engine process ended while it computed (SIGKILL)' });
    await until(() => rig.record().some((line) => line.includes('computes')));
    process.kill(first, 'SIGKILL');
    await failed;
    expect(rig.pool.state).toBe('restarting');
    await expect(rig.predict([1])).rejects.toMatchObject({ grpcCode: 14, message: 'No engine process is running (it is started again)' });
    await until(() => rig.pool.state === 'ready');
    expect(await rig.predict([1])).toEqual([1]);
    expect(rig.pool.pids).not.toContain(first);
    expect(await isAlive(first)).toBe(false);
    expect(rig.lines.some((line) => /^the engine process died \(SIGKILL\) and is started again in \d+ ms$/.test(line))).toBe(true);
  });

  it.each([
    ['leaves', ORDERS.exit, 'exit code 7'],
    ['reads what is not its own', ORDERS.crash, 'SIGSEGV'],
    ['hangs in a loop', ORDERS.loop, 'no answer within 2032 ms'],
    ['answers what is no answer', ORDERS.writeGarbage, 'a frame of 4294967295 bytes, at most 536870912'],
  ])('because it %s fails that call alone', async (_what, order, reason) => {
    const rig = await startRig({ workers: 1, timesMs: { ...FAST, callLimit: 2_000 } });
    await expect(rig.predict([order])).rejects.toMatchObject({ grpcCode: 14, message: `The engine process ended while it computed (${reason})` });
    await until(() => rig.pool.state === 'ready');
    expect(await rig.predict([1])).toEqual([1]);
  });

  it('is done without by the others', async () => {
    const rig = await startRig({ workers: 2, timesMs: { ...FAST, firstDelay: 60_000, maxDelay: 60_000 } });
    const [first = 0] = await allServe(rig, 2);
    process.kill(first, 'SIGKILL');
    await allServe(rig, 1);
    expect(rig.pool.state).toBe('ready');
    expect(await rig.predict([1, 2, 3])).toEqual([1, 2, 3]);
  });

  it('refuses at once what waits when it was the last', async () => {
    const rig = await startRig({ workers: 1 });
    const calls = [rig.predict([ORDERS.wait]), rig.predict([1]), rig.predict([2, 3])].map((call) => call.catch((error: unknown) => error));
    await until(() => rig.record().some((line) => line.includes('computes')));
    process.kill(rig.pool.pids[0] ?? 0, 'SIGKILL');
    expect((await Promise.all(calls)).map((error) => (error as Error).message)).toEqual([
      'The engine process ended while it computed (SIGKILL)',
      'No engine process is running (SIGKILL)',
      'No engine process is running (SIGKILL)',
    ]);
  });

  it('leaves no descriptor behind in twenty deaths', async () => {
    const rig = await startRig({ workers: 1, timesMs: { ...FAST, firstDelay: 1, maxDelay: 1 } });
    const dead: number[] = [];
    const die = async (): Promise<void> => {
      const [pid = 0] = rig.pool.pids;
      dead.push(pid);
      const call = rig.predict([ORDERS.wait]).catch(() => undefined);
      process.kill(pid, 'SIGKILL');
      await call;
      await until(() => rig.pool.state === 'ready');
    };
    await die();
    const before = await descriptorsOf(process.pid);
    for (let count = 0; count < 20; count += 1) await die();
    await until(async () => (await descriptorsOf(process.pid)) <= before, { what: `${String(before)} descriptors` });
    expect(await Promise.all(dead.map(isAlive))).not.toContain(true);
  }, 120_000);
});

describe('an engine process that grows', () => {
  it('is replaced under load without one failed call, and none runs too many', async () => {
    const rig = await startRig({ workers: 1, behaviour: 'hoard', memoryMb: 200 });
    const [first = 0] = rig.pool.pids;
    let failures = 0;
    for (let count = 0; pidsOf(rig, 'answers').size < 3; count += 1) {
      const answers = await Promise.allSettled([rig.predict([count % 200]), rig.predict([(count + 1) % 200])]);
      failures += answers.filter(({ status }) => status === 'rejected').length;
    }
    expect(failures).toBe(0);
    expect(await isAlive(first)).toBe(false);
    expect(rig.lines.filter((line) => /takes \d+ MiB, more than 200, and is replaced$/.test(line)).length).toBeGreaterThan(1);
    expect(rig.lines.filter((line) => line.includes('died'))).toEqual([]);
  }, 60_000);

  it('is not replaced for ever when the limit is below what the model takes', async () => {
    const rig = await startRig({ workers: 1, memoryMb: 1 });
    for (let count = 0; count < 5; count += 1) await rig.predict([count]);
    expect(pidsOf(rig, 'loads').size).toBe(1);
    expect(rig.lines.filter((line) => line.includes('the model alone takes'))).toHaveLength(1);
  });
});

describe('closing a pool', () => {
  it('lets a call end, refuses what waits, and leaves no process, twice', async () => {
    const rig = await startRig({ workers: 2, behaviour: 'slow' });
    const pids = await allServe(rig, 2);
    const calls = [[1], [2], [3, 4]].map((firsts) => rig.predict(firsts).catch((error: unknown) => (error as Error).message));
    await until(() => rig.record().filter((line) => line.includes('computes')).length === 2);
    await Promise.all([rig.pool.close(), rig.pool.close()]);
    expect(await Promise.all(calls)).toEqual([[1], [2], 'The server is shutting down']);
    expect(await Promise.all(pids.map(isAlive))).toEqual([false, false]);
    expect(rig.pool.state).toBe('closed');
  });

  it('does not wait for a call that does not end', async () => {
    const rig = await startRig({ workers: 1 });
    const [pid = 0] = rig.pool.pids;
    const hanging = rig.predict([ORDERS.loop]).catch((error: unknown) => error);
    await until(() => rig.record().some((line) => line.includes('computes')));
    await rig.pool.close();
    expect(await hanging).toMatchObject({ grpcCode: 14 });
    expect(await isAlive(pid)).toBe(false);
  });

  it('starts nothing any more while it waits to restart', async () => {
    const rig = await startRig({ workers: 1, timesMs: { ...FAST, firstDelay: 50 } });
    process.kill(rig.pool.pids[0] ?? 0, 'SIGKILL');
    await until(() => rig.pool.state === 'restarting');
    await rig.pool.close();
    // Twice the longest time that the restart could have waited: there is nothing to wait for.
    await new Promise((resolve) => setTimeout(resolve, 120));
    expect((await descendantsOf(process.pid)).filter(({ command }) => command.includes('stand-in-engine'))).toEqual([]);
  });
});
