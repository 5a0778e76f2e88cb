import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../src/core/errors.js';
import { letterbox } from '../../src/core/geometry.js';
import { decodeAnswer } from '../../src/detection/contract/decode-answer.js';
import { readModelPlan } from '../../src/detection/contract/model-plan.js';
import { NO_WISHES } from '../../src/detection/contract/model-wishes.js';
import { cocoLabelMap } from '../../src/detection/label-map.js';
import { predictResponseCodec } from '../../src/serving/predict-messages.js';
import { encodeMessage } from '../../src/serving/proto-root.js';
import { decodeTensor, encodeTensor } from '../../src/serving/tensor-codec.js';
import type { Tensor } from '../../src/serving/tensor.js';
import { detectionOutputs, detectionSignature } from '../helpers/fake-serving.js';
import { SeededRandom } from '../faults/seeded-random.js';

const CASES = 120_000;
const SEED = 4;
/** As the client allows an answer to be filled up. */
const MAX_FILLED_BYTES = 1024 * 1024;

const plan = readModelPlan(new Map([['serving_default', detectionSignature()]]), 'serving_default', NO_WISHES);
const letterboxes = [0, 1].map(() => letterbox({ widthPx: 640, heightPx: 360 }, { widthPx: 640, heightPx: 640 }));
const labels = cocoLabelMap();

/** Answers as they should be, in both forms, from which the others are made. */
const good = (['values', 'content'] as const).map((form) => answerOf(detectionOutputs([[{ classId: 85, score: 0.9, box: [0.1, 0.2, 0.5, 0.6] }], []], 8), form));
const HOSTILE_SIZES = [-1, -(2 ** 31), 0, 1, 3, 2 ** 20, 2 ** 31, 2 ** 32, 2 ** 53, '9223372036854775807', '-9223372036854775808'];
const HOSTILE_FLOATS = [NaN, Infinity, -Infinity, -1, 2, 1e30, -0];

describe('a Predict answer that nobody sane would give', () => {
  it('is read or refused, and does nothing else', () => {
    const random = new SeededRandom(SEED);
    const outcomes = { read: 0, refused: 0 };
    const others: string[] = [];
    const heapBefore = usedBytes();
    let mostBytes = 0;
    const startMs = performance.now();
    for (let index = 0; index < CASES; index += 1) {
      const bytes = hostileAnswer(random);
      try {
        readAll(bytes);
        outcomes.read += 1;
      } catch (error) {
        if (error instanceof ModelOutputError && !error.message.includes('\n')) outcomes.refused += 1;
        else others.push(`case ${String(index)}: ${JSON.stringify(String(error))} for ${bytes.subarray(0, 200).toString('hex')}`);
      }
      if (index % 1_000 === 0) mostBytes = Math.max(mostBytes, usedBytes() - heapBefore);
    }
    process.stdout.write(`F19 fuzz, seed ${String(SEED)}: cases ${String(CASES)}, read ${String(outcomes.read)}, refused ${String(outcomes.refused)}, ms each ${((performance.now() - startMs) / CASES).toFixed(3)}, most memory MB ${(mostBytes / 2 ** 20).toFixed(1)}\n`);
    expect(others).toEqual([]);
    expect(outcomes.read).toBeGreaterThan(CASES / 100);
    expect(outcomes.refused).toBeGreaterThan(CASES / 4);
    // Garbage that was not collected yet included; answers that ask for gigabytes are among the cases.
    expect(mostBytes).toBeLessThan(256 * 2 ** 20);
  }, 120_000);
});

function readAll(bytes: Buffer): void {
  const { outputs } = predictResponseCodec.decode(bytes);
  const tensors = new Map<string, Tensor>();
  for (const [name, proto] of outputs) tensors.set(name, decodeTensor(proto, { name, maxFilledBytes: MAX_FILLED_BYTES }));
  for (const { detections } of decodeAnswer(plan, tensors, letterboxes, labels)) {
    for (const { score, box } of detections) if (![score, ...box].every(Number.isFinite)) throw new Error('a detection with a value that is no number');
  }
}

