import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import type { Engine, LoadedServable } from '../../../src/model-server/engines/engine.js';
import { chooseEngine } from '../../../src/model-server/engines/load-engine.js';
import { readServable } from '../../../src/model-server/store/read-servable.js';
import type { Recipe } from '../../../src/model-server/store/recipe.js';
import { GrpcStatus } from '../../../src/serving/grpc-status.js';
import type { Tensor } from '../../../src/serving/tensor.js';
import { recordingLog } from '../../helpers/recording-log.js';
import { ScriptedTfjs } from '../../helpers/scripted-tfjs.js';
import { PLAIN_INPUT, pictureOfRows, ROWS_RECIPE, servableFolder, signatureOf, writeRowsGraph } from '../../helpers/servables.js';

let folder = '';
let wasm: Engine;
const files = { tfjs: 'model.json' };
const threads = { threads: 1 };
const ALL = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'];
const UNKNOWN: Recipe = { input: { ...PLAIN_INPUT, name: '', size: { widthPx: 1, heightPx: 1 } }, output: { kind: 'rows', output: '', boxUnits: 'pixels', classIds: [1, 2, 3], nms: null } };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-tfjs-'));
  for (const [name, options] of Object.entries({ any: {}, one: { batch: 1 }, four: { batch: 4 }, narrow: { width: 4, batch: 1 }, open: { declaredSide: -1, batch: 1 } })) {
    await mkdir(join(folder, name));
    await writeRowsGraph(join(folder, name), options);
  }
  wasm = await chooseEngine('wasm', servableFolder(folder, { files }), recordingLog().log);
});
afterAll(() => rm(folder, { recursive: true }));

/** Pictures of 8x8 each as the request has them. */
function pictures(...rows: (readonly (readonly number[])[])[]): Map<string, Tensor> {
  return new Map([['inputs', { dtype: 'uint8', shape: [rows.length, 8, 8, 3], data: Buffer.concat(rows.map(pictureOfRows)) }]]);
}

async function detect(loaded: LoadedServable, inputs: ReadonlyMap<string, Tensor>): Promise<{ box: number[]; classId: number; score: number }[][]> {
  const answer = await loaded.run(inputs, ALL);
  const get = (name: string): Float32Array => answer.get(name)?.data as Float32Array;
  return [...get('num_detections')].map((count, image) =>
    Array.from({ length: count }, (_, row) => ({
      box: [...get('detection_boxes').subarray((image * 100 + row) * 4, (image * 100 + row + 1) * 4)],
      classId: get('detection_classes')[image * 100 + row] ?? NaN,
      score: get('detection_scores')[image * 100 + row] ?? NaN,
    })),
  );
}

const first = [[0, 0, 4, 8, 1, 0]];
const second = [[2, 2, 6, 4, 1, 74]];
const third = [[0, 4, 8, 8, 1, 79], [0, 4, 8, 8, 1, 80], [0, 4, 8, 8, 0, 1], [4, 4, 4, 8, 1, 1]];
const found = [[{ box: [0, 0, 1, 0.5], classId: 1, score: 1 }], [{ box: [0.25, 0.25, 0.5, 0.75], classId: 85, score: 1 }], [{ box: [0.5, 0, 1, 1], classId: 90, score: 1 }]];

