import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DetectionRecord } from '../../src/core/detection-record.js';
import type { ClassScore } from '../../src/core/frames.js';
import { decodeMask } from '../../src/core/mask-runs.js';
import { encodeOnnxModel } from '../../src/model-server/export/onnx/onnx-codec.js';
import type { OnnxModel } from '../../src/model-server/export/onnx/onnx-model.js';
import { colourClassifier } from '../fixtures/models/colour-classifier.js';
import { yoloModel } from '../fixtures/models/yolo-model.js';
import { generated } from '../helpers/clips.js';
import { Command, runCommand, type CommandEnd } from '../helpers/command.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';

type Line = { readonly detections: readonly DetectionRecord[]; readonly classes?: readonly ClassScore[] };

let folder = '';
let picture = '';
const sightline = (args: readonly string[]): Promise<CommandEnd> => runCommand(args, { cwd: folder, env: { SIGHTLINE_CACHE_DIR: join(folder, 'cache') } });

/** Exports an ONNX file as anybody would, with no option but its name. */
async function exported(name: string, model: OnnxModel): Promise<void> {
  await writeFile(join(folder, `${name}.onnx`), encodeOnnxModel(model));
  expect(await sightline(['model', 'export', `${name}.onnx`])).toMatchObject({ exitCode: 0, stderr: '' });
}

async function seen(model: string): Promise<Line> {
  const { exitCode, stdout, stderr } = await sightline(['detect', picture, '--model-dir', 'models', '--model', model, '--threshold', '0.9']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return JSON.parse(stdout) as Line;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-own-models-'));
  // Black, but for a red square of 16x16 at 16,24.
  picture = await generated('red-square-on-black-64.png', ['-f', 'lavfi', '-i', 'color=black:s=64x64,format=rgb24,drawbox=x=16:y=24:w=16:h=16:color=red:t=fill', '-frames:v', '1']);
  await exported('segments', yoloModel({ masks: true, metadata: true }));
  await exported('poses', yoloModel({ keypoints: true, metadata: true }));
  await exported('colours', colourClassifier());
});
afterAll(() => rm(folder, { recursive: true }));

describe('a model of one\'s own, exported and served by the embedded server', () => {
  it('that segments gives the mask of what it found', async () => {
    const [found, ...others] = (await seen('segments')).detections;
    expect(others).toEqual([]);
    expect(found).toMatchObject({ label: 'red square', box: [16, 24, 32, 40] });
    const mask = found?.mask === undefined ? null : decodeMask(found.mask);
    // Where the whole square is bright, the whole box is the object.
    expect(mask === null ? 0 : mask.data.reduce((sum, value) => sum + value, 0) / mask.data.length).toBeGreaterThan(0.8);
  });

  it('that knows poses gives the points of what it found', async () => {
    expect((await seen('poses')).detections).toMatchObject([{ label: 'red square', box: [16, 24, 32, 40], keypoints: [[24, 32, 1], [32, 24, 0.25]] }]);
  });

  it('that classifies says what the frames of a stream show, in their headers', async () => {
    const streams = await mkdtemp(join(folder, 'streams-'));
    await writeFile(join(streams, 'red.yaml'), `source: ${await generated('red-64.mp4', ['-f', 'lavfi', '-i', 'color=red:s=64x64:r=10', '-t', '2'])}\nmode: live\nloop: true\nthresholds: { '*': 0.1 }\n`);
    const command = new Command(['serve', '--port', '0', '--streams', streams, '--model-dir', 'models', '--model', 'colours'], { cwd: folder, env: { SIGHTLINE_CACHE_DIR: join(folder, 'cache') } });
    try {
      const viewer = await TestViewer.connect(Number(new URL(await command.url(60_000)).port));
      viewer.acknowledges = true;
      viewer.send({ type: 'subscribe', stream: 'red' });
      const header = await until(() => viewer.frames.find((frame) => frame.header.model !== null)?.header ?? null, { timeoutMs: 30_000, what: 'a classified frame' });
      expect(header).toMatchObject({ model: { name: 'colours', version: '1' }, detections: [] });
      expect(header.classes?.[0]?.score).toBeGreaterThan(0.99);
    } finally {
      await command.kill();
    }
  });
});
