import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { chooseEngine } from '../../../src/model-server/engines/load-engine.js';
import type { Engine, LoadedServable } from '../../../src/model-server/engines/engine.js';
import { attr, OnnxBuilder } from '../../../src/model-server/export/onnx/onnx-builder.js';
import { encodeOnnxModel } from '../../../src/model-server/export/onnx/onnx-codec.js';
import { ONNX_DTYPES, type OnnxDType } from '../../../src/model-server/export/onnx/onnx-model.js';
import type { ServableFolder } from '../../../src/model-server/store/servable-manifest.js';
import { GrpcStatus } from '../../../src/serving/grpc-status.js';
import type { SignatureDef } from '../../../src/serving/metadata-messages.js';
import { NUMERIC_LAYOUTS, type DType, type Tensor } from '../../../src/serving/tensor.js';
import { recordingLog } from '../../helpers/recording-log.js';
import { servableFolder, signatureOf } from '../../helpers/servables.js';

let folder = '';
let engine: Engine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-onnx-'));
  engine = await chooseEngine('onnxruntime', servable('none', signatureOf({}, {})), recordingLog().log);
});
afterAll(() => rm(folder, { recursive: true }));

function servable(name: string, signature: SignatureDef, kind: 'detection' | 'other' = 'other'): ServableFolder {
  return servableFolder(folder, { kind, signature, files: { onnx: `${name}.onnx` } });
}

async function put(name: string, builder: OnnxBuilder): Promise<void> {
  await writeFile(join(folder, `${name}.onnx`), encodeOnnxModel(builder.toModel()));
}

/** Loads a model that hands its input through. */
async function loadIdentity(dtype: Exclude<DType, 'bfloat16' | 'complex64' | 'complex128'>): Promise<LoadedServable> {
  const onnxDType: OnnxDType = dtype === 'half' ? 'float16' : dtype;
  expect(ONNX_DTYPES[onnxDType]).toBeGreaterThan(0);
  const builder = new OnnxBuilder();
  builder.input('x', onnxDType, [null, null]);
  builder.output('y', builder.op('Identity', ['x']), onnxDType, [null, null]);
  await put(dtype, builder);
  return engine.load(servable(dtype, signatureOf({ x: [dtype, [-1, -1]] }, { y: [dtype, [-1, -1]] })), { threads: 1 });
}

/** Loads a detector-like model: pictures in, the mean of each channel out, and the pictures as floats. */
async function loadMeans(name: string, kind: 'detection' | 'other' = 'detection'): Promise<LoadedServable> {
  const builder = new OnnxBuilder();
  builder.input('inputs', 'uint8', ['n', 'h', 'w', 3]);
  const floats = builder.op('Cast', ['inputs'], { to: attr.int(ONNX_DTYPES.float) });
  builder.output('means', builder.op('ReduceMean', [floats, builder.ints([1, 2])], { keepdims: attr.int(0) }), 'float', ['n', 3]);
  builder.output('pixels', floats, 'float', ['n', 'h', 'w', 3]);
  await put(name, builder);
  return engine.load(servable(name, signatureOf({ inputs: ['uint8', [-1, -1, -1, 3]] }, { means: ['float', [-1, 3]], pixels: ['float', [-1, -1, -1, 3]] }), kind), { threads: 1 });
}

async function statusOf(answer: Promise<unknown>): Promise<{ grpcCode: number; message: string }> {
  const error = (await answer.then(() => null, (reason: unknown) => reason)) as { grpcCode: number; message: string } | null;
  expect(error).not.toBeNull();
  return { grpcCode: error?.grpcCode ?? 0, message: error?.message ?? '' };
}

