import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Client, credentials, status } from '@grpc/grpc-js';
import { createCanvas } from 'canvas';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClosedError, PortInUseError, ServingDeadlineError, ServingOverloadedError } from '../../src/core/errors.js';
import { DTYPE_NUMBERS } from '../../src/serving/dtypes.js';
import { startModelServer, type ModelServer } from '../../src/model-server/model-server.js';
import { SERVED_SIGNATURE } from '../../src/model-server/served-signature.js';
import type { ModelSpec } from '../../src/serving/model-spec.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc, type Rpc } from '../../src/serving/rpcs.js';
import { ServingClient, type PredictResult } from '../../src/serving/serving-client.js';
import { encodeTensor, type TensorProto } from '../../src/serving/tensor-codec.js';
import type { Tensor } from '../../src/serving/tensor.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { descendantsOf, isAlive } from '../helpers/processes.js';
import { until } from '../helpers/until.js';

const log = createLogger({ level: 'silent', format: 'json' });
const soon = { deadlineMs: 30_000 };
let server: ModelServer;
let client: ServingClient;
let raw: Client;

beforeAll(async () => {
  server = await startModelServer({ port: 'auto', modelBasePath: null, cacheDir: null, engine: 'wasm', workers: 1, maxQueuedImages: 4, log });
  client = new ServingClient({ endpoint: `127.0.0.1:${String(server.port)}` });
  raw = new Client(`127.0.0.1:${String(server.port)}`, credentials.createInsecure());
}, 60_000);
afterAll(async () => {
  raw.close();
  await client.close();
  await server.close();
});

/** Calls without the client's help, for requests that it would never send. */
function callRaw<Request, Response>(rpc: Rpc<Request, Response>, request: Request): Promise<{ code: number; details: string }> {
  return new Promise((resolve) => {
    raw.makeUnaryRequest(rpc.path, (bytes: Buffer) => bytes, (bytes) => bytes, rpc.request.encode(request), { deadline: Date.now() + 20_000 }, (error) => {
      resolve({ code: error?.code ?? 0, details: error?.details ?? '' });
    });
  });
}

const spec = (changes: Partial<ModelSpec> = {}): ModelSpec => ({ name: 'default', version: null, versionLabel: null, signatureName: '', ...changes });
const pixel: TensorProto = encodeTensor({ dtype: 'uint8', shape: [1, 1, 1, 3], data: Buffer.alloc(3) });
const good = { modelSpec: spec(), inputs: new Map([['inputs', pixel]]), outputFilter: [] as string[] };

/** A street as the model likes it: a clock at the left, a stop sign at the right. */
function drawStreet(widthPx: number, heightPx: number): Buffer {
  const canvas = createCanvas(widthPx, heightPx);
  const context = canvas.getContext('2d');
  context.scale(widthPx / 1280, heightPx / 720);
  context.fillStyle = '#9db8d0';
  context.fillRect(0, 0, 1280, 720);
  context.fillStyle = '#777';
  context.fillRect(0, 560, 1280, 160);
  context.fillRect(940, 400, 20, 250);
  context.translate(300, 300);
  context.fillStyle = '#fff';
  context.strokeStyle = '#222';
  context.lineWidth = 14;
  context.beginPath();
  context.arc(0, 0, 120, 0, 2 * Math.PI);
  context.fill();
  context.stroke();
  context.lineWidth = 8;
  const lines = Array.from({ length: 12 }, (_, hour) => [95, 108, (hour * Math.PI) / 6] as const);
  for (const [from, to, angle] of [...lines, [0, 85, -Math.PI / 2] as const, [0, 62, 0.5] as const]) {
    context.beginPath();
    context.moveTo(from * Math.cos(angle), from * Math.sin(angle));
    context.lineTo(to * Math.cos(angle), to * Math.sin(angle));
    context.stroke();
  }
  context.translate(650, -20);
  context.fillStyle = '#c01820';
  context.strokeStyle = '#fff';
  context.beginPath();
  for (let corner = 0; corner < 8; corner += 1) context.lineTo(120 * Math.cos(((corner + 0.5) * Math.PI) / 4), 120 * Math.sin(((corner + 0.5) * Math.PI) / 4));
  context.closePath();
  context.fill();
  context.stroke();
  context.fillStyle = '#fff';
  context.font = 'bold 70px sans-serif';
  context.textAlign = 'center';
  context.fillText('STOP', 0, 25);
  const { data } = context.getImageData(0, 0, widthPx, heightPx);
  const rgb = Buffer.alloc(widthPx * heightPx * 3);
  for (let index = 0; index < widthPx * heightPx; index += 1) rgb.set(data.subarray(index * 4, index * 4 + 3), index * 3);
  return rgb;
}

