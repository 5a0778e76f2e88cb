import { createServer as createHttpServer } from 'node:http';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ClosedError, ModelMismatchError, ModelOutputError, ServingDeadlineError, ServingOverloadedError, ServingRejectedError, ServingUnavailableError } from '../../src/core/errors.js';
import { predictResponseCodec } from '../../src/serving/predict-messages.js';
import { ServingClient } from '../../src/serving/serving-client.js';
import type { Tensor } from '../../src/serving/tensor.js';
import { startFakeServing, type FakeScript, type FakeServing } from '../helpers/fake-serving.js';
import { until } from '../helpers/until.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function fakeAndClient(script: Partial<FakeScript> = {}): Promise<{ fake: FakeServing; client: ServingClient }> {
  const fake = await startFakeServing(script);
  closers.push(() => fake.close());
  return { fake, client: clientOf(fake.endpoint) };
}

function clientOf(endpoint: string): ServingClient {
  const client = new ServingClient({ endpoint });
  closers.push(() => client.close());
  return client;
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => new Promise((resolve) => server.close(resolve)));
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function image(count: number, widthPx: number, heightPx: number): Tensor {
  const data = Buffer.alloc(count * widthPx * heightPx * 3);
  for (let index = 0; index < data.length; index += 1) data[index] = index % 251;
  return { dtype: 'uint8', shape: [count, heightPx, widthPx, 3], data };
}

const model = { name: 'default' };
const soon = { deadlineMs: 5000 };

async function failureOf(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => {
      throw new Error('expected a rejection');
    },
    (error: unknown) => error as Error,
  );
}

describe('ServingClient against a server that works', () => {
  it.each(['values', 'content'] as const)('sends pixels as they lie and reads answers that travel as %s', async (answerForm) => {
    const { fake, client } = await fakeAndClient({ answerForm, version: '9007199254740993', detections: (index) => [{ classId: 85 + index, score: 0.5, box: [0.25, 0, 0.5, 1] }] });
    const inputs = image(2, 7, 5);
    const result = await client.predict({ model, inputs: { inputs }, outputFilter: ['detection_classes', 'detection_boxes'] }, soon);
    expect(fake.requests).toHaveLength(1);
    const seen = fake.requests[0]?.inputs.get('inputs');
    expect(seen?.shape).toEqual([2, 5, 7, 3]);
    expect(seen?.dtype).toBe('uint8');
    expect(Buffer.compare(seen?.data as Buffer, inputs.data as Buffer)).toBe(0);
    expect(fake.requests[0]?.modelSpec).toEqual({ name: 'default', version: null, versionLabel: null, signatureName: 'serving_default' });
    expect(result.model).toEqual({ name: 'default', version: '9007199254740993' });
    expect([...result.outputs.keys()].sort()).toEqual(['detection_boxes', 'detection_classes']);
    expect(result.outputs.get('detection_classes')?.data[100]).toBe(86);
    expect(Array.from((result.outputs.get('detection_boxes')?.data as Float32Array).subarray(0, 4))).toEqual([0.25, 0, 0.5, 1]);
  });

  it('reads signatures, versions, health and hints', async () => {
    const hints = { inputSize: { widthPx: 512, heightPx: 320 }, preferredBatch: 1, maxInFlight: 2, msPerImage: 241 };
    const { fake, client } = await fakeAndClient({ hints, version: '3' });
    const metadata = await client.getModelMetadata(model, soon);
    expect(metadata.model).toEqual({ name: 'default', version: '3' });
    expect(metadata.hints).toEqual(hints);
    expect(metadata.signatures).toEqual(new Map([['serving_default', fake.script.signature]]));
    expect(await client.getModelStatus(model, soon)).toEqual([{ version: '3', state: 'AVAILABLE', errorCode: 0, errorMessage: '' }]);
    expect(await client.checkHealth(soon)).toBe('serving');
    fake.script.health = 'NOT_SERVING';
    expect(await client.checkHealth(soon)).toBe('not-serving');
    fake.script.health = null;
    expect(await client.checkHealth(soon)).toBe('unimplemented');
    expect((await client.predict({ model, inputs: { inputs: image(1, 2, 2) } }, soon)).hints).toEqual(hints);
  });

  it('carries 24 MB in one request', async () => {
    const { fake, client } = await fakeAndClient();
    await client.predict({ model, inputs: { inputs: { dtype: 'uint8', shape: [8, 1000, 1000, 3], data: Buffer.alloc(24_000_000, 7) } } }, { deadlineMs: 20_000 });
    expect(fake.requests[0]?.inputs.get('inputs')?.data.length).toBe(24_000_000);
  });

  it('calls again after the server went away and came back on its port', async () => {
    const { fake, client } = await fakeAndClient();
    await client.waitForReady(soon);
    const { port } = fake;
    await fake.close();
    expect(await failureOf(client.checkHealth(soon))).toBeInstanceOf(ServingUnavailableError);
    await fake.start(port);
    await client.waitForReady(soon);
    expect(await client.checkHealth(soon)).toBe('serving');
  });
});

