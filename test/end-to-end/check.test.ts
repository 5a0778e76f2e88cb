import { createServer } from 'node:http';
import { mkdtemp, readdir, rm, symlink, writeFile, mkdir } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generated, numberedClip } from '../helpers/clips.js';
import { Command, runCommand, type CommandEnd } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { until } from '../helpers/until.js';

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-check-'));
  await mkdir(join(folder, 'streams'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

async function serving(): Promise<FakeServing> {
  const server = await new FakeServing().start();
  closers.push(() => server.close());
  return server;
}

const stream = (name: string, text: string): Promise<void> => writeFile(join(folder, 'streams', name), text);
const check = (...args: string[]): Promise<CommandEnd> => runCommand(['check', ...args], { cwd: folder });
/** Every problem is a line, and there are no stack traces. */
function problems({ stdout, stderr }: CommandEnd): string[] {
  expect(`${stdout}${stderr}`).not.toMatch(/^\s+at /mu);
  return stdout.split('\n').filter((line) => line.startsWith('problem'));
}

describe('sightline check', () => {
  it('finds nothing wrong with a stream that plays and a backend that fits', async () => {
    const { endpoint } = await serving();
    await stream('clip.yaml', `source: ${await numberedClip({ name: 'check.mp4', frames: 25 })}\n`);
    const end = await check('--backend', endpoint);
    expect(problems(end)).toEqual([]);
    expect(end).toMatchObject({ exitCode: 0, stderr: '' });
    expect(end.stdout).toMatch(/^ok {7}ffmpeg: version \d/mu);
    expect(end.stdout).toMatch(/^ok {7}stream clip: 160x96, 25 fps, 1\.0 s, replay$/mu);
    expect(end.stdout).toMatch(/^ok {7}backend: model default, version \d+, at .*: object detector, input inputs \(uint8\)/mu);
  });

  it('names every source that cannot be opened, and goes on', async () => {
    const { endpoint } = await serving();
    await stream('a.yaml', 'source: missing.mp4\n');
    await writeFile(join(folder, 'streams', 'text.mp4'), 'no video at all\n'.repeat(50));
    await stream('b.yaml', 'source: text.mp4\n');
    await stream('c.yaml', `source: ${await generated('sound.mp4', ['-f', 'lavfi', '-i', 'sine=duration=1'])}\n`);
    await stream('d.yaml', `source: ${folder}\n`);
    const end = await check('--backend', endpoint);
    expect(end.exitCode).toBe(1);
    expect(problems(end)).toHaveLength(4);
    expect(end.stdout).toMatch(/^problem {2}stream a: .*missing\.mp4.*(not there|no such file|does not exist)/imu);
    expect(end.stdout).toMatch(/^problem {2}stream b: .*text\.mp4/mu);
    expect(end.stdout).toMatch(/^problem {2}stream c: .*sound\.mp4.*no video/mu);
    expect(end.stdout).toMatch(/^problem {2}stream d: .*(folder|directory)/mu);
  });

  it('reports an unknown key and a wrong type together, with file and path', async () => {
    await writeFile(join(folder, 'sightline.yaml'), 'server: { prot: 9000 }\nbatching: { maxBatchSize: many }\n');
    const end = await check();
    expect(end.exitCode).toBe(2);
    expect(end.stdout).toMatch(/sightline\.yaml: server\.prot: .*port/u);
    expect(end.stdout).toMatch(/sightline\.yaml: batching\.maxBatchSize: .*number/u);
  });

  it('names both files that define the same stream id', async () => {
    await stream('a.yaml', 'id: door\nsource: demo:street\n');
    await stream('b.yaml', 'id: door\nsource: demo:street\n');
    const end = await check();
    expect(end.exitCode).toBe(2);
    expect(problems(end).join('\n')).toMatch(/a\.yaml/u);
    expect(problems(end).join('\n')).toMatch(/b\.yaml/u);
  });

  it('says how to install ffmpeg where it is missing', async () => {
    const programs = join(folder, 'bin');
    await mkdir(programs);
    await symlink(process.execPath, join(programs, 'node'));
    const end = await runCommand(['check', '--backend', (await serving()).endpoint], { cwd: folder, env: { PATH: programs } });
    expect(end.exitCode).toBe(1);
    expect(problems(end)[0]).toMatch(/^problem {2}ffmpeg: .*(apt-get install ffmpeg).*brew install ffmpeg/u);
  });

  it('names a model folder that is not there', async () => {
    await stream('a.yaml', `source: ${await numberedClip({ name: 'check.mp4', frames: 25 })}\n`);
    const end = await check('--model-dir', 'no/such/models');
    expect([1, 2]).toContain(end.exitCode);
    expect(problems(end).join('\n')).toContain('no/such/models');
  });

  it('names a backend that refuses', async () => {
    const server = await serving();
    await server.close();
    const end = await check('--backend', server.endpoint);
    expect(end.exitCode).toBe(1);
    expect(problems(end)).toEqual([`problem  backend: backend ${server.endpoint} refuses connections: is TensorFlow Serving running there?`]);
  });

  it('says that a backend speaks HTTP/1', async () => {
    const http = createServer((_request, response) => response.end('hello'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    closers.push(() => new Promise((resolve) => http.close(resolve)));
    const end = await check('--backend', `127.0.0.1:${String((http.address() as AddressInfo).port)}`);
    expect(end.exitCode).toBe(1);
    expect(problems(end).join('\n')).toMatch(/127\.0\.0\.1:\d+ does not speak gRPC \(HTTP\/2\)/u);
  });

  it('says what a model lacks', async () => {
    const server = await serving();
    server.script.signature = { ...server.script.signature, outputs: new Map() };
    const end = await check('--backend', server.endpoint);
    expect(end.exitCode).toBe(1);
    expect(problems(end).join('\n')).toMatch(/does not fit: it has no output detection_boxes/u);
  });
});

describe('a demo clip that is being drawn', () => {
  it.each([
    ['check', ['check']],
    ['detect', ['detect', 'demo:street', '--output', 'out.mp4']],
    ['serve', ['serve', '--port', '0']],
  ])('is given up by %s on SIGTERM: it ends with 0 and leaves no part of a file', async (_name, args) => {
    const { endpoint } = await serving();
    await stream('demo.yaml', 'source: demo:street\n');
    const cache = join(folder, 'cache');
    const command = new Command([...args, '--backend', endpoint], { cwd: folder, env: { SIGHTLINE_CACHE_DIR: cache } });
    closers.push(() => command.kill());
    await until(async () => (await readdir(cache).catch(() => [])).some((name) => name.endsWith('.partial')), { timeoutMs: 20_000 });
    const startMs = performance.now();
    command.child.kill('SIGTERM');
    expect((await command.ended()).exitCode).toBe(0);
    expect(performance.now() - startMs).toBeLessThan(5_000);
    expect(await readdir(cache)).toEqual([]);
  });
});

describe('sightline', () => {
  it.each([
    [['serv'], /unknown command 'serv'.*Did you mean serve/su],
    [['serve', '--prot', '1'], /unknown option '--prot'.*Did you mean --port/su],
    [['detect'], /missing required argument 'input'/u],
    [['detect', 'x.mp4', '--threshold', '2'], /--threshold: expected a number from 0 to 1, got 2/u],
    [['serve', '--port', 'http'], /--port: .*http/u],
  ])('refuses %j with exit code 2', async (args, message) => {
    const end = await runCommand(args, { cwd: folder });
    expect(end.exitCode).toBe(2);
    expect(end.stderr).toMatch(message);
    expect(end.stdout).toBe('');
  });

  it('tells its version and its commands', async () => {
    expect(await runCommand(['--version'])).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/u) as string });
    expect((await runCommand(['--help'])).stdout).toMatch(/serve.*detect.*check.*model-server/su);
  });
});
