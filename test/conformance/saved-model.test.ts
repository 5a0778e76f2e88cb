import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { VideoFrame } from '../../src/core/frames.js';
import { BackendPool } from '../../src/detection/pool/backend-pool.js';
import { ServingClient } from '../../src/serving/serving-client.js';
import { testFrame } from '../helpers/frames.js';
import { until } from '../helpers/until.js';
import { conformancePython, scriptPath } from './python.js';
import { poolOptions } from '../helpers/pool-options.js';

type Computed = Readonly<Record<string, { readonly shape: readonly number[]; readonly bytes: string }>>;
type Started = { readonly port: number; readonly each: readonly Computed[]; readonly all: Computed };

const SIZE = { widthPx: 64, heightPx: 48 };
const FRAMES = 3;
const CALL = { deadlineMs: 20_000 };

describe('a SavedModel that TensorFlow runs, behind the official stubs', () => {
  let folder: string;
  let server: ChildProcess;
  let started: Started;
  const frames = Array.from({ length: FRAMES }, (_, seq) => pictureFrame(seq));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sightline-saved-model-'));
    server = spawn(conformancePython(), [scriptPath('saved_model_server.py'), folder, String(SIZE.heightPx), String(SIZE.widthPx)], { stdio: ['pipe', 'pipe', 'inherit'] });
    server.stdin?.end(Buffer.concat(frames.map(({ modelInput }) => modelInput.data)));
    if (server.stdout === null) throw new Error('no output');
    const ended = once(server, 'exit').then(() => null);
    const first = await Promise.race([once(createInterface(server.stdout), 'line'), ended]);
    if (first === null) throw new Error(`saved_model_server.py ended with ${String(server.exitCode ?? server.signalCode)} before it served`);
    started = JSON.parse(first[0] as string) as Started;
  }, 120_000);
  afterAll(async () => {
    if (server.exitCode === null && server.signalCode === null) {
      const ended = once(server, 'close');
      server.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true });
  });

  test('tells our client its state and the signature that was saved with it', async () => {
    const client = new ServingClient({ endpoint: `127.0.0.1:${String(started.port)}` });
    try {
      expect(await client.getModelStatus({ name: 'detector' }, CALL)).toEqual([{ version: '42', state: 'AVAILABLE', errorCode: 0, errorMessage: '' }]);
      const { model, signatures } = await client.getModelMetadata({ name: 'detector' }, CALL);
      expect(model).toEqual({ name: 'detector', version: '42' });
      const signature = signatures.get('serving_default');
      expect(signature?.methodName).toBe('tensorflow/serving/predict');
      expect(signature?.inputs).toEqual(new Map([['input_tensor', { name: 'serving_default_input_tensor:0', dtype: 'uint8', shape: [-1, -1, -1, 3] }]]));
      expect(Object.fromEntries([...(signature?.outputs ?? [])].map(([name, { dtype, shape }]) => [name, { dtype, shape }]))).toEqual({
        detection_boxes: { dtype: 'float', shape: [-1, 5, 4] },
        detection_classes: { dtype: 'float', shape: [-1, 5] },
        detection_scores: { dtype: 'float', shape: [-1, 5] },
        num_detections: { dtype: 'float', shape: [-1] },
        raw_detection_boxes: { dtype: 'float', shape: [-1, 1000, 4] },
      });
    } finally {
      await client.close();
    }
  });

  test.each([
    { name: 'detector', form: 'values' },
    { name: 'detector-as-content', form: 'raw bytes' },
  ])("gives our client TensorFlow's own numbers in $form, to the last bit, for one picture and for a batch", async ({ name }) => {
    const client = new ServingClient({ endpoint: `127.0.0.1:${String(started.port)}` });
    const outputFilter = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'];
    const ask = async (pictures: readonly VideoFrame[]): Promise<Computed> => {
      const data = Buffer.concat(pictures.map(({ modelInput }) => modelInput.data));
      const { outputs, model } = await client.predict({ model: { name }, inputs: { input_tensor: { dtype: 'uint8', shape: [pictures.length, SIZE.heightPx, SIZE.widthPx, 3], data } }, outputFilter }, CALL);
      expect(model).toEqual({ name, version: '42' });
      return Object.fromEntries([...outputs].map(([output, { shape, data: values }]) => [output, { shape, bytes: Buffer.from((values as Float32Array).buffer, (values as Float32Array).byteOffset, (values as Float32Array).byteLength).toString('hex') }]));
    };
    try {
      for (const [index, frame] of frames.entries()) expect(await ask([frame])).toEqual(started.each[index]);
      expect(await ask(frames)).toEqual(started.all);
    } finally {
      await client.close();
    }
  });

  test('fits, and its boxes lie where TensorFlow says', async () => {
    const pool = new BackendPool(poolOptions([`127.0.0.1:${String(started.port)}`], { model: { name: 'detector', version: null, versionLabel: null, signature: 'serving_default' }, deadlineMs: 20_000, assumedInputSize: SIZE }));
    try {
      await until(() => pool.state.status.state === 'ok');
      expect(pool.state.status.message).toMatch(/^model detector, version 42, at 127\.0\.0\.1:\d+: object detector, input input_tensor \(uint8\), any batch size/);
      const results = await pool.detect({ frames });
      expect(results.map(({ frame }) => frame.seq)).toEqual([0, 1, 2]);
      for (const [index, { detections, model }] of results.entries()) {
        expect(model).toEqual({ name: 'detector', version: '42' });
        const boxes = floatsOf(started.each[index], 'detection_boxes');
        const scores = floatsOf(started.each[index], 'detection_scores');
        const classes = floatsOf(started.each[index], 'detection_classes');
        expect(detections).toHaveLength(scores.length);
        detections.forEach((detection, at) => {
          const [yMin = 0, xMin = 0, yMax = 0, xMax = 0] = boxes.subarray(at * 4, at * 4 + 4);
          expect(detection.score).toBe(scores[at]);
          expect(detection.classId).toBe(classes[at]);
          const expected = [xMin * SIZE.widthPx, yMin * SIZE.heightPx, xMax * SIZE.widthPx, yMax * SIZE.heightPx];
          detection.box.forEach((value, side) => { expect(value).toBeCloseTo(expected[side] ?? NaN, 4); });
        });
      }
    } finally {
      await pool.close();
    }
  });
});

/** A picture whose parts differ, and differ from frame to frame. */
function pictureFrame(seq: number): VideoFrame {
  const frame = testFrame({ seq, sourceSize: SIZE, modelInputSize: SIZE });
  const { data } = frame.modelInput;
  for (let at = 0; at < data.length; at += 1) data[at] = (at * 31 + seq * 97 + Math.floor(at / 977) * 13) % 256;
  return frame;
}

function floatsOf(computed: Computed | undefined, name: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(computed?.[name]?.bytes ?? '', 'hex'));
  return new Float32Array(bytes.buffer);
}
