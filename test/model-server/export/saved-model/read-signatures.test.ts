import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { ConfigError } from '../../../../src/core/errors.js';
import { readSavedModelSignatures } from '../../../../src/model-server/export/saved-model/read-signatures.js';
import { signatureDefProto, type SignatureDef } from '../../../../src/serving/metadata-messages.js';
import { encodeMessage } from '../../../../src/serving/proto-root.js';

const SHARED = process.env['SIGHTLINE_SHARED'];
const SIGNATURE: SignatureDef = {
  inputs: new Map([['x', { name: 'x:0', dtype: 'uint8', shape: [-1, 3] }]]),
  outputs: new Map([['y', { name: 'y:0', dtype: 'float', shape: null }]]),
  methodName: 'tensorflow/serving/predict',
};

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-signatures-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function saved(bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder, 'saved_model.pb'), bytes);
  return folder;
}

function model(...graphs: { tags: string[]; signatures?: Readonly<Record<string, SignatureDef>>; weightBytes?: number }[]): Buffer {
  return encodeMessage('tensorflow.SavedModel', {
    savedModelSchemaVersion: 1,
    metaGraphs: graphs.map(({ tags, signatures, weightBytes }) => ({
      metaInfoDef: { tags },
      graphDef: { node: [{ name: 'w', op: 'Const', input: [], attr: { value: { tensor: { dtype: 1, tensorContent: Buffer.alloc(weightBytes ?? 4) } } } }] },
      signatureDef: Object.fromEntries(Object.entries(signatures ?? {}).map(([name, signature]) => [name, signatureDefProto(signature)])),
    })),
  });
}

async function refusal(path: string): Promise<string> {
  const error: unknown = await readSavedModelSignatures(path).catch((reason: unknown) => reason);
  if (!(error instanceof ConfigError)) throw new Error('not refused', { cause: error });
  expect(error.issues).toHaveLength(1);
  return error.message;
}

describe('readSavedModelSignatures', () => {
  it('reads all signatures of the graph for serving, whatever other graphs there are', async () => {
    const bytes = model({ tags: ['train'], signatures: { wrong: SIGNATURE } }, { tags: ['serve', 'gpu'], signatures: { serving_default: SIGNATURE, other: { ...SIGNATURE, methodName: '' } } });
    expect(await readSavedModelSignatures(await saved(bytes))).toEqual(new Map([['serving_default', SIGNATURE], ['other', { ...SIGNATURE, methodName: '' }]]));
  });

  it('does not read weights: a graph may be larger than what it reads of any message', async () => {
    const bytes = model({ tags: ['serve'], signatures: { serving_default: SIGNATURE }, weightBytes: 20 * 1024 * 1024 });
    expect(await readSavedModelSignatures(await saved(bytes))).toEqual(new Map([['serving_default', SIGNATURE]]));
  });

  test.each<{ title: string; bytes: Buffer; message: string }>([
    { title: 'an empty file', bytes: Buffer.alloc(0), message: 'is not a SavedModel: it has no graph' },
    { title: 'a picture', bytes: Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), message: 'is not a SavedModel: ' },
    { title: 'a graph that is not for serving', bytes: model({ tags: ['train'] }, { tags: [] }), message: 'has no graph with the tag serve, only train, no tag: export it for serving' },
    { title: 'a graph without a signature', bytes: model({ tags: ['serve'] }), message: 'has no signature: export it with one' },
    { title: 'more parts than any model has', bytes: Buffer.alloc(40_000, Buffer.from([0x08, 0x01])), message: 'is not a SavedModel: it has more than 10000 parts' },
  ])('refuses $title', async ({ bytes, message }) => {
    expect(await refusal(await saved(bytes))).toContain(`saved_model.pb: ${message}`);
  });

  it('refuses a folder without one, and one in its place', async () => {
    expect(await refusal(join(folder, 'nowhere'))).toContain('cannot be read (no such file): expected the folder of a SavedModel');
    await mkdir(join(folder, 'odd', 'saved_model.pb'), { recursive: true });
    expect(await refusal(join(folder, 'odd'))).toContain('saved_model.pb');
  });

  it('refuses every file that was cut off', async () => {
    const bytes = model({ tags: ['serve'], signatures: { serving_default: SIGNATURE } });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: bytes.length - 1 }), async (length) => {
        expect(await refusal(await saved(bytes.subarray(0, length)))).not.toBe('');
      }),
      { numRuns: 60 },
    );
  });

  it('reads or refuses any bytes, and nothing else', async () => {
    const bytes = model({ tags: ['serve'], signatures: { serving_default: SIGNATURE } });
    const damaged = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }).map((changes) => {
      const copy = Buffer.from(bytes);
      for (const [at, value] of changes) copy[at] = value;
      return copy;
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), async (any) => {
        const read: unknown = await readSavedModelSignatures(await saved(any)).catch((error: unknown) => error);
        expect(read instanceof Map || read instanceof ConfigError).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it.skipIf(SHARED === undefined)('reads what TensorFlow Serving itself is tested with', async () => {
    const signatures = await readSavedModelSignatures(join(SHARED ?? '', 'tfserving-models/saved_model_half_plus_two_tf2_cpu/00000123'));
    expect(signatures.get('serving_default')).toEqual({
      inputs: new Map([['x', { name: 'serving_default_x:0', dtype: 'float', shape: [1] }]]),
      outputs: new Map([['y', { name: 'StatefulPartitionedCall_5:0', dtype: 'float', shape: [1] }]]),
      methodName: 'tensorflow/serving/predict',
    });
  });
});
