// Stands in for an engine process: its own file, the real protocol. It does what the servable's path says, answers each image with its first byte, and
// tells in a file beside what it saw.
import { appendFileSync, writeSync } from 'node:fs';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { GrpcStatusError } from '../../../dist/serving/grpc-server.js';
import { ConfigError } from '../../../dist/core/errors.js';
import { createLogger } from '../../../dist/telemetry/logger.js';
import { planWorkers } from '../../../dist/model-server/workers/worker-plan.js';
import { serveEngine } from '../../../dist/model-server/workers/serve-engine.js';

/** @typedef {import('../../../src/serving/tensor.js').Tensor} Tensor */

/** @type {(name: string, shape: number[]) => import('../../../src/serving/metadata-messages.js').TensorInfo} */
const float = (name, shape) => ({ name: `${name}:0`, dtype: 'float', shape });
const images = { inputs: { name: 'image_tensor:0', dtype: 'uint8', shape: [-1, -1, -1, 3] } };
const signatures = {
  images: { inputs: new Map(Object.entries(images)), outputs: new Map([['first', float('first', [-1, 1])], ['pid', float('pid', [-1])]]), methodName: 'tensorflow/serving/predict' },
  numbers: {
    inputs: new Map([['a', float('a', [-1])], ['b', { ...float('b', null), dtype: 'int64' }]]),
    outputs: new Map([['sum', float('sum', [])]]),
    methodName: 'tensorflow/serving/predict',
  },
};

/** @type {(order: import('../../../src/model-server/workers/worker-messages.js').LoadOrder) => Promise<import('../../../src/model-server/workers/serve-engine.js').ServedEngine>} */
const load = async ({ servable, engine, workers, cores }) => {
  const [kind = 'images', behaviour = '', record = ''] = servable.path.split('|');
  /** @type {(what: string) => void} */
  const note = (what) => {
    if (record !== '') appendFileSync(record, `${String(process.pid)} ${what}\n`);
  };
  note('loads');
  if (behaviour === 'bad-model') throw new ConfigError([{ file: null, path: '', message: 'no such graph' }]);
  if (behaviour === 'crash-at-start') throw new Error('out of memory');
  if (behaviour === 'hang-at-start') await setTimeout(1_000_000);
  /** @type {Buffer[]} */
  const hoard = [];
  /** @type {(inputs: ReadonlyMap<string, Tensor>) => Promise<Map<string, Tensor>>} */
  const run = async (inputs) => {
    if (kind === 'numbers') {
      let sum = 0;
      for (const { data } of inputs.values()) for (const value of data) sum += Number(value);
      return new Map([['sum', { dtype: 'float', shape: [], data: Float32Array.of(sum) }]]);
    }
    const input = inputs.get('inputs');
    const data = input?.dtype === 'uint8' ? input.data : new Uint8Array(0);
    const count = input?.shape[0] ?? 0;
    const firsts = Float32Array.from({ length: count }, (_, index) => data[(index * data.length) / count] ?? NaN);
    note(`computes ${[...firsts].join(',')}`);
    // The value of a pixel is an order.
    if (firsts.includes(250)) await setTimeout(1_000_000);
    if (firsts.includes(251)) process.exit(7);
    if (firsts.includes(252)) throw new GrpcStatusError(3, 'not this picture');
    if (firsts.includes(253)) for (;;);
    if (firsts.includes(254)) process.kill(process.pid, 'SIGSEGV');
    if (firsts.includes(248)) process.kill(process.pid, 'SIGKILL');
    if (firsts.includes(249)) writeSync(4, Buffer.alloc(16, 255));
    if (behaviour === 'slow') await setTimeout(20);
    if (behaviour === 'hoard') hoard.push(Buffer.alloc(16 * 1024 * 1024, 1));
    note(`answers ${[...firsts].join(',')}`);
    return new Map([
      ['first', { dtype: 'float', shape: [count, 1], data: firsts }],
      ['pid', { dtype: 'float', shape: [count], data: new Float32Array(count).fill(process.pid) }],
    ]);
  };
  const device = behaviour === 'gpu' ? 'CUDA' : 'CPU';
  const signature = kind === 'numbers' ? signatures.numbers : signatures.images;
  const name = engine === 'auto' ? 'onnxruntime' : engine;
  return {
    servable: { signature, run, tensorCount: () => 0, close: async () => undefined },
    facts: { engine: { name, version: '1.0.0', device }, signature, plan: planWorkers({ name, device }, servable.manifest, workers, cores), msPerImage: 8 },
  };
};

await serveEngine(load, createLogger({ level: 'info', format: 'json' }));