function rowsOf(result: PredictResult, image: number, minScore: number): { classId: number; score: number; box: number[] }[] {
  const get = (name: string): Float32Array => result.outputs.get(name)?.data as Float32Array;
  return Array.from({ length: 100 }, (_, row) => ({
    classId: get('detection_classes')[image * 100 + row] ?? NaN,
    score: get('detection_scores')[image * 100 + row] ?? NaN,
    box: [...get('detection_boxes').subarray((image * 100 + row) * 4, (image * 100 + row) * 4 + 4)],
  })).filter(({ score }) => score >= minScore);
}

describe('the embedded server with the default model', () => {
  it.each([
    [1280, 720],
    [640, 360],
    [512, 512],
  ])('finds a drawn clock and a drawn stop sign where they are, at %ix%i', async (widthPx, heightPx) => {
    const data = drawStreet(widthPx, heightPx);
    const result = await client.predict({ model: { name: 'default' }, inputs: { inputs: { dtype: 'uint8', shape: [1, heightPx, widthPx, 3], data } } }, soon);
    expect(result.model).toEqual({ name: 'default', version: '1' });
    const found = rowsOf(result, 0, 0.35);
    expect(found.map(({ classId }) => classId).sort()).toEqual([13, 85]);
    const expected = { 13: [160 / 720, 830 / 1280, 400 / 720, 1070 / 1280], 85: [180 / 720, 180 / 1280, 420 / 720, 420 / 1280] };
    for (const { classId, box } of found) box.forEach((side, index) => { expect(Math.abs(side - (expected[classId as 13 | 85][index] ?? NaN))).toBeLessThan(0.04); });
    const scores = [...(result.outputs.get('detection_scores')?.data as Float32Array)];
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    const count = (result.outputs.get('num_detections')?.data as Float32Array)[0] ?? NaN;
    expect(scores.filter((score) => score > 0)).toHaveLength(count);
  });

  it('answers a batch image by image, as it answers each alone', async () => {
    const pictures = [Buffer.alloc(512 * 288 * 3, 114), drawStreet(512, 288)];
    const alone = await Promise.all(pictures.map((data) => client.predict({ model: { name: 'default' }, inputs: { inputs: { dtype: 'uint8', shape: [1, 288, 512, 3], data } } }, soon)));
    const both = await client.predict({ model: { name: 'default' }, inputs: { inputs: { dtype: 'uint8', shape: [2, 288, 512, 3], data: Buffer.concat(pictures) } } }, soon);
    for (const [name, tensor] of both.outputs) expect([...tensor.data]).toEqual(alone.flatMap((result) => [...(result.outputs.get(name)?.data ?? [])]));
    expect(rowsOf(both, 0, 0.3)).toEqual([]);
    expect(rowsOf(both, 1, 0.3)).toHaveLength(2);
  });

  it('describes itself as an Object Detection API model and tells what suits it', async () => {
    const { model, signatures, hints } = await client.getModelMetadata({ name: 'default' }, soon);
    expect(model).toEqual({ name: 'default', version: '1' });
    expect(signatures).toEqual(new Map([['serving_default', SERVED_SIGNATURE]]));
    expect(hints).toMatchObject({ inputSize: { widthPx: 512, heightPx: 512 }, preferredBatch: 1 });
    expect(hints.maxInFlight).toBe((hints.msPerImage ?? 0) >= 100 ? 1 : 2);
    expect(hints.msPerImage).toBeGreaterThan(10);
    expect(await client.getModelStatus({ name: 'default' }, soon)).toEqual([{ version: '1', state: 'AVAILABLE', errorCode: 0, errorMessage: '' }]);
    for (const service of ['', 'ModelService', 'PredictionService']) expect(await client.checkHealth(soon, service)).toBe('serving');
    expect(await client.checkHealth(soon, 'Nobody')).toBe('unknown');
  });

  it('answers only the outputs that are asked for', async () => {
    const inputs: Record<string, Tensor> = { inputs: { dtype: 'uint8', shape: [1, 1, 1, 3], data: Buffer.alloc(3) } };
    const result = await client.predict({ model: { name: 'default', version: '1', signatureName: 'serving_default' }, inputs, outputFilter: ['num_detections'] }, soon);
    expect([...result.outputs.keys()]).toEqual(['num_detections']);
  });
});