function hostileAnswer(random: SeededRandom): Buffer {
  switch (random.integer(0, 6)) {
    case 0:
      return mutated(random, random.pick(good));
    case 1:
      return random.pick(good).subarray(0, random.integer(0, 200));
    case 2:
      return spliced(random, random.pick(good), random.pick(good));
    case 3:
      return soup(random);
    case 4:
      return hostileShapes(random);
    case 5:
      return hostileValues(random);
    default:
      return mutated(random, hostileShapes(random));
  }
}

function mutated(random: SeededRandom, source: Buffer): Buffer {
  const bytes = Buffer.from(source);
  for (let change = random.integer(1, 8); change > 0 && bytes.length > 0; change -= 1) bytes[random.integer(0, bytes.length - 1)] = random.pick([0, 1, 127, 128, 255, random.integer(0, 255)]);
  return bytes;
}

function spliced(random: SeededRandom, a: Buffer, b: Buffer): Buffer {
  return Buffer.concat([a.subarray(0, random.integer(0, a.length)), b.subarray(random.integer(0, b.length))]);
}

/** Fields of all wire types with lengths that may lie, some inside another. */
function soup(random: SeededRandom, depth = 0): Buffer {
  const parts: Buffer[] = [];
  for (let field = random.integer(0, 6); field > 0; field -= 1) {
    const wireType = random.pick([0, 1, 2, 2, 2, 5, 3, 4, 6]);
    parts.push(Buffer.from([random.integer(0, 15) * 8 + wireType]));
    if (wireType === 0) parts.push(Buffer.from([...Array.from({ length: random.integer(0, 10) }, () => 128 + random.integer(0, 127)), random.integer(0, 127)]));
    else if (wireType === 1) parts.push(Buffer.alloc(8, random.integer(0, 255)));
    else if (wireType === 5) parts.push(Buffer.alloc(4, random.integer(0, 255)));
    else if (wireType === 2) {
      const inner = depth < 4 && random.integer(0, 2) > 0 ? soup(random, depth + 1) : Buffer.alloc(random.integer(0, 20), random.integer(0, 255));
      parts.push(Buffer.from([Math.min(127, random.integer(0, 9) === 0 ? random.integer(0, 127) : inner.length)]), inner);
    }
  }
  return Buffer.concat(parts);
}

/** The right outputs with shapes, element types and counts of values that do not go together. */
function hostileShapes(random: SeededRandom): Buffer {
  const outputs = Object.fromEntries(['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'].map((name) => {
    const values = Array.from({ length: random.integer(0, 16) }, () => random.pick([0, 0.5, 1, 2]));
    const shape = random.integer(0, 3) === 0 ? (name === 'detection_boxes' ? [2, random.pick([1, 2 ** 20]), 4] : name === 'num_detections' ? [2] : [2, 1]) : Array.from({ length: random.integer(0, 4) }, () => random.pick(HOSTILE_SIZES));
    const tensorShape = { dim: shape.map((size) => ({ size })), unknownRank: random.integer(0, 15) === 0 };
    return [name, { dtype: random.pick([1, 1, 1, 1, 2, 3, 4, 7, 9, 14, 19, 23, 0, 101, 32, 999]), tensorShape, ...(random.integer(0, 3) === 0 ? { tensorContent: Buffer.alloc(random.integer(0, 64), 63) } : { floatVal: values }) }];
  }));
  return encodeMessage('tensorflow.serving.PredictResponse', { outputs });
}

/** The right shapes with values that are no detections. */
function hostileValues(random: SeededRandom): Buffer {
  const outputs = detectionOutputs([[{ classId: 1, score: 0.5, box: [0.1, 0.1, 0.9, 0.9] }], [{ classId: 2, score: 0.5, box: [0, 0, 1, 1] }]], 2);
  const tensor = random.pick(Object.values(outputs));
  (tensor.data as Float32Array)[random.integer(0, tensor.data.length - 1)] = random.pick(HOSTILE_FLOATS);
  return answerOf(outputs, random.pick(['values', 'content']));
}

function answerOf(outputs: Record<string, Tensor>, form: 'values' | 'content'): Buffer {
  return predictResponseCodec.encode({ modelSpec: { name: 'm', version: '1', versionLabel: null, signatureName: '' }, outputs: new Map(Object.entries(outputs).map(([name, tensor]) => [name, encodeTensor(tensor, form)])) });
}

function usedBytes(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
