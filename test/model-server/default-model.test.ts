import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cacheDir } from '../../src/config/cache-dir.js';
import { boxIou, denormalizeBox, type BoxXyxyPx, type Size } from '../../src/core/geometry.js';
import { ensureDemoClip } from '../../src/demo/demo-clip.js';
import { findFfmpeg } from '../../src/ffmpeg/tools.js';
import type { LoadedServable } from '../../src/model-server/engines/engine.js';
import { chooseEngine } from '../../src/model-server/engines/load-engine.js';
import { defaultServablePath, ensureDefaultServable } from '../../src/model-server/store/default-model.js';
import { readServable } from '../../src/model-server/store/read-servable.js';
import { createLogger } from '../../src/telemetry/logger.js';

type Found = { readonly score: number; readonly classId: number; readonly box: BoxXyxyPx };

const run = promisify(execFile);
const SHARED = process.env['SIGHTLINE_SHARED'] ?? '';
const OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores'];
/** Of the detections that both engines have to agree about. */
const MIN_SCORE = 0.3;
const log = createLogger({ level: 'silent', format: 'json' });

let cache = '';
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'sightline-default-'));
});
afterAll(async () => {
  await rm(cache, { recursive: true });
});

describe('the default model', () => {
  it('is exported into the cache once, also when two ask for it at the same time', async () => {
    const said: string[] = [];
    const options = { cacheDir: cache, log: { info: (_fields: object, line: string) => said.push(line), warn: (line: string) => said.push(line) } as never };
    const both = await Promise.all([readServable('default', null, options), readServable('default', null, options)]);
    for (const servable of both) expect(servable).toMatchObject({ path: defaultServablePath(cache), version: '1', manifest: { files: { onnx: 'model.onnx', tfjs: 'graph/model.json' } } });
    expect(said.filter((line) => line !== 'default model exported, once')).toEqual([]);
    expect(await ensureDefaultServable(cache)).toBeNull();
  });

  it('is made anew when what is there is broken', async () => {
    await ensureDefaultServable(cache);
    await rm(join(defaultServablePath(cache), 'model.onnx'));
    expect(await ensureDefaultServable(cache)).toMatchObject({ version: '1' });
  });

  it('is used as it is where it cannot be written, with one warning', async () => {
    const warnings: string[] = [];
    const file = join(import.meta.dirname, 'default-model.test.ts');
    const { manifest } = await readServable('default', null, { cacheDir: file, log: { info: () => undefined, warn: (line: string) => warnings.push(line) } as never });
    expect(manifest).toMatchObject({ files: { onnx: null, tfjs: 'centernet.json' }, recipe: { output: { output: 'tower_0/detections' } } });
    expect(warnings).toEqual([expect.stringContaining('its TensorFlow.js graph is used as it is, which is slower')]);
  });

  it('finds the same on ONNX Runtime and on WebAssembly, on the demo clip', async () => {
    const clip = await ensureDemoClip({ cacheDir: cacheDir(), tools: await findFfmpeg(), log });
    expect(await compare(clip, [1, 6, 11, 16], { widthPx: 1280, heightPx: 720 })).toBeGreaterThan(4);
  });

  it.skipIf(SHARED === '')('finds the same on ONNX Runtime and on WebAssembly, on people', async () => {
    expect(await compare(join(SHARED, 'media/one-by-one-person-detection.mp4'), [3, 9, 15, 21, 27], { widthPx: 768, heightPx: 432 })).toBeGreaterThan(2);
  });
});

/** Compares the engines on frames of a video. @returns how many detections they agree about */
async function compare(video: string, secondsIn: readonly number[], size: Size): Promise<number> {
  const [onnx, wasm] = await Promise.all([load('onnxruntime'), load('wasm')]);
  let agreed = 0;
  try {
    for (const at of secondsIn) {
      const picture = await frameOf(video, at);
      expect(picture.length).toBe(size.widthPx * size.heightPx * 3);
      const [one, other] = [await look(onnx, picture, size), await look(wasm, picture, size)];
      for (const [from, to] of [[one, other], [other, one]] as const) {
        for (const found of from.filter(({ score }) => score > MIN_SCORE)) {
          const match = to.find(({ classId, score, box }) => classId === found.classId && Math.abs(score - found.score) <= 0.01 && boxIou(box, found.box) >= 0.99);
          expect({ at, found, match }).toMatchObject({ match: expect.objectContaining({ classId: found.classId }) as object });
          agreed += 1;
        }
      }
    }
  } finally {
    await Promise.all([onnx.close(), wasm.close()]);
  }
  return agreed;
}

async function load(name: 'onnxruntime' | 'wasm'): Promise<LoadedServable> {
  const servable = await readServable('default', null, { cacheDir: cache, log });
  return (await chooseEngine(name, servable, log)).load(servable, { threads: 1 });
}

async function look(model: LoadedServable, data: Buffer, size: Size): Promise<readonly Found[]> {
  const answer = await model.run(new Map([['inputs', { dtype: 'uint8', shape: [1, size.heightPx, size.widthPx, 3], data }]]), OUTPUTS);
  const [boxes = [], classes = [], scores = []] = OUTPUTS.map((name) => [...(answer.get(name)?.data as Float32Array)]);
  return scores.map((score, row) => ({ score, classId: classes[row] ?? -1, box: denormalizeBox(boxes.slice(4 * row, 4 * row + 4) as unknown as [number, number, number, number], size) }));
}

async function frameOf(video: string, seconds: number): Promise<Buffer> {
  const { stdout } = await run('ffmpeg', ['-nostdin', '-v', 'error', '-ss', String(seconds), '-i', video, '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
