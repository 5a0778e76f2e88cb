import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../src/core/errors.js';
import { decodeOnnxModel, encodeOnnxModel } from '../../../../src/model-server/export/onnx/onnx-codec.js';
import { onnxModelType, type ModelMessage, type TensorMessage } from '../../../../src/model-server/export/onnx/onnx-messages.js';
import { ONNX_DTYPES, type OnnxAttr, type OnnxDType, type OnnxGraph, type OnnxModel, type OnnxTensor } from '../../../../src/model-server/export/onnx/onnx-model.js';
import { ONNX_ELEMENT_BYTES, onnxTensorNumbers } from '../../../../src/model-server/export/onnx/onnx-tensor.js';

const NUMERIC = Object.keys(ONNX_ELEMENT_BYTES) as Exclude<OnnxDType, 'string'>[];
const name = fc.string({ unit: 'grapheme', maxLength: 8 });
const whole = fc.oneof(fc.integer(), fc.constantFrom(0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 40));

const tensor: fc.Arbitrary<OnnxTensor> = fc
  .record({ name, dtype: fc.constantFrom(...NUMERIC), shape: fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 }), seed: fc.nat(255) })
  .map(({ seed, ...rest }) => ({ ...rest, data: Uint8Array.from({ length: rest.shape.reduce((a, b) => a * b, 1) * ONNX_ELEMENT_BYTES[rest.dtype] }, (_, index) => seed ^ (index & 255)) }));
const value = fc.record({ name, dtype: fc.constantFrom(...NUMERIC, 'string' as const), shape: fc.option(fc.array(fc.oneof(fc.nat(4), fc.constantFrom('n', null)), { maxLength: 4 })) });

const graph = fc.letrec<{ graph: OnnxGraph; attr: OnnxAttr }>((tie) => ({
  graph: fc.record({
    name,
    nodes: fc.array(
      fc.record({ name, opType: name.filter((text) => text !== ''), domain: fc.constantFrom('', 'com.microsoft'), inputs: fc.array(name, { maxLength: 3 }), outputs: fc.array(name, { maxLength: 3 }), attrs: fc.array(fc.tuple(name, tie('attr')), { maxLength: 3 }).map((entries) => new Map(entries)) }),
      { maxLength: 3, depthIdentifier: 'graph' },
    ),
    initializers: fc.array(tensor, { maxLength: 3 }),
    inputs: fc.array(value, { maxLength: 3 }),
    outputs: fc.array(value, { maxLength: 3 }),
  }),
  attr: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'graph' },
    fc.record({ kind: fc.constant('int' as const), value: whole }),
    fc.record({ kind: fc.constant('float' as const), value: fc.float({ noNaN: true }) }),
    fc.record({ kind: fc.constant('string' as const), value: name }),
    fc.record({ kind: fc.constant('tensor' as const), value: tensor }),
    fc.record({ kind: fc.constant('ints' as const), values: fc.array(whole) }),
    fc.record({ kind: fc.constant('floats' as const), values: fc.array(fc.float({ noNaN: true })) }),
    fc.record({ kind: fc.constant('strings' as const), values: fc.array(name) }),
    fc.record({ kind: fc.constant('graph' as const), value: tie('graph') }),
  ),
})).graph;
const model: fc.Arbitrary<OnnxModel> = fc.record({
  irVersion: fc.nat(20),
  producerName: name,
  opsets: fc.constantFrom(new Map([['', 18]]), new Map([['', 12], ['com.microsoft', 1]])),
  graph,
  metadata: fc.array(fc.tuple(name, name)).map((entries) => new Map(entries)),
});

/** Bytes of a model that has this and nothing else. */
function bytesOf(message: ModelMessage): Uint8Array {
  return onnxModelType().encode({ opsetImport: [{ domain: 'ai.onnx', version: 18 }], ...message }).finish();
}

function withInitializer(initializer: TensorMessage): Uint8Array {
  return bytesOf({ graph: { initializer: [{ name: 'w', ...initializer }] } });
}

describe('a model that is encoded and decoded', () => {
  it('is the same again', () => {
    fc.assert(
      fc.property(model, (given) => {
        expect(normalised(decodeOnnxModel(encodeOnnxModel(given), 'm.onnx'))).toEqual(normalised(given));
      }),
      { numRuns: 200 },
    );
  });

  it('keeps the ends that mean "to the end", which no double holds exactly', () => {
    const ends = { kind: 'ints', values: [2 ** 63, -(2 ** 63)] } as const;
    const node = { name: '', opType: 'Slice', domain: '', inputs: [], outputs: [], attrs: new Map([['ends', ends]]) };
    const bytes = encodeOnnxModel({ irVersion: 8, producerName: '', opsets: new Map([['', 18]]), graph: { name: '', nodes: [node], initializers: [], inputs: [], outputs: [] }, metadata: new Map() });
    const wire = onnxModelType().toObject(onnxModelType().decode(bytes), { longs: String }) as { graph: { node: { attribute: { ints: string[] }[] }[] } };
    expect(wire.graph.node[0]?.attribute[0]?.ints).toEqual(['9223372036854775807', '-9223372036854775808']);
    expect(decodeOnnxModel(bytes, 'm.onnx').graph.nodes[0]?.attrs.get('ends')).toEqual(ends);
  });
});

