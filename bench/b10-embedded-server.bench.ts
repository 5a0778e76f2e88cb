import { cacheDir } from '../src/config/cache-dir.js';
import type { EngineName, LoadedServable } from '../src/model-server/engines/engine.js';
import { chooseEngine } from '../src/model-server/engines/load-engine.js';
import { startModelServer, type ModelServer } from '../src/model-server/model-server.js';
import { readServable } from '../src/model-server/store/read-servable.js';
import { ServingClient } from '../src/serving/serving-client.js';
import type { Tensor } from '../src/serving/tensor.js';
import { createLogger } from '../src/telemetry/logger.js';
import { residentBytes } from '../test/helpers/processes.js';
import { until } from '../test/helpers/until.js';
import { measure, type Benchmark, type BenchmarkContext, type Contender, type PreparedBenchmark, type Sample } from './harness/benchmark.js';
import { importNative } from './inputs/native-importer.js';

const SIDE_PX = 512;
/** Images under way for each process, as the service has them: one that is computed and one that waits. */
const IN_FLIGHT = 2;
const DEADLINE_MS = 120_000;
const BATCH = 8;
const log = createLogger({ level: 'silent', format: 'json' });

/** The embedded server on the default model, over gRPC on loopback, by engine and number of processes; beside it the same engine called in this process, all cores its own. */
export const benchmark: Benchmark = {
  id: 'B10',
  name: 'embedded server',
  what: 'images a second of the default model, 512x512 uint8 over gRPC, against the engine in process and against WebAssembly',
  prepare,
};

type Served = { readonly server: ModelServer; readonly client: ServingClient; readonly readySeconds: number };

async function prepare({ quick }: BenchmarkContext): Promise<PreparedBenchmark> {
  const images = quick ? 16 : 64;
  const servable = await readServable('default', null, { cacheDir: cacheDir(), log });
  const engine = await chooseEngine('onnxruntime', servable, log, importNative);
  const [one, two, wasm] = [await serve('onnxruntime', 1), await serve('onnxruntime', 2), await serve('wasm', 1)];
  const models = new Map<number, LoadedServable>();
  for (const threads of [1, 2]) models.set(threads, await engine.load(servable, { threads }));
  const inProcess = (threads: number, batch: number): Contender => ({ name: `in process, ${String(threads)} thread${threads === 1 ? '' : 's'}, batch ${String(batch)}`, run: () => runInProcess(models.get(threads), images, batch) });
  return {
    contenders: [
      inProcess(1, 1),
      inProcess(2, 1),
      inProcess(2, BATCH),
      { name: '1 process over gRPC, batch 1', run: () => runOverGrpc(one, images, 1) },
      { name: `1 process over gRPC, batch ${String(BATCH)}`, run: () => runOverGrpc(one, images, BATCH) },
      { name: '2 processes over gRPC, batch 1', run: () => runOverGrpc(two, images, 1) },
      { name: `2 processes over gRPC, batch ${String(BATCH)}`, run: () => runOverGrpc(two, images, BATCH) },
      { name: 'wasm over gRPC, batch 1', run: () => runOverGrpc(wasm, images / 4, 1) },
    ],
    goals: [
      { metric: 'itemsPerSecond', ours: '1 process over gRPC, batch 1', peer: 'in process, 2 threads, batch 1', direction: 'at-least', base: 0.85, moonshot: 0.95, failsBeyond: 0.5 },
      { metric: 'itemsPerSecond', ours: `1 process over gRPC, batch ${String(BATCH)}`, peer: `in process, 2 threads, batch ${String(BATCH)}`, direction: 'at-least', base: 0.85, moonshot: 0.95, failsBeyond: 0.5 },
      { metric: 'itemsPerSecond', ours: '2 processes over gRPC, batch 1', peer: 'in process, 2 threads, batch 1', direction: 'at-least', base: 0.85, moonshot: 1, failsBeyond: 0.5 },
      { metric: 'itemsPerSecond', ours: `2 processes over gRPC, batch ${String(BATCH)}`, peer: `in process, 2 threads, batch ${String(BATCH)}`, direction: 'at-least', base: 0.85, moonshot: 1, failsBeyond: 0.5 },
      { metric: 'itemsPerSecond', ours: '2 processes over gRPC, batch 1', peer: 'wasm over gRPC, batch 1', direction: 'at-least', base: 5, moonshot: 8, failsBeyond: 2 },
    ],
    close: async () => {
      for (const { client, server } of [one, two, wasm]) {
        await client.close();
        await server.close();
      }
      for (const model of models.values()) await model.close();
    },
  };
}

async function serve(engine: EngineName, workers: number): Promise<Served> {
  const startMs = performance.now();
  const server = await startModelServer({ port: 'auto', modelBasePath: null, cacheDir: cacheDir(), engine, workers, log });
  const readySeconds = (performance.now() - startMs) / 1000;
  await until(() => server.enginePids.length === workers, { timeoutMs: 60_000, what: 'all processes' });
  return { server, client: new ServingClient({ endpoint: `127.0.0.1:${String(server.port)}` }), readySeconds };
}

async function runInProcess(model: LoadedServable | undefined, images: number, batch: number): Promise<Sample> {
  if (model === undefined) throw new Error('not loaded');
  const outputs = [...model.signature.outputs.keys()];
  return measure(async () => {
    for (let done = 0; done < images; done += batch) await model.run(new Map([['inputs', pictures(batch)]]), outputs);
    return images;
  });
}

async function runOverGrpc({ server, client, readySeconds }: Served, images: number, batch: number): Promise<Sample> {
  let left = images / batch;
  const sample = await measure(async () => {
    await Promise.all(Array.from({ length: batch === 1 ? IN_FLIGHT * server.enginePids.length : IN_FLIGHT }, async () => {
      while (left > 0) {
        left -= 1;
        await client.predict({ model: { name: 'default' }, inputs: { inputs: pictures(batch) } }, { deadlineMs: DEADLINE_MS });
      }
    }));
    return images;
  });
  const resident = (await Promise.all(server.enginePids.map(residentBytes))).reduce((sum, bytes) => sum + bytes, 0);
  return { ...sample, figures: { 'MB resident in engine processes': resident / 2 ** 20, 's to ready': readySeconds } };
}

/** Grey noise: what is on a picture takes no part in how long it takes. */
function pictures(count: number): Tensor {
  const data = new Uint8Array(count * SIDE_PX * SIDE_PX * 3);
  for (let index = 0; index < data.length; index += 7) data[index] = index & 255;
  return { dtype: 'uint8', shape: [count, SIDE_PX, SIDE_PX, 3], data };
}