describe("the embedded server's refusals", () => {
  const tensor = (changes: Partial<TensorProto>): Map<string, TensorProto> => new Map([['inputs', { ...pixel, ...changes }]]);

  it.each<[string, Partial<typeof good> | { modelSpec: null }, number, string]>([
    ['no model spec', { modelSpec: null }, 3, 'Missing ModelSpec'],
    ['an empty name', { modelSpec: spec({ name: '' }) }, 3, 'ModelSpec has no name specified.'],
    ['an unknown model', { modelSpec: spec({ name: 'ssd' }) }, 5, 'Servable not found for request: Latest(ssd)'],
    ['an unknown version', { modelSpec: spec({ version: '7' }) }, 5, 'Servable not found for request: Specific(default, 7)'],
    ['an unknown label', { modelSpec: spec({ versionLabel: 'stable' }) }, 3, 'Unrecognized servable version label: stable'],
    ['an unknown signature', { modelSpec: spec({ signatureName: 'other' }) }, 9, 'Serving signature key "other" not found.'],
    ['no input', { inputs: new Map() }, 3, 'input size does not match signature: 0!=1 len({}) != len({inputs}). Sent extra: {}. Missing but required: {inputs}.'],
    ['two inputs', { inputs: new Map([['inputs', pixel], ['foo', pixel]]) }, 3, 'input size does not match signature: 2!=1 len({foo,inputs}) != len({inputs}). Sent extra: {foo}. Missing but required: {}.'],
    ['another input', { inputs: new Map([['foo', pixel]]) }, 3, 'Signature input alias: inputs(feed name: image_tensor:0) not found in request and no default value provided. Inputs expected to be in the request {foo}, or default input alias set: '],
    ['bytes that do not fit the shape', { inputs: tensor({ tensorContent: Buffer.alloc(4) }) }, 3, 'tensor parsing error: inputs'],
    ['no element type', { inputs: tensor({ dtype: 0 }) }, 3, 'tensor parsing error: inputs'],
    ['another element type', { inputs: new Map([['inputs', encodeTensor({ dtype: 'float', shape: [1], data: new Float32Array(1) })]]) }, 3, 'Expects arg[0] to be uint8 but float is provided'],
    ['a shape without a batch', { inputs: tensor({ tensorShape: { dim: [{ size: 1 }, { size: 1 }, { size: 3 }] } }) }, 3, 'inputs has the shape [1,1,3]: expected images as [batch, height, width, 3], each at least 1'],
    ['an empty batch', { inputs: new Map([['inputs', { dtype: DTYPE_NUMBERS.uint8, tensorShape: { dim: [{ size: 0 }, { size: 1 }, { size: 1 }, { size: 3 }] } }]]) }, 3, 'inputs has the shape [0,1,1,3]: expected images as [batch, height, width, 3], each at least 1'],
    ['an unknown output', { outputFilter: ['masks'] }, 3, 'output tensor alias not found in signature: masks Outputs expected to be in the set {detection_boxes,detection_classes,detection_scores,num_detections}.'],
    ['an output asked for twice', { outputFilter: ['num_detections', 'num_detections'] }, 3, 'duplicate output tensor alias: num_detections'],
  ])("are TensorFlow Serving's for %s", async (_what, changes, code, details) => {
    expect(await callRaw(predictRpc, { ...good, ...changes })).toEqual({ code, details });
  });

  it.each<[string, ModelSpec | null, string[], number, string]>([
    ['no model spec', null, ['signature_def'], 3, 'Missing ModelSpec'],
    ['no field', spec(), [], 3, 'GetModelMetadataRequest must specify at least one metadata_field'],
    ['an unknown field', spec(), ['signature_def', 'graph'], 3, 'Metadata field graph is not supported'],
    ['an unknown model', spec({ name: 'ssd' }), ['signature_def'], 5, 'Servable not found for request: Latest(ssd)'],
  ])("are TensorFlow Serving's for metadata with %s", async (_what, modelSpec, metadataFields, code, details) => {
    expect(await callRaw(getModelMetadataRpc, { modelSpec, metadataFields })).toEqual({ code, details });
  });

  it.each<[string, ModelSpec | null, number, string]>([
    ['no model spec', null, 3, 'Missing ModelSpec'],
    ['an unknown model', spec({ name: 'ssd' }), 5, 'Could not find any versions of model ssd'],
    ['an unknown version', spec({ version: '7' }), 5, 'Could not find version 7 of model default'],
  ])("are TensorFlow Serving's for the status of %s", async (_what, modelSpec, code, details) => {
    expect(await callRaw(getModelStatusRpc, { modelSpec })).toEqual({ code, details });
  });

  it.each(['/tensorflow.serving.PredictionService/Classify', '/tensorflow.serving.ModelService/HandleReloadConfigRequest', '/grpc.health.v1.Health/Nothing'] as const)('are UNIMPLEMENTED for %s', async (path) => {
    expect((await callRaw({ ...healthCheckRpc, path }, { service: '' })).code).toBe(status.UNIMPLEMENTED);
  });

  it('are INVALID_ARGUMENT for bytes that are no request', async () => {
    const garbage = { ...predictRpc, request: { encode: () => Buffer.from('0affffff7f01', 'hex'), decode: () => good } };
    expect((await callRaw(garbage, good)).code).toBe(status.INVALID_ARGUMENT);
  });
});

