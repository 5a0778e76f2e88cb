import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { serveCommand } from '../../src/cli/serve.js';
import { DEFAULTS } from '../../src/config/defaults.js';
import { startAnsweringServer } from './answering-server.js';
import { readInstructions } from './dockerfile.js';
import { execute, ROOT } from './sandbox.js';

type Mount = { readonly source: string; readonly target: string; readonly read_only?: boolean; readonly bind?: { readonly create_host_path: boolean } };
type Service = {
  readonly profiles?: readonly string[];
  readonly image?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly Mount[];
  readonly ports?: readonly string[];
  readonly network_mode?: string;
  readonly build?: { readonly dockerfile: string; readonly target: string };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly deploy?: { readonly resources: { readonly reservations: { readonly devices: readonly { readonly capabilities: readonly string[] }[] } } };
};

const MODEL = '${MODEL_NAME:-detector}';
const services = (parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8'), { merge: true }) as { readonly services: Readonly<Record<string, Service>> }).services;
const serviceOf = (name: string): Service => {
  const service = services[name];
  if (service === undefined) throw new Error(`no service ${name}`);
  return service;
};
const mountAt = (name: string, target: string): Mount | undefined => serviceOf(name).volumes?.find((mount) => mount.target === target);

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('compose.yaml', () => {
  test.each([
    { profile: 'tensorflow-serving', starts: ['tensorflow-serving', 'sightline'], withGpu: ['tensorflow-serving'] },
    { profile: 'gpu', starts: ['sightline-gpu'], withGpu: ['sightline-gpu'] },
    { profile: 'gpu-tfjs', starts: ['sightline-gpu-tfjs'], withGpu: ['sightline-gpu-tfjs'] },
    { profile: 'export', starts: ['export'], withGpu: [] },
  ])('profile $profile starts $starts, with the GPU in $withGpu', ({ profile, starts, withGpu }) => {
    // A service without a profile would start in all of them.
    const started = Object.keys(services).filter((name) => serviceOf(name).profiles?.includes(profile) !== false);
    expect(started).toEqual(starts);
    expect(started.filter((name) => serviceOf(name).deploy?.resources.reservations.devices[0]?.capabilities[0] === 'gpu')).toEqual(withGpu);
  });

  test('all of them have the same folder of models, which only the export may write to, and none makes it', () => {
    for (const name of Object.keys(services)) {
      expect(mountAt(name, '/models'), name).toMatchObject({ source: '${MODELS_DIR:-./models}', read_only: name !== 'export', bind: { create_host_path: false } });
    }
  });

  test('what is exported is what each of them serves', async () => {
    expect(serviceOf('export').command).toEqual(['model', 'export', 'default', '--out', '/models', '--name', MODEL]);
    expect(serviceOf('tensorflow-serving').environment).toEqual({ MODEL_NAME: MODEL });
    expect(serviceOf('sightline').command).toEqual(['serve', '--backend', '127.0.0.1:8500', '--model', MODEL, '--streams', '/streams']);
    for (const name of ['sightline-gpu', 'sightline-gpu-tfjs']) {
      expect(serviceOf(name).command, name).toEqual(['serve', '--model-dir', `/models/${MODEL}`, '--model', MODEL, '--streams', '/streams']);
    }
    // Compose writes its variables as the shell does.
    const expand = async (env: Record<string, string>): Promise<string> => (await execute('sh', ['-c', `printf %s "${MODEL} ${mountAt('export', '/models')?.source ?? ''}"`], ROOT, env)).stdout;
    expect(await expand({})).toBe('detector ./models');
    expect(await expand({ MODEL_NAME: 'yolo', MODELS_DIR: '/srv/models' })).toBe('yolo /srv/models');
  });

  test('each image is a target of Dockerfile.gpu, with flags that its command has', () => {
    const stages = new Set(readInstructions().flatMap((line) => / AS (\S+)$/.exec(line)?.[1] ?? []));
    const serveFlags = serveCommand().options.map(({ long }) => long);
    const targets: Record<string, string | undefined> = {};
    for (const [name, { build, image, command }] of Object.entries(services)) {
      if (build === undefined) continue;
      expect(build.dockerfile).toBe('Dockerfile.gpu');
      expect(stages).toContain(build.target);
      targets[image ?? ''] = build.target;
      if (command?.[0] === 'serve') for (const flag of command.filter((part) => part.startsWith('--'))) expect(serveFlags, `${name}: ${flag}`).toContain(flag);
    }
    expect(targets).toEqual({ sightline: 'cpu', 'sightline:gpu': 'gpu', 'sightline:gpu-tfjs': 'gpu-tfjs' });
  });

  test('keeps everything on loopback', () => {
    expect(serviceOf('tensorflow-serving').ports).toEqual(['127.0.0.1:8500:8500']);
    for (const name of ['sightline', 'sightline-gpu', 'sightline-gpu-tfjs']) {
      expect(serviceOf(name).network_mode, name).toBe('host');
      expect(serviceOf(name).ports, name).toBeUndefined();
    }
    expect(serviceOf('export').network_mode).toBe('none');
  });

  test('waits for the model of TensorFlow Serving', () => {
    expect(serviceOf('sightline').depends_on).toEqual({ 'tensorflow-serving': { condition: 'service_healthy' } });
  });

  test.each([
    { title: 'AVAILABLE', body: '{"model_version_status":[{"version":"1","state":"AVAILABLE"}]}', healthy: true },
    { title: 'LOADING', body: '{"model_version_status":[{"version":"1","state":"LOADING"}]}', healthy: false },
  ])('calls TensorFlow Serving healthy by its model: $title', async ({ body, healthy }) => {
    const { port, requests, close } = await startAnsweringServer((path) => (path === '/v1/models/mine' ? { status: 200, body } : { status: 404, body: '' }));
    closers.push(close);
    const [, program = '', ...args] = (serviceOf('tensorflow-serving').healthcheck?.test ?? []).map((part) => part.replaceAll('$$', '$').replace('8501', String(port)));
    const outcome = await execute(program, args, ROOT, { ...process.env, MODEL_NAME: 'mine' });
    expect(outcome.code === 0).toBe(healthy);
    expect(requests).toEqual(['/v1/models/mine']);
  });
});

describe('how TensorFlow Serving batches', () => {
  const mount = mountAt('tensorflow-serving', '/config/batching.pbtxt');
  const fileOf = (choice: string): string => join(ROOT, (mount?.source ?? '').replace('${BATCHING:-batching}', choice));

  test('its parameters are a file of the checkout, switched on', () => {
    expect(serviceOf('tensorflow-serving').command).toEqual(['--enable_batching=true', '--batching_parameters_file=/config/batching.pbtxt']);
    expect(mount?.source).toMatch(/\$\{BATCHING:-batching\}/);
    for (const choice of ['batching', 'no-batching']) expect(existsSync(fileOf(choice)), choice).toBe(true);
  });

  test.each([
    { choice: 'batching', largest: DEFAULTS.batching.maxBatchSize },
    { choice: 'no-batching', largest: 1 },
  ])('$choice: up to $largest pictures, in sizes that grow up to just that', ({ choice, largest }) => {
    const { values, allowed } = readBatchingParameters(fileOf(choice));
    expect([...values.keys()].sort()).toEqual(['batch_timeout_micros', 'max_batch_size', 'max_enqueued_batches', 'num_batch_threads']);
    expect(values.get('max_batch_size')).toBe(largest);
    expect(allowed).toEqual([...new Set(allowed)].sort((a, b) => a - b));
    expect(allowed.at(-1)).toBe(largest);
  });
});

/** BatchingParameters of TensorFlow Serving, in protobuf's text form: wrapped numbers, and one repeated plain one.
 * @throws on anything else */
function readBatchingParameters(path: string): { values: Map<string, number>; allowed: number[] } {
  const values = new Map<string, number>();
  const allowed: number[] = [];
  for (const line of readFileSync(path, 'utf8').split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
    const { wrapped, value, size } = /^(?:(?<wrapped>\w+) \{ value: (?<value>\d+) \}|allowed_batch_sizes: (?<size>\d+))$/u.exec(line)?.groups ?? {};
    if (wrapped !== undefined) values.set(wrapped, Number(value));
    else if (size !== undefined) allowed.push(Number(size));
    else throw new Error(`not a batching parameter: ${line}`);
  }
  return { values, allowed };
}
