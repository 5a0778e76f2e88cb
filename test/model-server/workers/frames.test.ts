import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../../src/core/errors.js';
import { FrameReader, frameStretches, MAX_BODY_BYTES, type Frame } from '../../../src/model-server/workers/frames.js';
import { predictRequestCodec } from '../../../src/serving/predict-messages.js';
import { requestStretches, responseStretches } from '../../../src/serving/predict-request-writer.js';
import { readPredictResponse } from '../../../src/serving/predict-response-reader.js';
import { decodeTensor } from '../../../src/serving/tensor-codec.js';
import { NUMERIC_LAYOUTS, type Tensor } from '../../../src/serving/tensor.js';

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const head = fc.record({ callId: uint32, status: uint32, residentMib: uint32 });

/** Reads bytes in chunks that end where `cuts` say. */
function readAll(bytes: Buffer, cuts: readonly number[], take?: (byteLength: number) => Buffer): Frame[] {
  const frames: Frame[] = [];
  const reader = new FrameReader({ onFrame: (frame) => frames.push({ ...frame, body: Buffer.from(frame.body) }), ...(take === undefined ? {} : { take }) });
  const ends = [...new Set([...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  let at = 0;
  for (const end of ends) reader.push(bytes.subarray(at, (at = end)));
  return frames;
}

const numeric = fc.constantFrom(...(Object.keys(NUMERIC_LAYOUTS) as (keyof typeof NUMERIC_LAYOUTS)[])).chain((dtype) =>
  fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
    const { array, valuesPerElement } = NUMERIC_LAYOUTS[dtype];
    const byteLength = shape.reduce((a, b) => a * b, 1) * valuesPerElement * array.BYTES_PER_ELEMENT;
    return fc.uint8Array({ minLength: byteLength, maxLength: byteLength }).map((bytes) => ({ dtype, shape, data: new array(bytes.slice().buffer, 0, byteLength / array.BYTES_PER_ELEMENT) }) as Tensor);
  }),
);
const strings = fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 4 }).map((values): Tensor => ({ dtype: 'string', shape: [values.length], data: values.map((value) => Buffer.from(value)) }));
const tensors = fc.dictionary(fc.stringMatching(/^[a-z_]{1,9}$/), fc.oneof(numeric, strings), { maxKeys: 4 }).map((record) => new Map(Object.entries(record)));

/** Every bit of it: a NaN is not only a NaN. */
function bitsOf(map: ReadonlyMap<string, Tensor>): unknown {
  return [...map].map(([name, { dtype, shape, data }]) => [name, dtype, shape, Array.isArray(data) ? data.map(String) : Buffer.from((data as Uint8Array).buffer, (data as Uint8Array).byteOffset, (data as Uint8Array).byteLength).toString('hex')]);
}

describe('frames', () => {
  it('come out as they went in, whatever chunks the pipe makes of them', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(head, fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 3 })), { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 20 }), (frames, cuts) => {
        const bytes = Buffer.concat(frames.flatMap(([facts, body]) => frameStretches(facts, body)));
        expect(readAll(bytes, cuts)).toEqual(frames.map(([facts, body]) => ({ ...facts, body: Buffer.concat(body) })));
      }),
    );
  });

  it('are read into the memory that is given, which may be larger', () => {
    const taken: number[] = [];
    const bytes = Buffer.concat(frameStretches({ callId: 1, status: 0, residentMib: 2 }, [Buffer.from('abc')]));
    const frames = readAll(bytes, [5, 17], (byteLength) => Buffer.alloc(taken.push(byteLength) * 100));
    expect(taken).toEqual([3]);
    expect(frames).toEqual([{ callId: 1, status: 0, residentMib: 2, body: Buffer.from('abc') }]);
  });

  it('that say they are larger than any may be take no memory', () => {
    const header = Buffer.alloc(16);
    header.writeUInt32LE(MAX_BODY_BYTES + 1);
    expect(() => readAll(header, [3], () => expect.fail('memory was taken'))).toThrow(ModelOutputError);
    const giant = { byteLength: MAX_BODY_BYTES + 1 } as Uint8Array;
    expect(() => frameStretches({ callId: 1, status: 0, residentMib: 0 }, [giant])).toThrow(RangeError);
  });

  it('carry tensors of every element type there and back', () => {
    fc.assert(
      fc.property(tensors, fc.array(fc.stringMatching(/^[a-z]{1,5}$/), { maxLength: 3 }), (sent, names) => {
        const request = predictRequestCodec.decode(Buffer.concat(requestStretches(sent, names)));
        expect(request.outputFilter).toEqual(names);
        expect(bitsOf(new Map([...request.inputs].map(([name, proto]) => [name, decodeTensor(proto)])))).toEqual(bitsOf(sent));
        const { outputs } = readPredictResponse(Buffer.concat(responseStretches(sent)));
        expect(bitsOf(new Map([...outputs].map(([name, proto]) => [name, decodeTensor(proto)])))).toEqual(bitsOf(sent));
      }),
    );
  });

  it('do not copy what a tensor holds', () => {
    const data = new Uint8Array(12);
    const stretches = requestStretches(new Map([['inputs', { dtype: 'uint8', shape: [1, 2, 2, 3], data }]]), []);
    expect(stretches.some((stretch) => stretch.buffer === data.buffer)).toBe(true);
  });
});
