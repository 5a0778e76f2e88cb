import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { execute, makeSandbox, ROOT } from './sandbox.js';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

describe('Dockerfile.gpu', () => {
  const instructions = readInstructions();
  const stage = (name: string): string[] => {
    const start = instructions.findIndex((line) => line.startsWith('FROM ') && line.endsWith(` AS ${name}`));
    if (start < 0) throw new Error(`no stage ${name}`);
    const rest = instructions.slice(start + 1);
    const end = rest.findIndex((line) => line.startsWith('FROM '));
    return end < 0 ? rest : rest.slice(0, end);
  };

  test.each(['cpu', 'gpu'])('target %s runs as a user who is not root, under tini, with a health check', (target) => {
    const lines = stage(target);
    expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER sightline']);
    expect(lines).toContain('ENTRYPOINT ["tini", "--", "node", "/app/bin/sightline.js"]');
    expect(lines.at(-1)).toBe('CMD ["serve"]');
    expect(lines.some((line) => line.startsWith('HEALTHCHECK ') && line.endsWith('CMD ["node", "/app/scripts/docker/healthcheck.mjs"]'))).toBe(true);
  });

  test('does nothing by itself that is not a script of the checkout', () => {
    const commands = instructions.filter((line) => line.startsWith('RUN ')).map((line) => line.slice(4));
    const inline = commands.filter((command) => !/^(scripts\/docker\/|\/tmp\/runtime\.sh$|node scripts\/setup\.mjs )/.test(command));
    expect(inline).toEqual(['ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm']);
    const scripts = commands.flatMap((command) => /scripts\/[\w/.-]+/.exec(command) ?? []);
    for (const script of scripts) expect(existsSync(join(ROOT, script)), script).toBe(true);
  });

  test('copies only from stages that it has, and what the checkout has', () => {
    const stages = new Set(instructions.flatMap((line) => / AS (\S+)$/.exec(line)?.[1] ?? []));
    for (const line of instructions.filter((candidate) => candidate.startsWith('COPY '))) {
      const from = /--from=(\S+)/.exec(line)?.[1];
      if (from !== undefined) expect(stages).toContain(from);
      else for (const source of line.split(' ').slice(1, -1)) expect(existsSync(join(ROOT, source)), source).toBe(true);
    }
  });

  test('leaves out of its context what the checkout does not track', () => {
    const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
    expect(ignored).toEqual(expect.arrayContaining(['**/node_modules', 'dist', '.git', '.cache', 'models']));
  });
});

describe('the steps of the images', () => {
  test('runtime.sh installs what the service runs with, and makes its user', async () => {
    const sandbox = makeSandbox();
    closers.push(sandbox.close);
    for (const program of ['apt-get', 'useradd']) sandbox.standIn(program, `echo "${program} $*" >> "$CALLS"`);
    // It clears the package lists of the image, which are not to be touched here.
    sandbox.standIn('remove', 'echo "rm $*" >> "$CALLS"');
    rmSync(join(sandbox.root, '.path/rm'));
    symlinkSync(join(sandbox.root, '.path/remove'), join(sandbox.root, '.path/rm'));
    const outcome = await execute('/bin/sh', [join(sandbox.root, 'scripts/docker/runtime.sh')], sandbox.root, { PATH: join(sandbox.root, '.path'), CALLS: join(sandbox.root, '.calls') });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(sandbox.calls()).toEqual([
      'apt-get update',
      expect.stringMatching(/^apt-get install -y --no-install-recommends .*\bffmpeg\b.*\btini\b.*\blibcairo2\b/) as string,
      expect.stringMatching(/^rm -rf \/var\/lib\/apt\/lists\//) as string,
      expect.stringMatching(/^useradd .*\bsightline$/) as string,
    ]);
  });

  test('build.sh leaves what runs, and nothing that only building needs', { timeout: 180_000 }, async () => {
    const copy = mkdtempSync(join(tmpdir(), 'sightline-image-'));
    closers.push(() => {
      rmSync(copy, { recursive: true, force: true });
    });
    const left = new Set(['.git', '.cache', 'test', 'bench', 'coverage', 'models']);
    for (const entry of readdirSync(ROOT)) {
      if (!left.has(entry) && !entry.startsWith('dist.')) await execute('cp', ['-a', join(ROOT, entry), copy], ROOT, process.env);
    }
    const built = await execute('/bin/sh', [join(copy, 'scripts/docker/build.sh')], copy, process.env);
    expect(built.stderr.split('\n').filter((line) => line !== '' && line !== 'building' && !line.startsWith('npm warn'))).toEqual([]);
    expect(built.code).toBe(0);
    for (const gone of ['typescript', 'vite', 'vitest', 'eslint']) expect(existsSync(join(copy, 'node_modules', gone)), gone).toBe(false);
    expect(await execute('/bin/sh', [join(copy, 'scripts/docker/verify.sh')], copy, process.env)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string });
  });

  test('verify.sh fails where canvas does not load', async () => {
    const sandbox = makeSandbox();
    closers.push(sandbox.close);
    for (const program of ['ffmpeg', 'ffprobe']) sandbox.standIn(program, 'exit 0');
    symlinkSync(process.execPath, join(sandbox.root, '.path/node'));
    const outcome = await execute('/bin/sh', [join(sandbox.root, 'scripts/docker/verify.sh')], sandbox.root, { PATH: join(sandbox.root, '.path') });
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain("Cannot find module 'canvas'");
  });

  test.each([
    { status: 200, code: 0 },
    { status: 503, code: 1 },
  ])('healthcheck.mjs exits with $code when /healthz answers $status', async ({ status, code }) => {
    const { port, requests } = await answer((path) => (path === '/healthz' ? { status, body: '' } : { status: 404, body: '' }));
    expect((await runHealthcheck(port)).code).toBe(code);
    expect(requests).toEqual(['/healthz']);
  });

  test('healthcheck.mjs exits with 1 when nobody answers', async () => {
    const { port, server } = await answer(() => ({ status: 200, body: '' }));
    await closeServer(server);
    expect((await runHealthcheck(port)).code).toBe(1);
  });
});