describe('ServingClient against a server that says no', () => {
  it.each([
    [status.UNAVAILABLE, ServingOverloadedError, true],
    [status.INVALID_ARGUMENT, ModelMismatchError, false],
    [status.FAILED_PRECONDITION, ModelMismatchError, false],
    [status.NOT_FOUND, ModelMismatchError, false],
    [status.UNIMPLEMENTED, ModelMismatchError, false],
    [status.INTERNAL, ServingRejectedError, true],
    [status.UNKNOWN, ServingRejectedError, true],
    [status.RESOURCE_EXHAUSTED, ServingOverloadedError, true],
    [status.DEADLINE_EXCEEDED, ServingDeadlineError, true],
    [status.CANCELLED, ServingUnavailableError, true],
    [status.UNAUTHENTICATED, ServingRejectedError, true],
    [status.PERMISSION_DENIED, ServingRejectedError, true],
  ])('turns status %i into %o', async (grpcCode, kind, retryable) => {
    const { fake, client } = await fakeAndClient({ failWith: { grpcCode, message: 'half a\n\t graph' } });
    const error = await failureOf(client.predict({ model, inputs: { inputs: image(1, 1, 1) } }, soon));
    expect(error).toBeInstanceOf(kind);
    expect(error).toMatchObject({ retryable });
    expect(error.message).toContain(`backend ${fake.endpoint} `);
    expect(error.message).not.toContain('\n');
    if (grpcCode !== status.DEADLINE_EXCEEDED) expect(error.message).toContain('half a graph');
  });

  it('rejects when the deadline passes and the server learns of it', async () => {
    const { fake, client } = await fakeAndClient({ hang: true });
    await client.waitForReady(soon);
    const error = await failureOf(client.predict({ model, inputs: { inputs: image(1, 1, 1) } }, { deadlineMs: 60 }));
    expect(error).toBeInstanceOf(ServingDeadlineError);
    expect(error.message).toBe(`backend ${fake.endpoint} did not answer within 60 ms`);
    await until(() => fake.requests[0]?.cancelled === true);
  });

  it('cancels at the server too when the caller aborts', async () => {
    const { fake, client } = await fakeAndClient({ hang: true });
    const stop = new AbortController();
    const call = failureOf(client.predict({ model, inputs: { inputs: image(1, 1, 1) } }, { deadlineMs: 5000, signal: stop.signal }));
    await until(() => fake.requests.length === 1);
    stop.abort();
    expect(await call).toBeInstanceOf(ClosedError);
    await until(() => fake.requests[0]?.cancelled === true);
    expect(await failureOf(client.checkHealth({ deadlineMs: 5000, signal: stop.signal }))).toBeInstanceOf(ClosedError);
  });

  it.each([
    ['bytes that are no message', { rawAnswer: Buffer.from([0x0a, 0xff, 0xff, 0xff, 0x7f, 1]) }],
    ['a tensor whose bytes do not fit its shape', { rawAnswer: predictResponseCodec.encode({ modelSpec: null, outputs: new Map([['x', { dtype: 1, tensorShape: { dim: [{ size: 2 }] }, tensorContent: Buffer.alloc(4) }]]) }) }],
  ])('rejects %s as an answer that cannot be read', async (_what, script) => {
    const { fake, client } = await fakeAndClient(script);
    const error = await failureOf(client.predict({ model, inputs: { inputs: image(1, 1, 1) } }, soon));
    expect(error).toBeInstanceOf(ModelOutputError);
    expect(error.message).toContain(fake.endpoint);
  });
});

describe('ServingClient against addresses that are no TensorFlow Serving', () => {
  it('says that a port refuses connections', async () => {
    const fake = await startFakeServing();
    const { endpoint } = fake;
    await fake.close();
    const error = await failureOf(clientOf(endpoint).checkHealth(soon));
    expect(error).toBeInstanceOf(ServingUnavailableError);
    expect(error.message).toBe(`backend ${endpoint} refuses connections: is TensorFlow Serving running there?`);
    const waited = await failureOf(clientOf(endpoint).waitForReady({ deadlineMs: 200 }));
    expect(waited.message).toBe(error.message);
  });

  it('says that a host name does not resolve', async () => {
    const error = await failureOf(clientOf('no-such-host.invalid:8500').checkHealth(soon));
    expect(error).toBeInstanceOf(ServingUnavailableError);
    expect(error.message).toBe('backend no-such-host.invalid:8500 cannot be found: its host name does not resolve');
  });

  it('says that an HTTP/1 server does not speak gRPC', async () => {
    const endpoint = await listen(createHttpServer((_request, response) => response.end('hello')));
    const error = await failureOf(clientOf(endpoint).checkHealth(soon));
    expect(error).toBeInstanceOf(ServingUnavailableError);
    expect(error.message).toContain(`backend ${endpoint} does not speak gRPC (HTTP/2): it answers as an HTTP/1 server`);
  });

  it('says that a server accepts and never answers', async () => {
    const endpoint = await listen(createServer((socket) => void closers.push(async () => Promise.resolve(socket.destroy()))));
    const error = await failureOf(clientOf(endpoint).checkHealth({ deadlineMs: 150 }));
    expect(error).toBeInstanceOf(ServingDeadlineError);
    expect(error.message).toBe(`backend ${endpoint} did not answer within 150 ms, not even to connect: is that TensorFlow Serving's gRPC port?`);
    const waited = await failureOf(clientOf(endpoint).waitForReady({ deadlineMs: 150 }));
    expect(waited.message).toBe(`backend ${endpoint} accepts connections but does not answer: is that TensorFlow Serving's gRPC port?`);
  });

  it.each(['localhost', ':8500', 'host:0', 'host:99999', 'host:http'])('refuses the endpoint %j at once', (endpoint) => {
    expect(() => new ServingClient({ endpoint })).toThrow(RangeError);
  });
});

describe('ServingClient.close', () => {
  it('ends running calls, may be called twice, and refuses calls afterwards', async () => {
    const { fake, client } = await fakeAndClient({ hang: true });
    const call = failureOf(client.predict({ model, inputs: { inputs: image(1, 1, 1) } }, soon));
    await until(() => fake.requests.length === 1);
    await Promise.all([client.close(), client.close()]);
    expect(await call).toBeInstanceOf(ClosedError);
    expect(await failureOf(client.checkHealth(soon))).toBeInstanceOf(ClosedError);
    expect(client.isConnected).toBe(false);
  });
});
