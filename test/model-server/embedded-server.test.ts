import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { ClosedError, ConfigError, ServingUnavailableError } from '../../src/core/errors.js';
import { PACKAGE_ROOT } from '../../src/core/package-paths.js';
import { startEmbeddedServer, type EmbeddedServer, type EmbeddedServerOptions } from '../../src/model-server/embedded-server.js';
import { ServingClient } from '../../src/serving/serving-client.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { until } from '../helpers/until.js';

const STAND_IN = fileURLToPath(new URL('stand-in-server.mjs', import.meta.url));
const PARENT = fileURLToPath(new URL('embedded-parent.mjs', import.meta.url));
const BUILT_ENTRY = `${PACKAGE_ROOT}dist/model-server/main.js`;

type Started = { server: EmbeddedServer; states: string[]; lines: { level: number; msg: string }[] };

const running: EmbeddedServer[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

function start(modelName: string, options: Partial<EmbeddedServerOptions> = {}): Started {
  const states: string[] = [];
  const lines: { level: number; msg: string }[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as { level: number; msg: string });
      done();
    },
  });
  const server = startEmbeddedServer({
    modelBasePath: null,
    modelName,
    engine: 'wasm',
    log: createLogger({ level: 'info', format: 'json', destination }),
    onState: (state, message) => states.push(`${state}: ${message}`),
    entry: STAND_IN,
    timesMs: { firstDelay: 40, maxDelay: 200 },
    ...options,
  });
  running.push(server);
  return { server, states, lines };
}

