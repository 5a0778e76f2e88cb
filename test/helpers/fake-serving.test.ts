import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ModelMismatchError, ServingOverloadedError } from '../../src/core/errors.js';
import { ServingClient, type PredictOptions } from '../../src/serving/serving-client.js';
import { startFakeServing, type FakeScript, type FakeServing } from './fake-serving.js';
import { until } from './until.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function started(script: Partial<FakeScript>): Promise<{ serving: FakeServing; client: ServingClient }> {
  const serving = await startFakeServing(script);
  const client = new ServingClient({ endpoint: serving.endpoint });
  closers.push(() => serving.close(), () => client.close());
  return { serving, client };
}

const call = { deadlineMs: 5_000 };
const model = { name: 'default' };
const images = (count: number): PredictOptions => ({ model, inputs: { inputs: { dtype: 'uint8', shape: [count, 2, 2, 3], data: new Uint8Array(count * 12) } } });

describe('a stand-in for TensorFlow Serving', () => {
  it('computes calls one after the other, each as long as its images take', async () => {
    const { serving, client } = await started({ serviceMs: { perCallMs: 40, perImageMs: 10 } });
    await client.predict(images(1), call);
    const startMs = performance.now();
    const took = await Promise.all([1, 2, 1].map(async (count) => {
      await client.predict(images(count), call);
      return performance.now() - startMs;
    }));
    // 50, then 60 more, then 50 more.
    for (const [index, dueMs] of [50, 110, 160].entries()) expect(took[index]).toBeGreaterThanOrEqual(dueMs);
    const begins = serving.requests.slice(1).map(({ beginMs }) => beginMs ?? 0);
    expect(begins.slice(1).map((beginMs, index) => Math.round(beginMs - (begins[index] ?? 0)))).toEqual([50, 60]);
  });

  it("turns calls away in TensorFlow Serving's own words when so many wait already", async () => {
    const { client } = await started({ serviceMs: { perCallMs: 200, perImageMs: 0 }, maxQueued: 1 });
    await client.predict(images(1), call);
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => client.predict(images(1), call)));
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'fulfilled', 'rejected']);
    const [error] = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    expect(error).toBeInstanceOf(ServingOverloadedError);
    expect(String(error)).toContain('The batch scheduling queue to which this task was submitted is full; currently 1 batches enqueued and max_enqueued_batches is 1');
    await client.predict(images(1), call);
  });

  it('computes what nobody waits for any more, as TensorFlow Serving does', async () => {
    const { serving, client } = await started({ serviceMs: { perCallMs: 150, perImageMs: 0 } });
    await client.predict(images(1), call);
    const stop = new AbortController();
    const given = client.predict(images(1), { ...call, signal: stop.signal });
    await until(() => serving.requests.length === 2);
    stop.abort();
    await expect(given).rejects.toThrow();
    await client.predict(images(1), call);
    const [, first, second] = serving.requests.map(({ beginMs }) => beginMs ?? 0);
    expect(Math.round((second ?? 0) - (first ?? 0))).toBe(150);
    expect(serving.requests[1]?.cancelled).toBe(true);
  });

  it('serves a model only while it is available, and tells of all its versions', async () => {
    const { serving, client } = await started({ version: '2', state: 'LOADING', otherVersions: [{ version: '1', state: 'UNLOADING', errorCode: 0, errorMessage: '' }] });
    await expect(client.predict(images(1), call)).rejects.toThrow(ModelMismatchError);
    expect(await client.getModelStatus(model, call)).toMatchObject([{ version: '2', state: 'LOADING' }, { version: '1', state: 'UNLOADING' }]);
    serving.script.state = 'AVAILABLE';
    expect((await client.predict(images(1), call)).model).toEqual({ name: 'default', version: '2' });
  });

  it('tells the health of each of its services', async () => {
    const { serving, client } = await started({ health: { '': 'SERVING', PredictionService: 'NOT_SERVING' } });
    expect(await client.checkHealth(call)).toBe('serving');
    expect(await client.checkHealth(call, 'PredictionService')).toBe('not-serving');
    expect(await client.checkHealth(call, 'Nothing')).toBe('unknown');
    serving.script.health = null;
    expect(await client.checkHealth(call)).toBe('unimplemented');
  });

  it('answers any bytes', async () => {
    const { serving, client } = await started({ predict: () => Buffer.from([1]) });
    await expect(client.predict(images(1), call)).rejects.toThrow(/cannot be read/);
    serving.script.failWith = { grpcCode: status.INTERNAL, message: 'because' };
    await expect(client.predict(images(1), call)).rejects.toThrow(/because/);
  });
});