type Service = {
  command?: string[];
  environment?: Record<string, string>;
  volumes?: { source: string; target: string; read_only?: boolean }[];
  ports?: string[];
  network_mode?: string;
  build?: { dockerfile: string; target: string };
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  deploy?: { resources: { reservations: { devices: { capabilities: string[] }[] } } };
};

describe('compose.yaml', () => {
  const { serving, sightline } = (parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8')) as { services: { serving: Service; sightline: Service } }).services;

  test('refuses to start without MODEL_DIR and says what it is', () => {
    const source = serving.volumes?.[0]?.source ?? '';
    expect(source).toMatch(/^\$\{MODEL_DIR:\?.*SavedModel.*\}$/);
    // Compose writes its variables as the shell does: what the shell says about it is what people will read.
    const expand = (env: Record<string, string>): ReturnType<typeof spawnSync> => spawnSync('sh', ['-c', `printf %s "${source}"`], { env, encoding: 'utf8' });
    expect(expand({}).status).not.toBe(0);
    expect(expand({}).stderr).toContain('set MODEL_DIR to the folder');
    expect(expand({ MODEL_DIR: '/models' }).stdout).toBe('/models');
  });

  test('serves the model under the name that the service asks for', () => {
    const name = serving.environment?.['MODEL_NAME'] ?? '';
    expect(serving.volumes?.[0]).toMatchObject({ target: `/models/${name}`, read_only: true });
    expect(sightline.command).toEqual(expect.arrayContaining(['--backend', '127.0.0.1:8500', '--model', name]));
  });

  test('keeps both on loopback', () => {
    expect(serving.ports).toEqual(['127.0.0.1:8500:8500']);
    expect(sightline.network_mode).toBe('host');
    expect(sightline.ports).toBeUndefined();
  });

  test('gives the GPU to TensorFlow Serving and waits for its model', () => {
    expect(serving.deploy?.resources.reservations.devices[0]?.capabilities).toEqual(['gpu']);
    expect(sightline.depends_on).toEqual({ serving: { condition: 'service_healthy' } });
    expect(sightline.build).toMatchObject({ dockerfile: 'Dockerfile.gpu', target: 'cpu' });
  });

  test.each([
    { title: 'AVAILABLE', body: '{"model_version_status":[{"version":"1","state":"AVAILABLE"}]}', healthy: true },
    { title: 'LOADING', body: '{"model_version_status":[{"version":"1","state":"LOADING"}]}', healthy: false },
  ])('calls TensorFlow Serving healthy by its model: $title', async ({ body, healthy }) => {
    const { port, requests } = await answer((path) => (path === '/v1/models/mine' ? { status: 200, body } : { status: 404, body: '' }));
    const [, program = '', ...args] = (serving.healthcheck?.test ?? []).map((part) => part.replaceAll('$$', '$').replace('8501', String(port)));
    const outcome = await execute(program, args, ROOT, { ...process.env, MODEL_NAME: 'mine' });
    expect(outcome.code === 0).toBe(healthy);
    expect(requests).toEqual(['/v1/models/mine']);
  });
});

function readInstructions(): string[] {
  return readFileSync(join(ROOT, 'Dockerfile.gpu'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

function runHealthcheck(port: number): ReturnType<typeof execute> {
  return execute(process.execPath, [join(ROOT, 'scripts/docker/healthcheck.mjs')], ROOT, { ...process.env, SIGHTLINE_SERVER_PORT: String(port) });
}

/** An HTTP server on loopback that answers as told and keeps the paths it was asked for. */
async function answer(respond: (path: string) => { status: number; body: string }): Promise<{ port: number; requests: string[]; server: Server }> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const { status, body } = respond(path);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => closeServer(server));
  return { port: (server.address() as AddressInfo).port, requests, server };
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}
