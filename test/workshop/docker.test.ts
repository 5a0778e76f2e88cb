import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startAnsweringServer } from './answering-server.js';
import { execute, makeSandbox, ROOT, type Outcome, type Sandbox } from './sandbox.js';

const LIBRARIES = 'node_modules/onnxruntime-node/bin/napi-v6';

const closers: (() => void | Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
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
    const copy = makeFolder();
    const left = new Set(['.git', '.cache', 'test', 'bench', 'coverage', 'models']);
    for (const entry of readdirSync(ROOT)) {
      // Where node_modules is a link, what it leads to is copied: packages are removed below.
      if (!left.has(entry) && !entry.startsWith('dist.')) await execute('cp', ['-a', realpathSync(join(ROOT, entry)), copy], ROOT, process.env);
    }
    const built = await execute('/bin/sh', [join(copy, 'scripts/docker/build.sh')], copy, process.env);
    expect(built.stderr.split('\n').filter((line) => line !== '' && line !== 'building' && !line.startsWith('npm warn'))).toEqual([]);
    expect(built.code).toBe(0);
    for (const gone of ['typescript', 'vite', 'vitest', 'eslint']) expect(existsSync(join(copy, 'node_modules', gone)), gone).toBe(false);
    const libraries = join(copy, LIBRARIES);
    expect(readdirSync(libraries).flatMap((platform) => readdirSync(join(libraries, platform)).map((arch) => `${platform}/${arch}`))).toEqual([`${process.platform}/${process.arch}`]);
    expect(await execute('/bin/sh', [join(copy, 'scripts/docker/verify.sh')], copy, process.env)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string });
  });

  test.each([
    { missing: 'canvas', there: [] },
    { missing: 'onnxruntime-node', there: ['canvas'] },
    { missing: '@tensorflow/tfjs-node-gpu', there: ['canvas', 'onnxruntime-node'] },
  ])('verify.sh fails where $missing does not load', async ({ missing, there }) => {
    const sandbox = sandboxWithNode();
    for (const program of ['ffmpeg', 'ffprobe']) sandbox.standIn(program, 'exit 0');
    for (const name of there) sandbox.write(`node_modules/${name}/index.js`, 'exports.createCanvas = () => ({ toBuffer: () => null });');
    const outcome = await runStep(sandbox, 'verify.sh', ['@tensorflow/tfjs-node-gpu']);
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain(`Cannot find module '${missing}'`);
  });

  test.each([
    { status: 200, code: 0 },
    { status: 503, code: 1 },
  ])('healthcheck.mjs exits with $code when /healthz answers $status', async ({ status, code }) => {
    const { port, requests, close } = await startAnsweringServer((path) => (path === '/healthz' ? { status, body: '' } : { status: 404, body: '' }));
    closers.push(close);
    expect((await runHealthcheck(port)).code).toBe(code);
    expect(requests).toEqual(['/healthz']);
  });

  test('healthcheck.mjs exits with 1 when nobody answers', async () => {
    const { port, close } = await startAnsweringServer(() => ({ status: 200, body: '' }));
    await close();
    expect((await runHealthcheck(port)).code).toBe(1);
  });
});

