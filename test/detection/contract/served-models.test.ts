import { afterEach, describe, expect, it } from 'vitest';
import { encodeJpeg } from '../../../src/annotation/encode-jpeg.js';
import { ModelOutputError } from '../../../src/core/errors.js';
import { BackendPool, type BackendPoolOptions } from '../../../src/detection/pool/backend-pool.js';
import { cocoLabelMap } from '../../../src/detection/label-map.js';
import type { SignatureDef, TensorInfo } from '../../../src/serving/metadata-messages.js';
import { detectionSignature, startFakeServing, type FakeScript, type FakeServing } from '../../helpers/fake-serving.js';
import { testFrame } from '../../helpers/frames.js';
import { until } from '../../helpers/until.js';
import { float, headOf, PETS, px } from './answers.js';
import { poolOptions } from '../../helpers/pool-options.js';

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function served(script: Partial<FakeScript>, options: Partial<BackendPoolOptions> = {}): Promise<{ server: FakeServing; pool: BackendPool }> {
  const server = await startFakeServing(script);
  const pool = new BackendPool(poolOptions([server.endpoint], { labels: PETS, encodeJpeg, ...options }));
  closers.push(() => server.close(), () => pool.close());
  await until(() => pool.state.status.state === 'ok' || pool.state.status.state === 'misconfigured');
  return { server, pool };
}

function signatureOf(input: Partial<TensorInfo>, outputs: Readonly<Record<string, readonly number[]>>): SignatureDef {
  return {
    inputs: new Map([['images', { name: 'images:0', dtype: 'float', shape: [-1, -1, -1, 3], ...input }]]),
    outputs: new Map(Object.entries(outputs).map(([name, shape]) => [name, { name: `${name}:0`, dtype: 'float', shape }])),
    methodName: 'tensorflow/serving/predict',
  };
}

/** A source of the size of the model input, so that boxes are the model's own. */
const frame = (seq = 0): ReturnType<typeof testFrame> => testFrame({ seq, sourceSize: px(32, 32) });
const ANCHORS = [[16, 16, 8, 8, 0, 0.75, 0], ...Array.from({ length: 8 }, () => [0, 0, 0, 0, 0, 0, 0])];

describe('a served model', () => {
  it('that is a YOLO head with channels first is sent numbers from 0 to 1 and gives boxes', async () => {
    const { server, pool } = await served({ signature: signatureOf({ shape: [1, 3, 32, 32] }, { output0: [1, 7, 9] }), predict: () => ({ output0: headOf([ANCHORS], true) }) });
    expect(pool.state.status.message).toBe(`model default, version 1, at ${server.endpoint}: object detector (YOLO, output output0), input images (float 0 to 1, channels first), batch size fixed at 1 (single calls, 8 at once), frames sent at 32x32 (fixed)`);
    const [found] = await pool.detect({ frames: [frame()] });
    expect(found?.detections).toEqual([{ classId: 2, label: 'dog', score: 0.75, box: [12, 12, 20, 20] }]);
    expect(found).not.toHaveProperty('classes');
    const [request] = server.requests;
    expect(request?.outputFilter).toEqual(['output0']);
    expect(request?.inputs.get('images')).toEqual({ dtype: 'float', shape: [1, 3, 32, 32], data: new Float32Array(3 * 32 * 32).fill(114 / 255) });
  });

  it('that classifies JPEGs is sent one a frame and gives the classes of each', async () => {
    const { server, pool } = await served({ signature: signatureOf({ dtype: 'string', shape: [-1] }, { probabilities: [-1, 3] }), predict: () => ({ probabilities: float([2, 3], [0.75, 0.25, 0, 0, 0, 1]) }) });
    const found = await pool.detect({ frames: [frame(0), frame(1)] });
    expect(found.map(({ classes }) => classes?.[0])).toEqual([{ classId: 1, label: 'cat', score: 0.75 }, { classId: 3, label: 'fish', score: 1 }]);
    const input = server.requests[0]?.inputs.get('images');
    expect([input?.dtype, input?.shape]).toEqual(['string', [2]]);
    expect((input?.data as readonly Buffer[]).map((jpeg) => jpeg.subarray(0, 2).toString('hex'))).toEqual(['ffd8', 'ffd8']);
  });

  it('with outputs of its own gives what the mapping makes of them', async () => {
    const signature = signatureOf({ dtype: 'uint8' }, { locations: [-1, 10, 4], confidence: [-1, 10] });
    const predict = (): Record<string, ReturnType<typeof float>> => ({ locations: float([1, 1, 4], [0.25, 0.25, 0.75, 0.5]), confidence: float([1, 1], [0.5]) });
    const { server, pool } = await served({ signature, predict }, {
      wishes: { input: { normalization: null }, output: { kind: 'boxes', boxes: 'locations', boxFormat: 'yxyx', boxUnits: 'normalized', scores: 'confidence', classes: null, count: null, classOffset: null, nms: null } },
    });
    expect((await pool.detect({ frames: [frame()] }))[0]?.detections).toEqual([{ classId: 1, label: 'cat', score: 0.5, box: [8, 8, 16, 24] }]);
    expect(server.requests[0]?.outputFilter).toEqual(['locations', 'confidence']);
  });

  it('that does not fit is told in one line, and used when another takes its place', async () => {
    const { server, pool } = await served({ signature: signatureOf({ dtype: 'half' }, { output0: [1, 7, 9] }) });
    expect(pool.state.status).toEqual({ state: 'misconfigured', message: `model default at ${server.endpoint} does not fit: its input images (half [-1, -1, -1, 3]) is not uint8, float or string: expected images as uint8 or float [batch, height, width, 3] or [batch, 3, height, width], or encoded ones as string [batch]` });
    server.script.signature = detectionSignature();
    await until(() => pool.state.status.state === 'ok');
  });

  it('that is replaced by one that answers otherwise is looked at again at once', async () => {
    const { server, pool } = await served({ detections: [] }, { labels: cocoLabelMap() });
    await pool.detect({ frames: [frame()] });
    server.script.signature = signatureOf({ dtype: 'uint8' }, { output0: [-1, 7, 9] });
    server.script.version = '2';
    server.script.predict = () => ({ output0: headOf([ANCHORS], true) });
    // TensorFlow Serving would refuse outputs that the model does not have; the stand-in gives none.
    await expect(pool.detect({ frames: [frame()] })).rejects.toThrow(ModelOutputError);
    await until(() => pool.state.model?.version === '2');
    expect((await pool.detect({ frames: [frame()] }))[0]?.detections).toMatchObject([{ label: '1', score: 0.75 }]);
  });
});