describe('TensorFlow.js on WebAssembly', () => {
  it.each<[string, string, number | null]>([
    ['any number of pictures', 'any', null],
    ['one picture', 'one', 1],
    ['four pictures', 'four', 4],
  ])('answers a batch picture by picture with a graph for %s', async (_what, name, batchSize) => {
    const loaded = await wasm.load(servableFolder(join(folder, name), { files, recipe: { ...ROWS_RECIPE, input: { ...PLAIN_INPUT, batchSize } } }), threads);
    expect(await detect(loaded, pictures(first, second, third))).toEqual(found);
    expect(await detect(loaded, pictures(third, [], first, second, [], third))).toEqual([found[2], [], found[0], found[1], [], found[2]]);
    expect([...(await loaded.run(pictures(first), ['num_detections', 'detection_scores'])).keys()].sort()).toEqual(['detection_scores', 'num_detections']);
    await loaded.close();
  });

  it('maps boxes of a picture of another shape back to it', async () => {
    const loaded = await wasm.load(servableFolder(join(folder, 'any'), { files }), threads);
    // Twice as wide as high: rows of the canvas 0, 1, 6 and 7 are grey, and grey rows have no class that is known.
    const grey = await detect(loaded, new Map([['inputs', { dtype: 'uint8', shape: [1, 4, 8, 3], data: Buffer.alloc(96) }]]));
    expect(grey).toEqual([[]]);
    const data = Buffer.alloc(96);
    data.set([2, 2, 4, 6, 1, 0]);
    expect(await detect(loaded, new Map([['inputs', { dtype: 'uint8', shape: [1, 4, 8, 3], data }]]))).toEqual([[{ box: [0, 0.25, 1, 0.5], classId: 1, score: 1 }]]);
    await loaded.close();
  });

  it('finds input, size and output of a graph that came without a recipe', async () => {
    const loaded = await wasm.load(servableFolder(join(folder, 'one'), { files, recipe: UNKNOWN, inputSize: null }), threads);
    expect(await detect(loaded, pictures([[0, 0, 4, 8, 1, 2]]))).toEqual([[{ box: [0, 0, 1, 0.5], classId: 3, score: 1 }]]);
    await loaded.close();
  });

  it('answers probabilities', async () => {
    const signature = signatureOf({ inputs: ['uint8', [-1, -1, -1, 3]] }, { probabilities: ['float', [-1, 192]] });
    const recipe: Recipe = { input: PLAIN_INPUT, output: { kind: 'classification', output: 'rows', activation: 'none' } };
    const path = join(folder, 'classes');
    await mkdir(path);
    await writeRowsGraph(path, { width: 192 });
    // [n, 1, 192] is no row of classes; the reshaped graph's answer of two pictures is [2, 1, 192].
    await expect(wasm.load(servableFolder(path, { kind: 'classification', files, signature, recipe }), threads)).rejects.toThrow('its output rows has the shape [1,1,192]: expected [n, classes]');
  });

  it.each<[string, string, Recipe, RegExp]>([
    ['whose rows have another length', 'narrow', ROWS_RECIPE, /model\.json does not run: wasm failed: its output rows has the shape \[1,48,4\]: expected \[n, rows, 6\]$/],
    ['whose output has another name', 'one', { ...ROWS_RECIPE, output: { ...ROWS_RECIPE.output, output: 'boxes' } as Recipe['output'] }, /model\.json does not run: wasm failed: .*boxes/],
    ['whose input has another size', 'one', { ...ROWS_RECIPE, input: { ...PLAIN_INPUT, size: { widthPx: 16, heightPx: 8 } } }, /model\.json does not run: wasm failed: /],
    ['without a recipe and without a size', 'open', UNKNOWN, /model\.json has the input x of shape \[1,-1,-1,3\]: expected \[1, height, width, 3\]$/],
    ['without a recipe and without rows', 'narrow', UNKNOWN, /model\.json has no output of shape \[1, n, 6\] \(x1, y1, x2, y2, score, class\), only rows \[1,48,4\]$/],
  ])('does not load a graph %s, and leaves no tensor', async (_what, name, recipe, message) => {
    const before = await tensorsNow();
    const error = await wasm.load(servableFolder(join(folder, name), { files, recipe }), threads).then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
    expect(await tensorsNow()).toBe(before);
  });

  it.each<[string, Tensor, string]>([
    ['no picture', { dtype: 'uint8', shape: [0, 8, 8, 3], data: Buffer.alloc(0) }, 'inputs has the shape [0,8,8,3]: expected images as [batch, height, width, 3], each at least 1'],
    ['a picture without pixels', { dtype: 'uint8', shape: [1, 0, 8, 3], data: Buffer.alloc(0) }, 'inputs has the shape [1,0,8,3]: expected images as [batch, height, width, 3], each at least 1'],
    ['floats', { dtype: 'float', shape: [1, 1, 1, 3], data: new Float32Array(3) }, 'inputs is of float: expected uint8'],
  ])('answers INVALID_ARGUMENT to %s', async (_what, tensor, message) => {
    const loaded = await wasm.load(servableFolder(join(folder, 'one'), { files }), threads);
    await expect(loaded.run(new Map([['inputs', tensor]]), ALL)).rejects.toMatchObject({ grpcCode: GrpcStatus.INVALID_ARGUMENT, message });
    await loaded.close();
  });

  it('keeps neither tensors nor memory over 200 runs, and frees the weights on close, twice', async () => {
    const before = await tensorsNow();
    const loaded = await wasm.load(servableFolder(join(folder, 'any'), { files }), threads);
    const warm = loaded.tensorCount();
    // 2.8 MB a picture, 550 MB in all.
    const inputs = new Map<string, Tensor>([['inputs', { dtype: 'uint8', shape: [1, 720, 1280, 3], data: Buffer.alloc(2_764_800, 9) }]]);
    for (let run = 0; run < 10; run += 1) await loaded.run(inputs, ALL);
    const rss = process.memoryUsage().rss;
    for (let run = 0; run < 200; run += 1) await loaded.run(inputs, ALL);
    expect(loaded.tensorCount()).toBe(warm);
    expect(process.memoryUsage().rss - rss).toBeLessThan(200e6);
    await Promise.all([loaded.close(), loaded.close()]);
    expect(await tensorsNow()).toBe(before);
  });

  it('runs the default model', async () => {
    const loaded = await wasm.load(await readServable('default', null, { cacheDir: null, log: recordingLog().log }), threads);
    const grey = new Map<string, Tensor>([['inputs', { dtype: 'uint8', shape: [2, 300, 400, 3], data: Buffer.alloc(2 * 300 * 400 * 3, 114) }]]);
    const tensors = loaded.tensorCount();
    const answer = await loaded.run(grey, ALL);
    expect([...answer].map(([name, { shape }]) => [name, shape])).toEqual([['detection_boxes', [2, 100, 4]], ['detection_classes', [2, 100]], ['detection_scores', [2, 100]], ['num_detections', [2]]]);
    expect(Math.max(...(answer.get('detection_scores')?.data as Float32Array))).toBeLessThan(0.3);
    expect(loaded.tensorCount()).toBe(tensors);
    await loaded.close();
  });

  /** Tensors in the process, as a servable counts them. */
  async function tensorsNow(): Promise<number> {
    const loaded = await wasm.load(servableFolder(join(folder, 'one'), { files }), threads);
    await loaded.close();
    return loaded.tensorCount();
  }
});

