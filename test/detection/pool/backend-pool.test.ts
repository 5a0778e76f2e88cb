import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import { ModelMismatchError, ModelOutputError, ServingDeadlineError, ServingOverloadedError, ServingRejectedError, ServingUnavailableError } from '../../../src/core/errors.js';
import { BackendPool, type BackendPoolOptions } from '../../../src/detection/pool/backend-pool.js';
import { createMetrics } from '../../../src/telemetry/metrics.js';
import { detectionOutputs, detectionSignature, FakeServing, type FakeScript } from '../../helpers/fake-serving.js';
import { testFrame, type TestFrame } from '../../helpers/frames.js';
import { until } from '../../helpers/until.js';
import { poolOptions } from '../../helpers/pool-options.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serving(script: Partial<FakeScript> = {}, port = 0): Promise<FakeServing> {
  const server = await new FakeServing(script).start(port);
  closers.push(() => server.close());
  return server;
}

function poolOf(endpoints: readonly string[], options: Partial<BackendPoolOptions> = {}): BackendPool {
  const pool = new BackendPool(poolOptions(endpoints, { assumedInputSize: { widthPx: 640, heightPx: 640 }, ...options }));
  closers.push(() => pool.close());
  return pool;
}

const isOk = (pool: BackendPool) => () => pool.state.status.state === 'ok';
const oneClock = [{ classId: 85, score: 0.9, box: [0.25, 0.25, 0.75, 0.75] as const }];