describe('the embedded server under load', () => {
  const image = (count: number): Record<string, Tensor> => ({ inputs: { dtype: 'uint8', shape: [count, 8, 8, 3], data: Buffer.alloc(count * 192) } });

  it('refuses what does not fit its queue as TensorFlow Serving does', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => client.predict({ model: { name: 'default' }, inputs: image(1) }, soon)));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected').map((outcome) => outcome.reason as Error);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.length).toBeLessThan(8);
    for (const error of refused) {
      expect(error).toBeInstanceOf(ServingOverloadedError);
      expect(error.message).toContain('The batch scheduling queue to which this task was submitted is full; currently');
    }
  });

  it('does not compute for callers that are gone', async () => {
    const stop = new AbortController();
    const startMs = performance.now();
    const cancelled = client.predict({ model: { name: 'default' }, inputs: image(200) }, { ...soon, signal: stop.signal }).catch((error: unknown) => error);
    // Small calls overtake large ones on their way: after a few of them it is there.
    for (let count = 0; count < 5; count += 1) await client.getModelStatus({ name: 'default' }, soon);
    const late = client.predict({ model: { name: 'default' }, inputs: image(200) }, { deadlineMs: 50 }).catch((error: unknown) => error);
    expect(await late).toSatisfy((error) => error instanceof ServingDeadlineError || error instanceof ServingOverloadedError);
    stop.abort();
    expect(await cancelled).toBeInstanceOf(ClosedError);
    // The next may come before the server hears of the cancellation.
    await until(async () => !((await client.predict({ model: { name: 'default' }, inputs: image(1) }, soon).catch((error: unknown) => error)) instanceof ServingOverloadedError));
    // 200 images take half a minute.
    expect(performance.now() - startMs).toBeLessThan(10_000);
  });

  it('refuses a port that is taken', async () => {
    const second = startModelServer({ port: server.port, modelBasePath: null, cacheDir: null, engine: 'wasm', workers: 1, log });
    await expect(second).rejects.toBeInstanceOf(PortInUseError);
    await expect(second).rejects.toThrow(`127.0.0.1:${String(server.port)} is in use`);
  });
});

describe('a model folder', () => {
  let base = '';
  beforeAll(async () => {
    base = await mkdtemp(join(tmpdir(), 'sightline-models-'));
    const models = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/human')), '../models');
    for (const [name, folder] of [['centernet', 'detector/3'], ['blazeface', 'faces/1']] as const) {
      await mkdir(join(base, folder), { recursive: true });
      await cp(join(models, `${name}.json`), join(base, folder, 'model.json'));
      await cp(join(models, `${name}.bin`), join(base, folder, `${name}.bin`));
    }
  });
  afterAll(() => rm(base, { recursive: true }));

  it('is served under its own version, by a process that is gone with its port on close, twice', async () => {
    const own = await startModelServer({ port: 'auto', modelName: 'detector', modelBasePath: join(base, 'detector'), cacheDir: null, engine: 'wasm', workers: 1, log });
    expect([own.modelName, own.modelVersion]).toEqual(['detector', '3']);
    const [pid = 0] = own.enginePids;
    expect(await isAlive(pid)).toBe(true);
    await Promise.all([own.close(), own.close()]);
    expect(await isAlive(pid)).toBe(false);
    const again = new ServingClient({ endpoint: `127.0.0.1:${String(own.port)}` });
    await expect(again.checkHealth(soon)).rejects.toThrow('refuses connections');
    await again.close();
  });

  it('with a graph that is no such detector is refused, leaving no process', async () => {
    const before = (await descendantsOf(process.pid)).filter(({ command }) => command.includes('engine-process')).length;
    await expect(startModelServer({ port: 'auto', modelBasePath: join(base, 'faces'), cacheDir: null, engine: 'wasm', log })).rejects.toThrow(/model\.json has no output of shape \[1, n, 6\]/);
    expect((await descendantsOf(process.pid)).filter(({ command }) => command.includes('engine-process'))).toHaveLength(before);
  });
});