describe('tfjs-node', () => {
  async function start(scripted: ScriptedTfjs): Promise<Engine> {
    return chooseEngine('tfjs-node', servableFolder(folder, { files }), recordingLog().log, () => Promise.resolve(scripted.module));
  }

  it.each([false, true])('runs a graph on whole batches and keeps no tensor (asynchronous graph: %s)', async (asyncOnly) => {
    const scripted = new ScriptedTfjs();
    scripted.asyncOnly = asyncOnly;
    const recipe: Recipe = { ...ROWS_RECIPE, output: { ...ROWS_RECIPE.output, output: 'found' } as Recipe['output'] };
    const loaded = await (await start(scripted)).load(servableFolder(join(folder, 'any'), { files, recipe }), threads);
    scripted.seen.length = 0;
    const data = Buffer.alloc(9 * 16 * 8 * 3, 50);
    const rows = await detect(loaded, new Map([['inputs', { dtype: 'uint8', shape: [9, 8, 16, 3], data }]]));
    expect(scripted.seen.map(({ shape }) => shape)).toEqual([[8, 8, 8, 3], [1, 8, 8, 3]]);
    expect(scripted.seen[1]?.values.slice(0, 3)).toEqual([114, 114, 114]);
    expect(rows).toHaveLength(9);
    for (const list of rows) expect(list).toEqual([{ box: [0, 0, 0.5, 0.5], classId: 1, score: 0.75 }, { box: [0.5, 0.5, 1, 1], classId: 85, score: 0.5 }]);
    scripted.failure = 'kernel exploded\nat length';
    await expect(loaded.run(pictures(first), ALL)).rejects.toMatchObject({ grpcCode: GrpcStatus.INTERNAL, message: 'tfjs-node failed: kernel exploded' });
    expect(loaded.tensorCount()).toBe(0);
    await loaded.close();
    await loaded.close();
    expect(scripted.disposals).toBe(1);
  });

  it('finds the output of a graph without a recipe', async () => {
    const scripted = new ScriptedTfjs();
    scripted.inputs = [{ name: 'x', shape: [1, 8, 8, 3], dtype: 'float32' }];
    const loaded = await (await start(scripted)).load(servableFolder(join(folder, 'one'), { files, recipe: UNKNOWN }), threads);
    expect(await detect(loaded, pictures([]))).toEqual([[{ box: [0, 0, 0.5, 0.5], classId: 1, score: 0.75 }]]);
    expect(scripted.tensors).toBe(0);
    await loaded.close();
  });

  it('runs a SavedModel by named tensors where there is one, in its element types, and keeps no tensor', async () => {
    const scripted = new ScriptedTfjs();
    scripted.savedOutputs = { count: { shape: [1], values: Int32Array.of(3) }, big: { shape: [1], values: Int32Array.of(7) }, scores: { shape: [1, 2], values: Float32Array.of(0.5, 0.25) }, flags: { shape: [2], values: Uint8Array.of(1, 0) }, more: { shape: [1], values: Float32Array.of(9) } };
    const signature = signatureOf({ image: ['uint8', [-1, -1, -1, 3]], id: ['int64', [-1]] }, { count: ['int32', [-1]], big: ['int64', [-1]], scores: ['float', [-1, 2]], flags: ['bool', [-1]] });
    const loaded = await (await start(scripted)).load(servableFolder('/models/m/1', { kind: 'other', files: { tfjs: 'model.json', savedModel: true }, signature, recipe: null }), threads);
    expect(scripted.loadedFolders).toEqual(['/models/m/1 serve serving_default']);
    scripted.seen.length = 0;
    const answer = await loaded.run(new Map<string, Tensor>([['image', { dtype: 'uint8', shape: [1, 1, 1, 3], data: Buffer.from([1, 2, 3]) }], ['id', { dtype: 'int64', shape: [1], data: BigInt64Array.of(5n) }]]), ['big', 'count', 'scores', 'flags']);
    expect(scripted.seen).toEqual([{ shape: [1, 1, 1, 3], dtype: 'int32', values: [1, 2, 3] }, { shape: [1], dtype: 'int32', values: [5] }]);
    expect([...answer]).toEqual([
      ['big', { dtype: 'int64', shape: [1], data: BigInt64Array.of(7n) }],
      ['count', { dtype: 'int32', shape: [1], data: Int32Array.of(3) }],
      ['scores', { dtype: 'float', shape: [1, 2], data: Float32Array.of(0.5, 0.25) }],
      ['flags', { dtype: 'bool', shape: [2], data: Uint8Array.of(1, 0) }],
    ]);
    expect(loaded.tensorCount()).toBe(0);
    scripted.failure = 'no such op';
    await expect(loaded.run(new Map<string, Tensor>([['image', { dtype: 'uint8', shape: [1, 1, 1, 3], data: Buffer.alloc(3) }], ['id', { dtype: 'int64', shape: [1], data: BigInt64Array.of(5n) }]]), ['count'])).rejects.toMatchObject({ grpcCode: GrpcStatus.INTERNAL, message: 'tfjs-node failed: no such op' });
    expect(loaded.tensorCount()).toBe(0);
    await loaded.close();
    await loaded.close();
    expect(scripted.disposals).toBe(1);
  });

  it('does not load a SavedModel that lacks an output of its signature', async () => {
    const scripted = new ScriptedTfjs();
    scripted.savedOutputs = { num_detections: { shape: [1], values: Float32Array.of(0) } };
    const engine = await start(scripted);
    await expect(engine.load(servableFolder('/models/m/1', { files: { savedModel: true } }), threads)).rejects.toThrow('--model_base_path: /models/m/1 does not run: tfjs-node failed: the SavedModel has no output detection_boxes');
    expect([scripted.tensors, scripted.disposals]).toEqual([0, 1]);
  });
});