describe('decodeOnnxModel', () => {
  it.each<[OnnxDType, TensorMessage, number[]]>([
    ['float', { floatData: [0.5, -2] }, [0.5, -2]],
    ['double', { doubleData: [0.1, -2] }, [0.1, -2]],
    ['int32', { int32Data: [1, -2] }, [1, -2]],
    ['int16', { int32Data: [1, -2] }, [1, -2]],
    ['uint16', { int32Data: [1, 65535] }, [1, 65535]],
    ['int8', { int32Data: [1, -2] }, [1, -2]],
    ['uint8', { int32Data: [1, 255] }, [1, 255]],
    ['bool', { int32Data: [0, 1] }, [0, 1]],
    ['float16', { int32Data: [0x3c00, 0xc000] }, [0x3c00, 0xc000]],
    ['int64', { int64Data: [7, -(2 ** 40)] }, [7, -(2 ** 40)]],
    ['uint64', { uint64Data: [7, 2 ** 40] }, [7, 2 ** 40]],
    ['uint32', { uint64Data: [7, 2 ** 32 - 1] }, [7, 2 ** 32 - 1]],
  ])('reads %s from the field of its type', (dtype, fields, expected) => {
    const { graph: decoded, opsets } = decodeOnnxModel(withInitializer({ dims: [2], dataType: ONNX_DTYPES[dtype], ...fields }), 'm.onnx');
    const [first] = decoded.initializers;
    expect(first && onnxTensorNumbers(first)).toEqual(expected);
    expect(opsets).toEqual(new Map([['', 18]]));
  });

  it.each<[string, Uint8Array, string]>([
    ['no protocol buffer', Buffer.from([0x3a, 0xff, 0x01]), 'm.onnx: not an ONNX model'],
    ['nothing at all', Buffer.alloc(0), 'm.onnx: it has no graph'],
    ['a model without operator sets', onnxModelType().encode({ graph: {} }).finish(), 'm.onnx: opset_import: it names no operator set'],
    ['constants in another file', withInitializer({ dims: [1], dataType: 1, dataLocation: 1, externalData: [{ key: 'location', value: '../weights.bin' }] }), 'm.onnx: graph.initializer w: its bytes are in another file'],
    ['constants of strings', withInitializer({ dims: [1], dataType: 8, stringData: [Buffer.from('a')] }), 'constants of string are not supported'],
    ['constants of a type nobody knows', withInitializer({ dims: [1], dataType: 99 }), 'constants of element type 99'],
    ['too few bytes', withInitializer({ dims: [2], dataType: 1, rawData: Buffer.alloc(7) }), '7 bytes do not fill float [2]'],
    ['a terabyte of nothing', withInitializer({ dims: [2 ** 38], dataType: 1 }), '0 bytes do not fill'],
    ['negative sizes', withInitializer({ dims: [-1, -1], dataType: 2, rawData: Buffer.alloc(1) }), '1 bytes do not fill'],
    ['sparse constants', bytesOf({ graph: { sparseInitializer: [{}] } }), 'graph.sparse_initializer: sparse constants are not supported'],
    ['functions', bytesOf({ graph: {}, functions: [{ name: 'Gelu' }] }), 'functions (Gelu) are not supported'],
    ['an attribute of a type', bytesOf({ graph: { node: [{ opType: 'Optional', attribute: [{ name: 'type', type: 13 }] }] } }), 'graph.node[0] (Optional).type: attributes of type 13'],
    ['an input that is no tensor', bytesOf({ graph: { input: [{ name: 'x' }] } }), 'graph.input x: expected a tensor'],
    ['a node without an operator', bytesOf({ graph: { node: [{}] } }), 'graph.node[0]: it names no operator'],
  ])('refuses %s', (_what, bytes, message) => {
    expect(() => decodeOnnxModel(bytes, 'm.onnx')).toThrow(ConfigError);
    expect(() => decodeOnnxModel(bytes, 'm.onnx')).toThrow(message);
  });

  it('throws nothing but ConfigError on bytes that anybody may write', () => {
    const mutated = fc.tuple(model, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 })).map(([given, changes]) => {
      const bytes = encodeOnnxModel(given);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(mutated, (bytes) => {
        try {
          decodeOnnxModel(bytes, 'm.onnx');
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

/** Bytes as plain arrays: a view of a Buffer and a Uint8Array mean the same. */
function normalised(given: unknown): unknown {
  if (given instanceof Uint8Array) return [...given];
  if (given instanceof Map) return new Map(Array.from(given, ([key, entry]) => [key, normalised(entry)] as const));
  if (Array.isArray(given)) return given.map(normalised);
  if (typeof given === 'object' && given !== null) return Object.fromEntries(Object.entries(given).map(([key, entry]) => [key, normalised(entry)]));
  // -0 and 0 are one value.
  return given === 0 ? 0 : given;
}