describe('BackendPool', () => {
  it('finds out what is served and says it in one line', async () => {
    const server = await serving({ modelName: 'default', version: '7' });
    const pool = poolOf([server.endpoint]);
    expect(pool.state).toMatchObject({ status: { state: 'unavailable' }, maxInFlightBatches: 0, inputSize: { widthPx: 640, heightPx: 640 } });
    await until(isOk(pool));
    expect(pool.state).toMatchObject({ model: { name: 'default', version: '7' }, maxBatchSize: 8, maxInFlightBatches: 2 });
    expect(pool.state.status.message).toBe(`model default, version 7, at ${server.endpoint}: object detector, input inputs (uint8), any batch size (up to 8 sent, 2 at once), frames sent at 640x640`);
  });

  it('tries the names that TensorFlow Serving gives a model by itself', async () => {
    const server = await serving({ modelName: 'model' });
    await until(isOk(poolOf([server.endpoint])));
  });

  it('sends pixels as they are and gives detections in source pixels, in the order of the frames', async () => {
    const server = await serving({ detections: (index) => (index === 0 ? oneClock : []) });
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    const frames = [testFrame({ seq: 4, sourceSize: { widthPx: 64, heightPx: 64 } }), testFrame({ seq: 5, sourceSize: { widthPx: 64, heightPx: 64 } })];
    const [first, second] = await pool.detect({ frames });
    expect(first?.frame.seq).toBe(4);
    expect(first?.detections).toMatchObject([{ classId: 85, label: 'clock', box: [16, 16, 48, 48] }]);
    expect(first?.detections[0]?.score).toBeCloseTo(0.9, 6);
    expect(second?.detections).toEqual([]);
    expect(first?.timingsMs.predict).toBeGreaterThan(0);
    const input = server.requests[0]?.inputs.get('inputs');
    expect(input).toMatchObject({ dtype: 'uint8', shape: [2, 32, 32, 3] });
    expect(Buffer.from(input?.data as Uint8Array).equals(Buffer.alloc(2 * 32 * 32 * 3, 114))).toBe(true);
    expect(server.requests[0]?.outputFilter).toEqual(['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections']);
  });

  it.each(['values', 'content'] as const)('reads answers in the form %s', async (answerForm) => {
    const server = await serving({ detections: oneClock, answerForm });
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    const [result] = await pool.detect({ frames: [testFrame({ sourceSize: { widthPx: 64, heightPx: 64 } })] });
    expect(result?.detections).toMatchObject([{ label: 'clock', box: [16, 16, 48, 48] }]);
  });

  it('keeps to what the server prefers and to a batch size that the model is fixed at', async () => {
    const hinted = await serving({ hints: { inputSize: { widthPx: 512, heightPx: 512 }, preferredBatch: 1, maxInFlight: 1, msPerImage: 240 } });
    const pool = poolOf([hinted.endpoint]);
    await until(isOk(pool));
    expect(pool.state).toMatchObject({ maxBatchSize: 1, maxInFlightBatches: 1, inputSize: { widthPx: 512, heightPx: 512 } });
  });

  it('uses all endpoints, the least busy first, and adds up what they take', async () => {
    const servers = [await serving({ delayMs: 100 }), await serving({ delayMs: 100 })];
    const pool = poolOf(servers.map((server) => server.endpoint));
    await until(() => pool.state.maxInFlightBatches === 4);
    await Promise.all([0, 1, 2, 3].map((seq) => pool.detect({ frames: [testFrame({ seq })] })));
    expect(servers.map((server) => server.requests.length)).toEqual([2, 2]);
  });

  it('says what is wrong with a model that does not fit, and goes on by itself when it is replaced', async () => {
    const server = await serving();
    const good = server.script.signature;
    server.script.signature = { ...good, outputs: new Map() };
    const pool = poolOf([server.endpoint]);
    await until(() => pool.state.status.state === 'misconfigured');
    expect(pool.state.status.message).toMatch(/^model default at 127\.0\.0\.1:\d+ does not fit: it has no output detection_boxes, .*, only none: expected the outputs of the TensorFlow Object Detection API, .*model\.output in the configuration$/);
    await expect(pool.detect({ frames: [testFrame()] })).rejects.toThrow(ServingUnavailableError);
    server.script.signature = good;
    await until(isOk(pool));
  });

  it('names the address of a backend that refuses, and finds it when it comes', async () => {
    const placeholder = await serving();
    const port = placeholder.port;
    await placeholder.close();
    const pool = poolOf([`127.0.0.1:${String(port)}`]);
    await until(() => /refuses connections/.test(pool.state.status.message));
    expect(pool.state.status).toEqual({ state: 'unavailable', message: `backend 127.0.0.1:${String(port)} refuses connections: is TensorFlow Serving running there?` });
    await serving({}, port);
    await until(isOk(pool));
  });

  it('says that an HTTP/1 server is not a backend', async () => {
    const http: Server = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => http.close(() => { resolve(); })));
    const pool = poolOf([`127.0.0.1:${String((http.address() as AddressInfo).port)}`]);
    await until(() => /HTTP\/1/.test(pool.state.status.message));
    expect(pool.state.status.message).toMatch(/does not speak gRPC \(HTTP\/2\): it answers as an HTTP\/1 server/);
  });

  it('notices a backend that dies and one that comes back', async () => {
    const server = await serving();
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    await server.close();
    await expect(pool.detect({ frames: [testFrame()] })).rejects.toThrow(ServingUnavailableError);
    await until(() => pool.state.status.state === 'unavailable' && pool.state.maxInFlightBatches === 0);
    await server.start(server.port);
    await until(isOk(pool));
    await expect(pool.detect({ frames: [testFrame()] })).resolves.toHaveLength(1);
  });

  it('ends calls at their deadline, asks for a sign of life each time, and gives the backend trials only after three of them', async () => {
    const server = await serving();
    const pool = poolOf([server.endpoint], { deadlineMs: 50 });
    await until(isOk(pool));
    server.script.hang = true;
    for (let call = 0; call < 3; call += 1) {
      await until(isOk(pool));
      const asked = server.calls.Check;
      await expect(pool.detect({ frames: [testFrame()] })).rejects.toThrow(ServingDeadlineError);
      expect(pool.backends()[0]?.state).toBe('circuit-open');
      expect(pool.nextPlace(1)).toBeNull();
      if (call < 2) await until(() => server.calls.Check > asked);
    }
    expect(pool.state.status.message).toMatch(/did not answer within 50 ms; it gets no frames until it has answered a trial with a grey picture/);
    // The trials hang as well; then they do not.
    await until(() => server.calls.Predict === 4);
    expect(pool.state.maxInFlightBatches).toBe(0);
    server.script.hang = false;
    await until(isOk(pool));
    await expect(pool.detect({ frames: [testFrame()] })).resolves.toHaveLength(1);
  });

  it('gives a call more time for what is ahead of it', async () => {
    const server = await serving({ hints: { inputSize: null, preferredBatch: null, maxInFlight: null, msPerImage: 100 }, delayMs: 150 });
    const pool = poolOf([server.endpoint], { deadlineMs: 100 });
    await until(isOk(pool));
    const calls = await Promise.allSettled([pool.detect({ frames: [testFrame()] }), pool.detect({ frames: [testFrame()] })]);
    expect(calls.map((call) => call.status)).toEqual(['rejected', 'fulfilled']);
  });

  it.each([
    [status.INTERNAL, ServingRejectedError],
    [status.RESOURCE_EXHAUSTED, ServingOverloadedError],
    [status.UNAVAILABLE, ServingOverloadedError],
    [status.INVALID_ARGUMENT, ModelMismatchError],
  ])('passes on status %i as an error of its kind', async (grpcCode, kind) => {
    const server = await serving({ failWith: { grpcCode, message: 'because' } });
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    await expect(pool.detect({ frames: [testFrame()] })).rejects.toThrow(kind);
    await expect(pool.detect({ frames: [testFrame()] })).rejects.toThrow(/because/);
    expect(pool.state.status.state).toBe(kind === ModelMismatchError ? 'misconfigured' : 'ok');
  });

  it('refuses an answer that cannot be read and stays available', async () => {
    const server = await serving({ rawAnswer: Buffer.from('no protobuf at all') });
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    await expect(pool.detect({ frames: [testFrame()] })).rejects.toThrow(ModelOutputError);
    expect(pool.state.status.state).toBe('ok');
  });

  it('tells each state of each backend in the metrics', async () => {
    const server = await serving();
    const metrics = createMetrics();
    await until(isOk(poolOf([server.endpoint], { metrics })));
    const text = await metrics.registry.metrics();
    expect(text).toContain(`sightline_backend_state{endpoint="${server.endpoint}",state="ok"} 1`);
    expect(text).toContain(`sightline_backend_state{endpoint="${server.endpoint}",state="unavailable"} 0`);
  });

  it('cancels what is in flight when closed, twice without harm', async () => {
    const server = await serving({ hang: true });
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    const call = pool.detect({ frames: [testFrame()] });
    await until(() => server.requests.length === 1);
    await Promise.all([expect(call).rejects.toThrow(/closed/), pool.close()]);
    await pool.close();
    await until(() => server.requests[0]?.cancelled === true);
  });

  it('gives no endpoint more batches than it takes, however much the others take', async () => {
    const busy = { current: 0, most: 0 };
    const slow = await serving({
      hints: { inputSize: null, preferredBatch: null, maxInFlight: 1, msPerImage: null },
      predict: async (request) => {
        busy.most = Math.max(busy.most, (busy.current += 1));
        await new Promise((resolve) => setTimeout(resolve, 100));
        busy.current -= 1;
        return detectionOutputs([...request.inputs.values()].map(() => []), 1);
      },
    });
    const wide = await serving({ delayMs: 100 });
    const pool = poolOf([slow.endpoint, wide.endpoint], { maxInFlightBatches: 4 });
    await until(() => pool.state.maxInFlightBatches === 5);
    await Promise.all([0, 1, 2, 3, 4].map((seq) => pool.detect({ frames: [testFrame({ seq })] })));
    expect(busy.most).toBe(1);
    expect(wide.requests).toHaveLength(4);
  });

  it('keeps the size of frames while a backend that wants it answers, whoever else comes and goes', async () => {
    const first = await serving({ signature: detectionSignature({ shape: [-1, 48, 48, 3] }) });
    const second = await serving({ signature: detectionSignature({ shape: [-1, 24, 24, 3] }) });
    const sizes: number[] = [];
    const pool = poolOf([first.endpoint, second.endpoint]);
    await until(() => pool.backends().every(({ state }) => state === 'ok'));
    const used = pool.state.inputSize.widthPx;
    const [mine, other] = used === 48 ? [first, second] : [second, first];
    pool.onChange((state) => sizes.push(state.inputSize.widthPx));
    const frame = (): TestFrame => testFrame({ modelInputSize: pool.state.inputSize });
    // The one in use goes: the other takes over with its own size, also the frame that was on its way.
    await mine.close();
    await expect(pool.detect({ frames: [frame()] })).resolves.toHaveLength(1);
    await until(() => pool.state.inputSize.widthPx !== used);
    // With nobody left it stays what it was last, and so it does when both are back.
    await other.close();
    await expect(pool.detect({ frames: [frame()] })).rejects.toThrow(ServingUnavailableError);
    await until(() => pool.state.maxInFlightBatches === 0);
    expect(pool.state.inputSize.widthPx).not.toBe(used);
    await other.start(other.port);
    await until(isOk(pool));
    await mine.start(mine.port);
    await until(() => pool.backends().every(({ state }) => state === 'ok'));
    expect(pool.state.inputSize.widthPx).not.toBe(used);
    expect(sizes.filter((size, index) => index > 0 && size !== sizes[index - 1]).length).toBeLessThanOrEqual(1);
  });

  it('looks at frames of another size than the model insists on: those that were on their way when it came', async () => {
    const server = await serving({ signature: detectionSignature({ shape: [-1, 48, 40, 3] }), detections: oneClock, predict: null });
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    expect(pool.state.inputSize).toEqual({ widthPx: 40, heightPx: 48 });
    const frame = testFrame({ sourceSize: { widthPx: 64, heightPx: 64 }, modelInputSize: { widthPx: 32, heightPx: 32 } });
    frame.modelInput.data.fill(200);
    const [result] = await pool.detect({ frames: [frame] });
    const input = server.requests[0]?.inputs.get('inputs');
    expect(input?.shape).toEqual([1, 48, 40, 3]);
    expect(new Set(input?.data as Uint8Array)).toEqual(new Set([200]));
    expect(result?.detections).toMatchObject([{ label: 'clock', box: [16, 16, 48, 48] }]);
    expect(pool.state.status.state).toBe('ok');
  });

  it('fills a batch up for a model that was exported for a fixed number of images', async () => {
    const server = await serving({ signature: detectionSignature({ shape: [3, -1, -1, 3] }), detections: (index) => (index === 0 ? oneClock : []) });
    const pool = poolOf([server.endpoint], { maxBatchSize: 2 });
    await until(isOk(pool));
    expect(pool.state.maxBatchSize).toBe(2);
    const results = await pool.detect({ frames: [testFrame({ seq: 0 }), testFrame({ seq: 1 })] });
    expect(server.requests[0]?.inputs.get('inputs')?.shape[0]).toBe(3);
    expect(results.map(({ frame, detections }) => [frame.seq, detections.length])).toEqual([[0, 1], [1, 0]]);
  });

  it('waits longer and longer for a backend that describes its model and refuses every frame', async () => {
    const server = await serving({ failWith: { grpcCode: status.UNAVAILABLE, message: 'The batch scheduling queue is full' } });
    const pool = poolOf([server.endpoint]);
    await until(isOk(pool));
    const endMs = performance.now() + 1_200;
    while (performance.now() < endMs) {
      const place = pool.nextPlace(1);
      if (place === null) await new Promise((resolve) => setTimeout(resolve, 5));
      else await place.detect({ frames: [testFrame()] }).catch(() => undefined);
    }
    // 10 ms, twice that, …, at most a second.
    expect(server.calls.Predict).toBeLessThanOrEqual(9);
    expect(pool.backends()[0]).toMatchObject({ state: 'ok', limits: { isReduced: true } });
    server.script.failWith = null;
    await until(() => pool.nextPlace(1));
    await expect(pool.detect({ frames: [testFrame()] })).resolves.toHaveLength(1);
  });
});