describe('ONNX Runtime', () => {
  it.each(['float', 'double', 'half', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'bool'] as const)('hands %s through, bit by bit', async (dtype) => {
    const loaded = await loadIdentity(dtype);
    const { array } = NUMERIC_LAYOUTS[dtype];
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 8, maxLength: 8 }), { maxLength: 5 }), async (words) => {
        const bytes = Uint8Array.from(words.flatMap((word) => [...word].map((byte) => (dtype === 'bool' ? byte & 1 : byte))));
        const data = new array(bytes.buffer, 0, bytes.length / array.BYTES_PER_ELEMENT);
        const sent = { dtype, shape: [1, data.length], data } as Tensor;
        const { y } = Object.fromEntries(await loaded.run(new Map([['x', sent]]), ['y']));
        expect([y?.dtype, y?.shape, y?.data.constructor]).toEqual([dtype, [1, data.length], array]);
        const { buffer, byteOffset, byteLength } = y?.data as Uint8Array;
        expect([...new Uint8Array(buffer, byteOffset, byteLength)]).toEqual([...bytes]);
      }),
      { numRuns: 25 },
    );
    await loaded.close();
  });

  it('hands strings through, and refuses those that are not UTF-8', async () => {
    const loaded = await loadIdentity('string');
    const sent = ['', 'Straße', '\u{1F600}'].map((text) => Buffer.from(text));
    const answer = await loaded.run(new Map([['x', { dtype: 'string', shape: [3, 1], data: sent }]]), ['y']);
    expect(answer.get('y')).toEqual({ dtype: 'string', shape: [3, 1], data: sent });
    const broken: Tensor = { dtype: 'string', shape: [1, 1], data: [Buffer.from('ff', 'hex')] };
    expect(await statusOf(loaded.run(new Map([['x', broken]]), ['y']))).toEqual({ grpcCode: GrpcStatus.INVALID_ARGUMENT, message: 'x has a string that is not UTF-8' });
    await loaded.close();
  });

  it('reads pictures where they lie in a request, and answers only what is asked for', async () => {
    const loaded = await loadMeans('means');
    const request = Buffer.from([0, 9, 10, 20, 30, 30, 40, 50, 1, 1, 1, 3, 3, 3]);
    const answer = await loaded.run(new Map([['inputs', { dtype: 'uint8', shape: [2, 1, 2, 3], data: request.subarray(2) }]]), ['means']);
    expect([...answer]).toEqual([['means', { dtype: 'float', shape: [2, 3], data: Float32Array.of(20, 30, 40, 2, 2, 2) }]]);
    expect([...request.subarray(0, 4)]).toEqual([0, 9, 10, 20]);
    await loaded.close();
  });

  it.each<[string, Record<string, Tensor>, string]>([
    ['another element type', { inputs: { dtype: 'float', shape: [1, 1, 1, 3], data: new Float32Array(3) } }, 'inputs is of float: expected uint8'],
    ['another number of dimensions', { inputs: { dtype: 'uint8', shape: [1, 1, 3], data: Buffer.alloc(3) } }, 'inputs has the shape [1,1,3]: expected [-1,-1,-1,3]'],
    ['another number of channels', { inputs: { dtype: 'uint8', shape: [1, 1, 1, 4], data: Buffer.alloc(4) } }, 'inputs has the shape [1,1,1,4]: expected [-1,-1,-1,3]'],
    ['nothing', {}, 'the input inputs is missing'],
    ['something else', { picture: { dtype: 'uint8', shape: [1], data: Buffer.alloc(1) } }, 'there is no input picture: expected inputs'],
  ])('answers INVALID_ARGUMENT to %s', async (_what, inputs, message) => {
    const loaded = await loadMeans('strict');
    expect(await statusOf(loaded.run(new Map(Object.entries(inputs)), ['means']))).toEqual({ grpcCode: GrpcStatus.INVALID_ARGUMENT, message });
    await loaded.close();
  });

  it("answers INVALID_ARGUMENT where only the model knows that a shape does not fit, and INTERNAL in one line to a run that fails", async () => {
    const builder = new OnnxBuilder();
    builder.input('x', 'float', [null]);
    builder.input('y', 'float', [2, null]);
    builder.output('sum', builder.op('Add', ['x', builder.op('Reshape', ['y', builder.ints([-1])])]), 'float', [null]);
    await put('sum', builder);
    const loaded = await engine.load(servable('sum', signatureOf({ x: ['float', [-1]], y: ['float', null] }, { sum: ['float', [-1]] })), { threads: 1 });
    const run = (x: number, y: number[]): Promise<unknown> =>
      loaded.run(new Map<string, Tensor>([['x', { dtype: 'float', shape: [x], data: new Float32Array(x) }], ['y', { dtype: 'float', shape: y, data: new Float32Array(y.reduce((a, b) => a * b)) }]]), ['sum']);
    await run(4, [2, 2]);
    const misfit = await statusOf(run(4, [3, 2]));
    expect(misfit.grpcCode).toBe(GrpcStatus.INVALID_ARGUMENT);
    expect(misfit.message).toMatch(/^onnxruntime failed: .*invalid dimensions for input: y/);
    const failure = await statusOf(run(3, [2, 2]));
    expect(failure.grpcCode).toBe(GrpcStatus.INTERNAL);
    expect(failure.message).toMatch(/^onnxruntime failed: [^\n]+$/);
    await run(4, [2, 2]);
    await loaded.close();
  });

  it('frees a model on close, twice, and computes nothing any more', async () => {
    const loaded = await loadMeans('closed');
    await Promise.all([loaded.close(), loaded.close()]);
    expect((await statusOf(loaded.run(new Map([['inputs', { dtype: 'uint8', shape: [1, 1, 1, 3], data: Buffer.alloc(3) }]]), ['means']))).grpcCode).toBe(GrpcStatus.INTERNAL);
  });

  it('keeps no answer in memory', async () => {
    const loaded = await loadMeans('large');
    // 12 MB an answer: 2.4 GB in all.
    const inputs = new Map<string, Tensor>([['inputs', { dtype: 'uint8', shape: [1, 1000, 1000, 3], data: Buffer.alloc(3_000_000, 7) }]]);
    for (let run = 0; run < 10; run += 1) await loaded.run(inputs, ['pixels']);
    const before = process.memoryUsage().rss;
    for (let run = 0; run < 200; run += 1) await loaded.run(inputs, ['pixels']);
    expect(process.memoryUsage().rss - before).toBeLessThan(600e6);
    await loaded.close();
  });
});