/** Whether a process computes or waits; one that has ended but was not collected does neither. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${String(pid)}/stat`;
  return !existsSync(stat) || !/\) [ZX]/.test(readFileSync(stat, 'utf8'));
}

async function accepts(endpoint: string): Promise<boolean> {
  const socket = connect(Number(endpoint.split(':')[1]), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

function pidOf(server: EmbeddedServer): number {
  if (server.pid === null) throw new Error('no process runs');
  return server.pid;
}

describe('startEmbeddedServer', () => {
  it('gives the endpoint when the process serves, and leaves neither process nor port when closed twice', async () => {
    const { server, states } = start('ok');
    expect(server.state).toBe('starting');
    const endpoint = await server.ready;
    expect(server.state).toBe('ready');
    expect(await accepts(endpoint)).toBe(true);
    const pid = pidOf(server);
    await Promise.all([server.close(), server.close()]);
    expect(isAlive(pid)).toBe(false);
    expect(await accepts(endpoint)).toBe(false);
    expect(server.pid).toBeNull();
    expect(states.map((state) => state.split(':')[0])).toEqual(['ready', 'closed']);
  });

  it('starts a process that was killed again, on the same port', async () => {
    const { server, states } = start('ok');
    const endpoint = await server.ready;
    const first = pidOf(server);
    process.kill(first, 'SIGKILL');
    await until(() => server.state === 'restarting');
    await until(() => server.state === 'ready');
    expect(pidOf(server)).not.toBe(first);
    expect(await accepts(endpoint)).toBe(true);
    expect(states[1]).toMatch(/^restarting: the model server died \(SIGKILL\) and is started again in \d+ ms$/);
    expect(states[2]).toBe(`ready: the model server answers at ${endpoint}`);
  });

  it('waits longer after each death', async () => {
    const { server, states } = start('ok', { timesMs: { firstDelay: 100, maxDelay: 400 } });
    await server.ready;
    for (let death = 1; death <= 3; death += 1) {
      process.kill(pidOf(server), 'SIGKILL');
      await until(() => states.filter((state) => state.startsWith('restarting')).length === death);
      await until(() => server.state === 'ready');
    }
    const delays = states.flatMap((state) => /again in ([0-9]+) ms/.exec(state)?.[1] ?? []).map(Number);
    expect(delays[0]).toBeLessThan(delays[1] ?? 0);
    expect(delays[1]).toBeLessThan(delays[2] ?? 0);
    expect(delays[2]).toBeLessThanOrEqual(480);
  });

  it('keeps trying while its port is taken by somebody else', async () => {
    const { server, states } = start('ok');
    const endpoint = await server.ready;
    process.kill(pidOf(server), 'SIGKILL');
    const thief = createServer();
    await until(async () => {
      thief.listen(Number(endpoint.split(':')[1]), '127.0.0.1');
      const outcome = await Promise.race([once(thief, 'listening'), once(thief, 'error').then(() => null)]).catch(() => null);
      return outcome !== null;
    });
    await until(() => states.length >= 2);
    await new Promise((resolve) => thief.close(resolve));
    await until(() => server.state === 'ready');
    expect(await accepts(endpoint)).toBe(true);
  });

  it('reports a model that cannot be used once, and does not try again', async () => {
    const { server, states } = start('bad-model');
    await expect(server.ready).rejects.toBeInstanceOf(ConfigError);
    await expect(server.ready).rejects.toThrow(/^no such folder$/);
    expect(states).toEqual(['failed: no such folder']);
    expect(server.pid).toBeNull();
  });

  it('gives up a process that crashes three times before it ever serves, and passes its last words on', async () => {
    const { server, states, lines } = start('crash');
    await expect(server.ready).rejects.toBeInstanceOf(ServingUnavailableError);
    await expect(server.ready).rejects.toThrow('the embedded model server does not start (exit code 3: out of memory)');
    expect(states.map((state) => state.split(':')[0])).toEqual(['restarting', 'failed']);
    expect(lines.filter(({ msg }) => msg === 'out of memory').map(({ level }) => level)).toEqual([50, 50, 50]);
    expect(lines.filter(({ msg }) => msg === 'plain last words').map(({ level }) => level)).toEqual([40, 40, 40]);
  });

  it('gives up a program that is not there', async () => {
    const { server } = start('ok', { entry: '/no/such/entry.js' });
    await expect(server.ready).rejects.toThrow('the embedded model server does not start (exit code 1');
  });

  it('kills a process that does not come up', async () => {
    const { server } = start('hang', { timesMs: { firstDelay: 10, maxDelay: 10, startLimit: 150 } });
    await expect(server.ready).rejects.toThrow('(not ready within 150 ms)');
  });

  it('rejects `ready` when it is closed before', async () => {
    const { server } = start('hang');
    const pid = pidOf(server);
    await server.close();
    await expect(server.ready).rejects.toBeInstanceOf(ClosedError);
    expect(isAlive(pid)).toBe(false);
  });

  it('kills a process that ignores SIGTERM', async () => {
    const { server } = start('stubborn');
    await server.ready;
    const pid = pidOf(server);
    await server.close();
    expect(isAlive(pid)).toBe(false);
  });

  it('starts nothing any more when it is closed while it waits to restart', async () => {
    const { server, states } = start('ok', { timesMs: { firstDelay: 100 } });
    const endpoint = await server.ready;
    process.kill(pidOf(server), 'SIGKILL');
    await until(() => server.state === 'restarting');
    await server.close();
    // Twice the longest time that the restart could have waited: there is nothing to wait for.
    await new Promise((resolve) => setTimeout(resolve, 240));
    expect(states.at(-1)).toMatch(/^closed/);
    expect(await accepts(endpoint)).toBe(false);
  });
});

describe('when the service is killed', () => {
  it.each([
    ['a server that waits', 'ok', process.env['PATH'] ?? ''],
    ['a server that waits, where setpriv is missing', 'ok', '/nowhere'],
    ['a server that computes', 'busy', process.env['PATH'] ?? ''],
  ])('%s is gone with it', async (_what, modelName, path) => {
    if (modelName === 'busy' && process.platform !== 'linux') return;
    const parent = spawn(process.execPath, [PARENT, STAND_IN, modelName], { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, PATH: path } });
    const [output] = (await once(parent.stdout, 'data')) as [Buffer];
    const pid = Number(output.toString());
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'close');
    await until(() => !isAlive(pid), { timeoutMs: 5000 });
  });
});

describe('the built model server', () => {
  it('serves, survives SIGINT, comes back on its port after kill -9 and answers the same client', { timeout: 60_000 }, async () => {
    expect(existsSync(BUILT_ENTRY), `${BUILT_ENTRY} is missing: npm run build`).toBe(true);
    const { server, lines } = start('detector', { entry: BUILT_ENTRY });
    const client = new ServingClient({ endpoint: await server.ready });
    try {
      process.kill(pidOf(server), 'SIGINT');
      const predict = async (): Promise<string> => {
        const inputs = { inputs: { dtype: 'uint8', shape: [1, 8, 8, 3], data: Buffer.alloc(192) } } as const;
        return (await client.predict({ model: { name: 'detector' }, inputs }, { deadlineMs: 10_000 })).model.name;
      };
      expect(await predict()).toBe('detector');
      process.kill(pidOf(server), 'SIGKILL');
      await until(() => server.state === 'restarting');
      await until(() => server.state === 'ready', { timeoutMs: 20_000 });
      await client.waitForReady({ deadlineMs: 10_000 });
      expect(await predict()).toBe('detector');
    } finally {
      await client.close();
    }
    expect(lines.map(({ msg }) => msg)).toContain('Successfully loaded servable version {name: detector version: 1}');
    expect(lines.filter(({ msg }) => /^Running gRPC ModelServer at 127\.0\.0\.1:[0-9]+ \.\.\.$/.test(msg))).toHaveLength(2);
  });

  it('says what is wrong with its model folder and rejects', { timeout: 20_000 }, async () => {
    const { server } = start('detector', { entry: BUILT_ENTRY, modelBasePath: '/no/such/models' });
    await expect(server.ready).rejects.toThrow('Could not find base path /no/such/models for servable detector with error no such folder');
  });

  it.each([
    [{ workers: 0 }, 'expected 1 to 64 or auto, got "0"'],
    [{ memoryMb: 0 }, 'expected 1 to 1048576, got "0"'],
  ])('is told %j, and says what is wrong with it', { timeout: 20_000 }, async (options, message) => {
    await expect(start('detector', { entry: BUILT_ENTRY, ...options }).server.ready).rejects.toThrow(message);
  });

  it.each(['SIGTERM', 'SIGINT'] as const)('started by hand, ends with 0 on %s', { timeout: 20_000 }, async (signal) => {
    const child = spawn(process.execPath, [BUILT_ENTRY, '--port=auto', '--log-format=json'], { stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    await until(() => output.includes('Running gRPC ModelServer'));
    child.kill(signal);
    expect(await once(child, 'close')).toEqual([0, null]);
  });

  it.each([
    [['--port=0'], 2, '--port: expected 1 to 65535 or auto, got "0"'],
    [['--engine=cuda'], 2, '--engine: expected auto, onnxruntime, tfjs-node-gpu, tfjs-node, wasm, got "cuda"'],
    [['--engine_workers=0'], 2, '--engine_workers: expected 1 to 64 or auto, got "0"'],
    [['--engine_memory_mb=much'], 2, '--engine_memory_mb: expected 1 to 1048576, got "much"'],
    [['--model=x'], 2, "Unknown option '--model'"],
  ])('started by hand with %j, ends with %i and says why', async (args, code, message) => {
    const child = spawn(process.execPath, [BUILT_ENTRY, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    expect(await once(child, 'close')).toEqual([code, null]);
    expect(output).toContain(message);
  });
});
