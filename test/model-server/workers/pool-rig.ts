import { mkdtempSync, readFileSync, existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { ServableFolder } from '../../../src/model-server/store/servable-manifest.js';
import { startEnginePool, type EnginePool, type EnginePoolOptions } from '../../../src/model-server/workers/engine-pool.js';
import type { Tensor } from '../../../src/serving/tensor.js';
import { createLogger } from '../../../src/telemetry/logger.js';

const STAND_IN = fileURLToPath(new URL('stand-in-engine.mjs', import.meta.url));

/** Pixels that the stand-in takes as orders. */
export const ORDERS = { kill: 248, writeGarbage: 249, wait: 250, exit: 251, refuse: 252, loop: 253, crash: 254 } as const;

/** What a pool of stand-ins runs on: they do what `behaviour` says. */
export function standInServable(kind: 'images' | 'numbers', behaviour: string, record: string): ServableFolder {
  const signature = { inputs: new Map(), outputs: new Map(), methodName: '' };
  return {
    path: `${kind}|${behaviour}|${record}`,
    version: '1',
    manifest: { format: 1, kind: 'other', source: { name: 'none', kind: 'onnx', sha256: '' }, producer: 'test', signature, inputSize: { widthPx: 4, heightPx: 2 }, recipe: null, files: { onnx: null, tfjs: null, savedModel: false, labels: null } },
  };
}

export type Rig = {
  readonly pool: EnginePool;
  readonly lines: readonly string[];
  /** What the stand-ins saw: `PID loads`, `PID computes 1,2`, `PID answers 1,2`. */
  readonly record: () => string[];
  readonly predict: (firsts: readonly number[], signal?: AbortSignal) => Promise<number[]>;
};

export type RigOptions = Partial<EnginePoolOptions> & { readonly kind?: 'images' | 'numbers'; readonly behaviour?: string };

export const FAST = { firstDelay: 20, maxDelay: 100, closeGrace: 200 } as const;

const running: EnginePool[] = [];

/** Closes what {@link startRig} started. */
export async function closeRigs(): Promise<void> {
  for (const pool of running.splice(0)) await pool.close();
}

/** A pool of stand-ins. */
export async function startRig({ kind = 'images', behaviour = '', ...options }: RigOptions = {}): Promise<Rig> {
  const path = join(mkdtempSync(join(tmpdir(), 'sightline-pool-')), 'record');
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push((JSON.parse(chunk.toString()) as { msg: string }).msg);
      done();
    },
  });
  const pool = await startEnginePool({
    servable: standInServable(kind, behaviour, path),
    engine: 'auto',
    log: createLogger({ level: 'info', format: 'json', destination }),
    entry: STAND_IN,
    timesMs: FAST,
    ...options,
  });
  running.push(pool);
  return {
    pool,
    lines,
    record: () => (existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n') : []),
    predict: async (firsts, signal = new AbortController().signal) => {
      const outputs = await pool.run(new Map([['inputs', pictures(firsts)]]), ['first', 'pid'], { signal, deadlineAtMs: null });
      return [...(outputs.get('first')?.data as Float32Array)];
    },
  };
}

/** Pictures of 4x2, each of one value. */
export function pictures(values: readonly number[]): Tensor {
  return { dtype: 'uint8', shape: [values.length, 2, 4, 3], data: Uint8Array.from(values.flatMap((value) => Array.from({ length: 24 }, () => value))) };
}