describe('ONNX Runtime does not load', () => {
  const pictures = signatureOf({ inputs: ['uint8', [-1, -1, -1, 3]] }, { means: ['float', [-1, 3]] });

  async function problemOf(load: Promise<unknown>): Promise<string> {
    const error = await load.then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).message;
  }

  it.each<[string, SignatureDef, string]>([
    ['without an output', signatureOf({ inputs: ['uint8', [-1, -1, -1, 3]] }, { scores: ['float', [-1]] }), 'it has no output scores'],
    ['without an input', signatureOf({ inputs: ['uint8', [-1, -1, -1, 3]], mask: ['uint8', [-1]] }, { means: ['float', [-1, 3]] }), 'it has no input mask'],
    ['with one input more', signatureOf({}, { means: ['float', [-1, 3]] }), 'it has the input inputs too'],
    ['with another element type', signatureOf({ inputs: ['float', [-1, -1, -1, 3]] }, {}), 'its input inputs is of uint8, not of float'],
    ['with another shape', signatureOf({ inputs: ['uint8', [-1, 3, -1, -1]] }, { means: ['float', [-1, 4]] }), 'its output means has the shape [-1,3], not [-1,4]'],
  ])('a model %s than its servable.json says', async (_what, signature, reason) => {
    await loadMeans('misfit');
    expect(await problemOf(engine.load(servable('misfit', signature), { threads: 1 }))).toBe(`--model_base_path: ${join(folder, 'misfit.onnx')} is not the model that its servable.json describes: ${reason}`);
  });

  it.each<[string, Buffer | null, string]>([
    ['no file', null, "File doesn't exist"],
    ['text', Buffer.from('hello'), 'rotobuf parsing failed'],
    ['an empty file', Buffer.alloc(0), 'does not load'],
  ])('%s', async (_what, bytes, reason) => {
    const name = `bad-${String(bytes?.length)}`;
    if (bytes !== null) await writeFile(join(folder, `${name}.onnx`), bytes);
    const problem = await problemOf(engine.load(servable(name, pictures), { threads: 1 }));
    expect(problem).toContain(reason);
    expect(problem).toContain(`${name}.onnx does not load: `);
    expect(problem).not.toContain('\n');
  });

  it('a detector that does not run on a picture, but any other model: what it takes is guessed', async () => {
    const builder = new OnnxBuilder();
    builder.input('inputs', 'uint8', ['n', 'h', 'w', 3]);
    const floats = builder.op('Cast', ['inputs'], { to: attr.int(ONNX_DTYPES.float) });
    builder.output('means', builder.op('Reshape', [floats, builder.ints([5, 3])]), 'float', ['n', 3]);
    await put('picky', builder);
    expect(await problemOf(engine.load(servable('picky', pictures, 'detection'), { threads: 1 }))).toMatch(/picky\.onnx does not run: onnxruntime failed: /);
    const loaded = await engine.load(servable('picky', pictures, 'other'), { threads: 1 });
    expect((await loaded.run(new Map([['inputs', { dtype: 'uint8', shape: [5, 1, 1, 3], data: Buffer.alloc(15) }]]), ['means'])).get('means')?.shape).toEqual([5, 3]);
    await loaded.close();
  });
});
