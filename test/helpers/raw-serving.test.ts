import { connect } from 'node:http2';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SightlineError } from '../../src/core/errors.js';
import { ServingClient } from '../../src/serving/serving-client.js';
import { RAW_ACTS, RawServing, type RawAct } from './raw-serving.js';
import { ServingProcess } from './serving-process.js';
import { until } from './until.js';

const inputs = { inputs: { dtype: 'uint8', shape: [2, 1, 1, 3], data: new Uint8Array(6) } } as const;
const model = { name: 'default' };

/** What the client of the service makes of each act: an error's code, or `null` where the answer is whole. */
const OUTCOMES: Record<RawAct, string | null> = {
  'answer': null,
  'goaway-then-rest': null,
  'goaway-then-close': 'serving-unavailable',
  'goaway-unprocessed': 'serving-unavailable',
  'refused-stream': 'serving-unavailable',
  'internal-error': 'serving-rejected',
  'black-hole': 'serving-deadline',
  'drip': 'serving-deadline',
  'truncated': 'model-output',
  'oversized-prefix': 'model-output',
  'no-message': 'model-output',
  'destroyed': 'serving-unavailable',
};

describe('RawServing', () => {
  let serving: RawServing;
  let client: ServingClient;
  beforeEach(async () => {
    serving = await RawServing.start();
    client = new ServingClient({ endpoint: serving.endpoint });
  });
  afterEach(async () => {
    await client.close();
    await serving.close();
  });

  it.each(RAW_ACTS)('does with a call what it was told to: %s', async (act) => {
    expect((await client.getModelMetadata(model, { deadlineMs: 2_000 })).signatures.has('serving_default')).toBe(true);
    serving.act = act;
    const outcome = await client.predict({ model, inputs }, { deadlineMs: 500 }).then(
      ({ outputs }) => {
        expect(outputs.get('num_detections')?.data).toEqual(Float32Array.of(1, 1));
        return null;
      },
      (error: unknown) => (error instanceof SightlineError ? error.code : String(error)),
    );
    expect(outcome).toBe(OUTCOMES[act]);
    expect(new Set(serving.seen)).toEqual(new Set([act]));
  });
});

describe('ServingProcess', () => {
  const processes: ServingProcess[] = [];
  const started = async (...args: Parameters<typeof ServingProcess.start>): Promise<ServingProcess> => {
    const serving = await ServingProcess.start(...args);
    processes.push(serving);
    return serving;
  };
  afterEach(async () => {
    for (const each of processes.splice(0)) await each.kill();
  });

  it('answers, stands still while it is stopped, and is gone when it is killed', async () => {
    const serving = await started({ perCallMs: 1 });
    const client = new ServingClient({ endpoint: serving.endpoint });
    const ask = (deadlineMs: number): Promise<unknown> => client.predict({ model, inputs }, { deadlineMs });
    await ask(2_000);
    serving.stop();
    await expect(ask(100)).rejects.toMatchObject({ code: 'serving-deadline' });
    serving.resume();
    await ask(2_000);
    expect((await serving.tell()).answered).toBeGreaterThanOrEqual(2);
    await serving.kill();
    await expect(ask(2_000)).rejects.toMatchObject({ code: 'serving-unavailable' });
    await client.close();
  });

  it('sends its answers in frames of one byte', async () => {
    const serving = await started({ dataFrameBytes: 1, perCallMs: 0, ballastBytes: 5_000 });
    const client = new ServingClient({ endpoint: serving.endpoint });
    const { outputs } = await client.predict({ model, inputs }, { deadlineMs: 2_000 });
    expect(outputs.get('ballast')?.data).toHaveLength(5_000);
    expect((await serving.tell()).dataFrames).toBeGreaterThan(5_000);
    await client.close();

    const session = connect(`http://${serving.endpoint}`);
    const sizes: number[] = [];
    const request = session.request({ ':method': 'POST', ':path': '/grpc.health.v1.Health/Check', 'content-type': 'application/grpc', 'te': 'trailers' });
    request.on('data', (chunk: Buffer) => sizes.push(chunk.length));
    request.end(Buffer.alloc(5));
    await until(() => request.closed);
    session.close();
    // Five bytes in front of a message of two.
    expect(sizes).toEqual([1, 1, 1, 1, 1, 1, 1]);
  });
});
