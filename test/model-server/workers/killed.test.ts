import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { ServingUnavailableError } from '../../../src/core/errors.js';
import { startModelServer, type ModelServer } from '../../../src/model-server/model-server.js';
import { ServingClient, type PredictResult } from '../../../src/serving/serving-client.js';
import { createLogger } from '../../../src/telemetry/logger.js';
import { isAlive } from '../../helpers/processes.js';
import { until } from '../../helpers/until.js';
import { ORDERS, pictures } from './pool-rig.js';

const STAND_IN = fileURLToPath(new URL('stand-in-engine.mjs', import.meta.url));
const PARENT = fileURLToPath(new URL('pool-parent.mjs', import.meta.url));
const log = createLogger({ level: 'silent', format: 'json' });
const soon = { deadlineMs: 20_000 };

let server: ModelServer | null = null;
let client: ServingClient | null = null;
afterEach(async () => {
  await client?.close();
  await server?.close();
});

async function serve(firstDelay: number): Promise<{ server: ModelServer; client: ServingClient; predict: (value: number) => Promise<PredictResult> }> {
  server = await startModelServer({ port: 'auto', modelBasePath: null, cacheDir: null, entry: STAND_IN, workers: 1, timesMs: { firstDelay }, log });
  const own = (client = new ServingClient({ endpoint: `127.0.0.1:${String(server.port)}` }));
  return { server, client: own, predict: (value) => own.predict({ model: { name: 'default' }, inputs: { inputs: pictures([value]) } }, soon) };
}

describe('a model server whose engine process is killed', () => {
  it('fails the call that was computed as UNAVAILABLE, and computes the next at the same port', async () => {
    const { server: running, predict } = await serve(20);
    const error = await predict(ORDERS.kill).catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(ServingUnavailableError);
    expect(error).toMatchObject({ reached: true, message: expect.stringContaining('The engine process ended while it computed (SIGKILL)') as string });
    await until(() => running.enginePids.length === 1);
    expect([...((await predict(7)).outputs.get('first')?.data as Float32Array)]).toEqual([7]);
  });

  it('says that its model is loading and that it does not serve, and refuses calls at once', async () => {
    const { server: running, client: own, predict } = await serve(60_000);
    expect(await own.checkHealth(soon)).toBe('serving');
    process.kill(running.enginePids[0] ?? 0, 'SIGKILL');
    await until(() => running.enginePids.length === 0);
    expect(await own.getModelStatus({ name: 'default' }, soon)).toEqual([{ version: '1', state: 'LOADING', errorCode: 0, errorMessage: '' }]);
    expect(await own.checkHealth(soon)).toBe('not-serving');
    const error = await predict(7).catch((refusal: unknown) => refusal);
    expect(error).toBeInstanceOf(ServingUnavailableError);
    expect(error).toMatchObject({ reached: false, message: expect.stringContaining('No engine process is running') as string });
    expect((await own.getModelMetadata({ name: 'default' }, soon)).signatures.get('serving_default')?.inputs.has('inputs')).toBe(true);
  });
});

describe('engine processes whose server is killed', () => {
  it.each([
    ['that wait', 1, process.env['PATH'] ?? ''],
    ['that wait, where setpriv is missing', 1, '/nowhere'],
    ['that compute', ORDERS.loop, process.env['PATH'] ?? ''],
  ])('%s are gone with it', async (_what, order, path) => {
    if (order === ORDERS.loop && process.platform !== 'linux') return;
    const parent = spawn(process.execPath, [PARENT, STAND_IN, String(order)], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, PATH: path } });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pids = output.toString().trim().split(' ').map(Number);
    expect(pids).toHaveLength(2);
    expect(await Promise.all(pids.map(isAlive))).toEqual([true, true]);
    parent.kill('SIGKILL');
    await once(parent, 'close');
    await until(async () => !(await Promise.all(pids.map(isAlive))).includes(true), { what: 'the end of the engine processes' });
  });
});
