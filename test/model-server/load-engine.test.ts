import { describe, expect, it } from 'vitest';
import { createLogger, type Logger } from '../../src/telemetry/logger.js';
import { Writable } from 'node:stream';
import { loadEngine, type Importer } from '../../src/model-server/engines/load-engine.js';
import type { TfjsTensor } from '../../src/model-server/engines/tfjs-engine.js';
import { DetectionModel } from '../../src/model-server/detection-model.js';

/** A logger that keeps what it wrote. */
function recordingLogger(): { log: Logger; lines: { level: number; msg: string }[] } {
  const lines: { level: number; msg: string }[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as { level: number; msg: string });
      done();
    },
  });
  return { log: createLogger({ level: 'debug', format: 'json', destination }), lines };
}

function notInstalled(name: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: 'ERR_MODULE_NOT_FOUND' }));
}

/** A scripted stand-in for @tensorflow/tfjs-node that counts its tensors. */
class FakeTfjs {
  tensors = 0;
  failExecute = false;
  asyncOnly = false;
  readonly seen: { shape: readonly number[]; first: number }[] = [];
  readonly version = { 'tfjs-core': '4.99.0' };

  readonly module = {
    version: this.version,
    tensor: (values: Float32Array, shape: number[]): TfjsTensor => {
      this.seen.push({ shape, first: values[0] ?? NaN });
      return this.#tensor(shape, [...values]);
    },
    memory: () => ({ numTensors: this.tensors }),
    loadGraphModel: async (handler: { load: () => Promise<unknown> }) => {
      await handler.load();
      const output = (): TfjsTensor => this.#tensor([1, 2, 6], [0, 0, 4, 4, 0.75, 0, 4, 4, 8, 8, 0.5, 74]);
      return {
        inputs: [{ name: 'x', shape: [1, 8, 8, 3], dtype: 'float32' }],
        outputs: [{ name: 'heat', dtype: 'float32' }, { name: 'found', dtype: 'float32' }],
        execute: (_inputs: unknown, names: string[]) => {
          if (this.asyncOnly) throw new Error('This execution contains the node, which has the dynamic op. Please use model.executeAsync() instead.');
          if (this.failExecute) throw new Error('kernel exploded');
          return names.map((name) => (name === 'found' ? output() : this.#tensor([1, 2, 2, 1], [0, 0, 0, 0])));
        },
        executeAsync: (_inputs: unknown, names: string[]) => Promise.resolve(names.map((name) => (name === 'found' ? output() : this.#tensor([1], [0])))),
        dispose: () => undefined,
      };
    },
  };

  #tensor(shape: readonly number[], values: number[]): TfjsTensor {
    this.tensors += 1;
    return { shape, data: () => Promise.resolve(values), dispose: () => void (this.tensors -= 1) };
  }
}

const FILES = { version: '3', path: 'stand-in', files: { manifest: { modelTopology: {}, weightsManifest: [] }, weights: Buffer.alloc(0) } };

describe('loadEngine', () => {
  it('prefers tfjs-node-gpu, then tfjs-node', async () => {
    const { log, lines } = recordingLogger();
    const both = await loadEngine('auto', log, () => Promise.resolve(new FakeTfjs().module));
    expect([both.name, both.version]).toEqual(['tfjs-node-gpu', '4.99.0']);
    const cpu = await loadEngine('auto', log, (name) => (name.endsWith('gpu') ? notInstalled(name) : Promise.resolve({ default: new FakeTfjs().module })));
    expect(cpu.name).toBe('tfjs-node');
    expect(lines).toEqual([]);
  });

  it('takes wasm without a word where neither is installed', async () => {
    const { log, lines } = recordingLogger();
    expect((await loadEngine('auto', log, notInstalled)).name).toBe('wasm');
    expect(lines).toEqual([]);
  });

  it.each<[string, Importer]>([
    ['its binding is missing', (name) => (name.endsWith('gpu') ? notInstalled(name) : Promise.reject(Object.assign(new Error('Cannot find module tfjs_binding.node\nRequire stack'), { code: 'MODULE_NOT_FOUND' })))],
    ['it is something else', (name) => (name.endsWith('gpu') ? notInstalled(name) : Promise.resolve({ hello: 1 }))],
  ])('takes wasm with one warning when tfjs-node is installed but broken: %s', async (_what, importer) => {
    const { log, lines } = recordingLogger();
    expect((await loadEngine('auto', log, importer)).name).toBe('wasm');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.level).toBe(40);
    expect(lines[0]?.msg).toContain('@tensorflow/tfjs-node is installed but does not load');
    expect(lines[0]?.msg).not.toContain('\n');
  });

  it('refuses an engine that was asked for by name and is not there', async () => {
    const { log } = recordingLogger();
    await expect(loadEngine('tfjs-node', log, notInstalled)).rejects.toThrow('@tensorflow/tfjs-node is not installed: npm install @tensorflow/tfjs-node');
    await expect(loadEngine('tfjs-node-gpu', log, () => Promise.reject(new Error('no CUDA')))).rejects.toThrow('does not load: no CUDA');
  });

  it('leaves no listener of the wasm runtime on the process', async () => {
    const { log } = recordingLogger();
    const before = process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
    await loadEngine('wasm', log);
    expect(process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection')).toBe(before);
  });
});

describe('DetectionModel on tfjs-node', () => {
  it.each([false, true])('finds the output by its shape, reads rows and keeps no tensor (asynchronous graph: %s)', async (asyncOnly) => {
    const { log } = recordingLogger();
    const fake = new FakeTfjs();
    fake.asyncOnly = asyncOnly;
    const model = await DetectionModel.load(FILES, await loadEngine('tfjs-node', log, () => Promise.resolve(fake.module)));
    expect(model.inputSize).toEqual({ widthPx: 8, heightPx: 8 });
    expect(fake.tensors).toBe(0);
    const rows = await model.detect(Buffer.alloc(16 * 8 * 3, 50), { widthPx: 16, heightPx: 8 });
    expect(rows.map(({ classId, score }) => [classId, score])).toEqual([[1, 0.75], [85, 0.5]]);
    expect(rows[0]?.box).toEqual([0, 0, 0.5, 0.5]);
    expect(fake.seen.at(-1)).toEqual({ shape: [1, 8, 8, 3], first: 114 });
    expect(model.msPerImage).toBeGreaterThanOrEqual(0);
    fake.failExecute = true;
    if (!asyncOnly) await expect(model.detect(Buffer.alloc(3), { widthPx: 1, heightPx: 1 })).rejects.toThrow('kernel exploded');
    expect(model.tensorCount()).toBe(0);
    model.close();
    model.close();
  });
});
