// A model server that is about to be killed: starts a pool of stand-ins, lets the first loop for ever, and tells their process ids.
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { startEnginePool } from '../../../dist/model-server/workers/engine-pool.js';
import { createLogger } from '../../../dist/telemetry/logger.js';

const [entry, order] = process.argv.slice(2);
const manifest = { format: 1, kind: 'other', source: { name: 'none', kind: 'onnx', sha256: '' }, producer: 'test', signature: { inputs: new Map(), outputs: new Map(), methodName: '' }, inputSize: null, recipe: null, files: { onnx: null, tfjs: null, savedModel: false, labels: null } };
const pool = await startEnginePool({ servable: { path: 'images||', version: '1', manifest }, engine: 'auto', workers: 2, log: createLogger({ level: 'silent', format: 'json' }), entry });
while (pool.pids.length < 2) await setTimeout(5);
const picture = { dtype: 'uint8', shape: [1, 1, 1, 3], data: Uint8Array.of(Number(order), 0, 0) };
const calls = [1, 2].map(() => pool.run(new Map([['inputs', picture]]), ['first'], { signal: new AbortController().signal, deadlineAtMs: null }));
if (order === '1') await Promise.all(calls);
process.stdout.write(`${pool.pids.join(' ')}\n`);
await Promise.all(calls);
await setTimeout(1_000_000);