describe('install-cuda-provider.sh', () => {
  const folder = `${LIBRARIES}/linux/x64`;
  // As onnxruntime-node's own: it reads what to install from the environment, and ends with a rejected promise where it cannot.
  const installer = (libraries: readonly string[]): string => `
    const { appendFileSync, mkdirSync, writeFileSync } = require('node:fs');
    appendFileSync(process.env.CALLS, 'install ' + process.env.ONNXRUNTIME_NODE_INSTALL + '\\n');
    const folder = require('node:path').join(__dirname, '../bin/napi-v6/linux/x64');
    mkdirSync(folder, { recursive: true });
    for (const name of ${JSON.stringify(libraries)}) writeFileSync(folder + '/libonnxruntime_providers_' + name + '.so', '');`;

  test("has the package's own script fetch it, and leaves TensorRT's away", async () => {
    const sandbox = sandboxWithNode();
    sandbox.write('node_modules/onnxruntime-node/script/install.js', installer(['shared', 'cuda', 'tensorrt']));
    expect(await runStep(sandbox, 'install-cuda-provider.sh')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(sandbox.calls()).toEqual(['install cuda12']);
    expect(readdirSync(join(sandbox.root, folder)).sort()).toEqual(['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so']);
  });

  test('fails, naming the file, where the script ends without it', async () => {
    const sandbox = sandboxWithNode();
    sandbox.write('node_modules/onnxruntime-node/script/install.js', installer(['shared']));
    expect(await runStep(sandbox, 'install-cuda-provider.sh')).toMatchObject({ code: 1, stderr: `onnxruntime-node's install script ended without ${folder}/libonnxruntime_providers_cuda.so\n` });
  });

  test('fails where the script fails', async () => {
    const sandbox = sandboxWithNode();
    sandbox.write('node_modules/onnxruntime-node/script/install.js', "void Promise.reject(new Error('NuGet does not answer'));");
    const outcome = await runStep(sandbox, 'install-cuda-provider.sh');
    expect(outcome.code).not.toBe(0);
    expect(outcome.stderr).toContain('NuGet does not answer');
  });
});

// The loader of Linux is asked itself.
describe.skipIf(process.platform !== 'linux')('verify-libraries.sh', () => {
  const binding = join(ROOT, LIBRARIES, process.platform, process.arch, 'onnxruntime_binding.node');
  const verify = (...libraries: string[]): Promise<Outcome> => execute('/bin/sh', [join(ROOT, 'scripts/docker/verify-libraries.sh'), ...libraries], ROOT, process.env);

  test('is content with libraries that find all they need', async () => {
    expect(await verify(binding, 'libstdc++.so.6')).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('names each library that is not there, and what to do', async () => {
    const { code, stderr } = await verify('libstdc++.so.6', 'libcudnn.so.4711', 'libcufft.so.4711');
    expect(code).toBe(1);
    const lines = stderr.trimEnd().split('\n');
    expect(lines.filter((line) => line.endsWith(' does not load in this image:'))).toEqual(['libcudnn.so.4711 does not load in this image:', 'libcufft.so.4711 does not load in this image:']);
    expect(lines.at(-1)).toMatch(/^take a base image .*--build-arg CUDA_IMAGE=/);
  });

  test.each([
    { title: 'fails where a library lacks one that it is linked against', needs: 'libcudart.so.4711', code: 1 },
    { title: 'does not ask for the driver, which is the host\'s', needs: 'libcuda.so.1', code: 0 },
  ])('$title', async ({ needs, code }) => {
    // Away from its library, and linked against another name: as long as the old one, or shorter.
    const copy = join(makeFolder(), 'provider.so');
    copyFileSync(binding, copy);
    const name = Buffer.from('libonnxruntime.so.1\0');
    const bytes = readFileSync(copy);
    expect(bytes.includes(name)).toBe(true);
    for (let at = bytes.indexOf(name); at >= 0; at = bytes.indexOf(name, at)) bytes.fill(0, at, at + name.length).write(needs, at, 'latin1');
    writeFileSync(copy, bytes);
    const outcome = await verify(copy);
    expect(outcome.code).toBe(code);
    if (code === 0) expect(outcome.stderr).toBe('');
    else expect(outcome.stderr).toMatch(/^\S+ does not load in this image:\n\s*libcudart\.so\.4711 => not found\n/);
  });
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sightline-image-'));
  closers.push(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

function sandboxWithNode(): Sandbox {
  const sandbox = makeSandbox();
  closers.push(sandbox.close);
  symlinkSync(process.execPath, join(sandbox.root, '.path/node'));
  return sandbox;
}

function runStep(sandbox: Sandbox, step: string, args: readonly string[] = []): Promise<Outcome> {
  return execute('/bin/sh', [join(sandbox.root, 'scripts/docker', step), ...args], sandbox.root, { PATH: join(sandbox.root, '.path'), CALLS: join(sandbox.root, '.calls') });
}

function runHealthcheck(port: number): Promise<Outcome> {
  return execute(process.execPath, [join(ROOT, 'scripts/docker/healthcheck.mjs')], ROOT, { ...process.env, SIGHTLINE_SERVER_PORT: String(port) });
}
