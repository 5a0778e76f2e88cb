import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readDockerfile, readInstructions, readStage } from './dockerfile.js';
import { ROOT } from './sandbox.js';

type Lock = { readonly packages: Readonly<Record<string, { readonly version: string }>> };
type InstallMetadata = { readonly manifests: Readonly<Record<string, object>>; readonly packages: Readonly<Record<string, { readonly versions: readonly { readonly version: string }[] }>> };

const TARGETS = ['cpu', 'gpu', 'gpu-tfjs'];
const require = createRequire(import.meta.url);
const locked = (name: string): string => (JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock).packages[`node_modules/${name}`]?.version ?? '';
const instructions = readInstructions();

describe('Dockerfile.gpu', () => {
  test.each(TARGETS)('target %s runs as a user who is not root, under tini, with a health check', (target) => {
    const lines = readStage(target);
    expect(lines.filter((line) => line.startsWith('USER '))).toEqual(['USER sightline']);
    expect(lines).toContain('ENTRYPOINT ["tini", "--", "node", "/app/bin/sightline.js"]');
    expect(lines.at(-1)).toBe('CMD ["serve"]');
    expect(lines.some((line) => line.startsWith('HEALTHCHECK ') && line.endsWith('CMD ["node", "/app/scripts/docker/healthcheck.mjs"]'))).toBe(true);
  });

  test('does nothing by itself that is not a script of the checkout', () => {
    const commands = instructions.filter((line) => line.startsWith('RUN ')).map((line) => line.slice(4));
    const inline = commands.filter((command) => !/^(scripts\/docker\/|\/tmp\/runtime\.sh$|node scripts\/setup\.mjs )/.test(command));
    expect(new Set(inline)).toEqual(new Set(['ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm']));
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

  test.each([
    { target: 'cpu', engine: undefined },
    { target: 'gpu', engine: 'onnxruntime' },
    { target: 'gpu-tfjs', engine: 'tfjs-node-gpu' },
  ])('target $target asks for the engine $engine', ({ target, engine }) => {
    const lines = readStage(target).flatMap((line) => /^ENV SIGHTLINE_BACKEND_EMBEDDED_ENGINE=(.+)$/.exec(line)?.[1] ?? []);
    expect(lines).toEqual(engine === undefined ? [] : [engine]);
  });
});

describe('the base images for GPUs', () => {
  test.each([
    { target: 'gpu', base: 'cuda', argument: 'CUDA_IMAGE', image: /^nvidia\/cuda:13\.\d+\.\d+-cudnn-runtime-ubuntu22\.04$/, names: ['libcudnn.so.9', 'libcufft.so.12'] },
    { target: 'gpu-tfjs', base: 'cuda-11', argument: 'CUDA_11_IMAGE', image: /^nvidia\/cuda:11\.8\.\d+-cudnn8-runtime-ubuntu22\.04$/, names: ['libcudart.so.11.0', 'libcudnn.so.8'] },
  ])('target $target is made of $argument, whose libraries it proves to be there', ({ target, base, argument, image, names }) => {
    expect(instructions).toContain(`FROM \${${argument}} AS ${base}`);
    expect(instructions).toContain(`FROM ${base} AS ${target}`);
    expect(instructions).toContain(`FROM ${base} AS build-${target}`);
    const given = instructions.flatMap((line) => (line.startsWith(`ARG ${argument}=`) ? [line.slice(`ARG ${argument}=`.length)] : []));
    expect(given).toEqual([expect.stringMatching(image)]);
    const proof = readStage(target).find((line) => line.startsWith('RUN scripts/docker/verify-libraries.sh ')) ?? '';
    expect(proof.split(' ')).toEqual(expect.arrayContaining(names));
  });

  // Another version may link another CUDA: look at what its provider needs (readelf -d), then at both lines.
  test('CUDA 13 was looked up for the onnxruntime-node that is locked', () => {
    const [, minor] = /onnxruntime-node (\d+\.\d+) fetches/.exec(readDockerfile()) ?? [];
    expect(locked('onnxruntime-node')).toMatch(new RegExp(`^${(minor ?? 'none').replace('.', '\\.')}\\.`));
  });

  test('tfjs-node-gpu is of the version that the other packages of TensorFlow.js are locked at', () => {
    const build = readStage('build-gpu-tfjs').find((line) => line.startsWith('RUN scripts/docker/build.sh')) ?? '';
    expect(build).toBe(`RUN scripts/docker/build.sh @tensorflow/tfjs-node-gpu@${locked('@tensorflow/tfjs-core')}`);
  });

  test("onnxruntime-node's own script fetches the provider that is then proven, of the package's version", () => {
    const { manifests, packages } = require('onnxruntime-node/script/install-metadata.js') as InstallMetadata;
    expect(Object.keys(manifests['linux/x64:cuda12'] ?? {})).toEqual(expect.arrayContaining(['./libonnxruntime_providers_shared.so', './libonnxruntime_providers_cuda.so']));
    expect(packages['nuget:linux/x64:cuda12']?.versions.map(({ version }) => version)).toEqual([locked('onnxruntime-node')]);
    const order = readStage('build-gpu').filter((line) => line.startsWith('RUN '));
    expect(order).toEqual(['RUN node scripts/setup.mjs --only modules', 'RUN scripts/docker/install-cuda-provider.sh', 'RUN scripts/docker/build.sh']);
    expect(readStage('gpu').find((line) => line.includes('verify-libraries.sh'))).toContain('/app/node_modules/onnxruntime-node/bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so');
  });
});
