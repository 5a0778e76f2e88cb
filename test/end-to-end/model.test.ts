import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeOnnxModel } from '../../src/model-server/export/onnx/onnx-codec.js';
import { yoloModel } from '../fixtures/models/yolo-model.js';
import { generated } from '../helpers/clips.js';
import { Command, runCommand, type CommandEnd } from '../helpers/command.js';
import { until } from '../helpers/until.js';

/** A module that makes onnxruntime-node a package that is not installed, as a URL. */
const NO_ONNXRUNTIME = `data:text/javascript,${encodeURIComponent(`
  import { register } from 'node:module';
  register('data:text/javascript,' + encodeURIComponent(\`export async function resolve(name, context, next) {
    if (name === 'onnxruntime-node') throw Object.assign(new Error("Cannot find package 'onnxruntime-node'"), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  }\`));
`)}`;

let folder = '';
let picture = '';
let squares = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-model-cli-'));
  // A red square of 16x16 at 16,24 on black: what the model of this test looks for.
  picture = await generated('red-square.png', ['-f', 'lavfi', '-i', 'color=black:s=64x64,format=rgb24,drawbox=x=16:y=24:w=16:h=16:color=red:t=fill', '-frames:v', '1']);
  const model = yoloModel();
  squares = join(folder, 'squares.onnx');
  await writeFile(squares, encodeOnnxModel({ ...model, graph: { ...model.graph, outputs: model.graph.outputs.map((output) => ({ ...output, shape: ['batch', 7, 49] })) } }));
  await mkdir(join(folder, 'no-streams'));
  await writeFile(join(folder, 'colours.txt'), 'rot\ngrün\nblau\n');
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const sightline = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandEnd> => runCommand(args, { cwd: folder, env: { SIGHTLINE_CACHE_DIR: join(folder, 'cache'), ...env } });

describe('sightline model', () => {
  it('exports a model, which is then inspected, tested, detected with and checked', async () => {
    await rm(join(folder, 'models'), { recursive: true, force: true });
    const exported = await sightline(['model', 'export', 'squares.onnx', '--labels', 'colours.txt', '--version', '3']);
    expect(exported).toMatchObject({ exitCode: 0, stderr: '' });
    expect(exported.stdout).toContain(`squares, version 3, in ${join(folder, 'models', 'squares', '3')}`);
    expect(exported.stdout).toMatch(/^use +object detector, input inputs \(uint8\), any batch size/mu);
    expect(exported.stdout).toMatch(/^files +model\.onnx, labels\.pbtxt$/mu);

    const inspected = await sightline(['model', 'inspect', 'models', '--json']);
    expect(inspected).toMatchObject({ exitCode: 0, stderr: '' });
    const data = JSON.parse(inspected.stdout) as { engines: { engine: string; runs: boolean; text: string }[] };
    expect(data).toMatchObject({ name: 'squares', version: '3', use: { fits: true }, labels: { 1: 'rot', 2: 'grün', 3: 'blau' }, manifest: { recipe: { output: { kind: 'yolo' } } } });
    expect(data.engines.find(({ engine }) => engine === 'wasm')).toMatchObject({ runs: false, text: expect.stringContaining('it has no') as string });

    const tested = await sightline(['model', 'test', picture, '--model-dir', 'models/squares/3', '--output', 'seen', '--threshold', '0.9']);
    expect(tested).toMatchObject({ exitCode: 0, stderr: '' });
    expect(tested.stdout).toMatch(/red-square\.png {2}64x64 {2}\d+ ms\n {2}score {2}class {2}box x1,y1 x2,y2\n {2}1\.00 {3}rot {4}16,24 32,40\n/u);
    const drawn = /drawn in (.+)\n/u.exec(tested.stdout)?.[1] ?? '';
    expect((await readFile(drawn)).subarray(0, 2).toString('hex')).toBe('ffd8');

    const detected = await sightline(['detect', picture, '--model-dir', 'models', '--threshold', '0.9']);
    expect(JSON.parse(detected.stdout)).toMatchObject({ detections: [{ classId: 1, label: 'rot', box: [16, 24, 32, 40] }] });

    const checked = await sightline(['check', '--model-dir', 'models', '--streams', 'no-streams']);
    expect(checked.stdout).toMatch(/^ok {7}engine: onnxruntime \d+\.\d+\.\d+ on CPU: first that is installed and runs this model$/mu);
  });

  it('shows a model for people, and asks a running server', async () => {
    await sightline(['model', 'export', 'squares.onnx', '--out', 'others']);
    const inspected = await sightline(['model', 'inspect', 'others/squares', '--labels', 'colours.txt']);
    expect(inspected.stdout).toMatch(/^made of +squares\.onnx \(ONNX, SHA-256 [0-9a-f]{12}…\) by sightline /mu);
    expect(inspected.stdout).toMatch(/^engines +onnxruntime +yes {2}version .*auto takes this one$/mu);
    expect(inspected.stdout).toContain('3 in colours.txt: rot, grün, blau');

    const server = new Command(['model-server', '--port=auto', '--model_name=squares', `--model_base_path=${join(folder, 'others', 'squares')}`, '--log-format=json'], { cwd: folder });
    try {
      const endpoint = await until(() => /Running gRPC ModelServer at (\S+:\d+)/u.exec(server.stderr)?.[1] ?? null, { timeoutMs: 60_000, what: 'the model server' });
      const asked = await sightline(['model', 'inspect', endpoint, '--model', 'squares', '--json']);
      expect(JSON.parse(asked.stdout)).toMatchObject({ endpoint, model: { name: 'squares', version: '1' }, versions: [{ version: '1', state: 'AVAILABLE' }], use: { fits: true }, hints: { inputSize: { widthPx: 64, heightPx: 64 } } });
      const tested = await sightline(['model', 'test', picture, '--backend', endpoint, '--model', 'squares', '--labels', 'colours.txt']);
      expect(tested.stdout).toMatch(/1\.00 {3}rot {4}16,24 32,40/u);
    } finally {
      await server.kill();
    }
  });

  it('computes with WebAssembly where onnxruntime-node is not installed', async () => {
    const env = { NODE_OPTIONS: `--import=${NO_ONNXRUNTIME}` };
    const { stdout } = await sightline(['check', '--streams', 'no-streams'], env);
    expect(stdout).toMatch(/^ok {7}engine: wasm \d+\.\d+\.\d+ on WebAssembly: onnxruntime-node is not installed, @tensorflow\/tfjs-node-gpu is not installed/mu);
    expect(stdout).toMatch(/^ok {7}backend: model default, version 1, at /mu);
  });

  it.each<[string, readonly string[], number, string]>([
    ['a source that is not there', ['export', 'nope.onnx'], 2, 'nope.onnx: cannot be read (no such file)\n'],
    ['an option that makes no sense', ['export', 'squares.onnx', '--input-size', 'big'], 2, 'Expected a size such as 640x640.'],
    ['a wish that does not fit', ['export', 'squares.onnx', '--name', 'x', '--kind', 'boxes'], 2, '--'],
    ['a label map that is not there', ['export', 'squares.onnx', '--labels', 'nope.txt'], 2, 'nope.txt: no such file\n'],
    ['neither folder nor server', ['inspect', 'nowhere'], 2, 'nowhere: no such folder, and no host:port either\n'],
    ['a server that is not there', ['inspect', '127.0.0.1:1'], 1, '127.0.0.1:1'],
    ['a picture that is not there', ['test', 'nope.jpg'], 2, 'nope.jpg: no such file\n'],
    ['a picture that is none', ['test', 'colours.txt'], 2, 'colours.txt'],
    ['a threshold that is none', ['test', 'colours.txt', '--threshold', 'high'], 2, '--threshold: expected a number from 0 to 1, got high\n'],
    ['a folder without models', ['test', 'squares.onnx', '--model-dir', 'void'], 2, ''],
    ['a command that there is not', ['import'], 2, ''],
  ])('ends with one line for %s', async (_what, args, exitCode, expected) => {
    const end = await sightline(['model', ...args]);
    expect(end).toMatchObject({ exitCode, stdout: '' });
    expect(end.stderr).toContain(expected);
    expect(end.stderr).not.toContain('    at ');
  });

  it('asks which model is meant where a folder has several', async () => {
    for (const name of ['a', 'b']) await sightline(['model', 'export', 'squares.onnx', '--out', 'several', '--name', name]);
    await mkdir(join(folder, 'several', 'notes'));
    expect(await sightline(['detect', picture, '--model-dir', 'several'])).toMatchObject({ exitCode: 2, stderr: `${join(folder, 'several')} holds the models a, b: say which one with --model NAME\n` });
    expect(await sightline(['model', 'inspect', 'several', '--model', 'c'])).toMatchObject({ exitCode: 2, stderr: 'several has no model c, only a, b\n' });
    expect(JSON.parse((await sightline(['model', 'inspect', 'several', '--model', 'b', '--json'])).stdout)).toMatchObject({ name: 'b' });
  });
});
