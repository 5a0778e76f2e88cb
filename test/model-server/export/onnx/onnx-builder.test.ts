import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { attr, OnnxBuilder } from '../../../../src/model-server/export/onnx/onnx-builder.js';
import { decodeOnnxModel, encodeOnnxModel } from '../../../../src/model-server/export/onnx/onnx-codec.js';
import { floatContent, int64Content, onnxTensorNumbers, tensorContent } from '../../../../src/model-server/export/onnx/onnx-tensor.js';
import type { OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';

async function run(model: OnnxModel, inputs: Record<string, Tensor>): Promise<InferenceSession.OnnxValueMapType> {
  const session = await InferenceSession.create(encodeOnnxModel(model), { executionProviders: ['cpu'], logSeverityLevel: 3 });
  return session.run(inputs);
}

describe('OnnxBuilder', () => {
  it('writes a model that ONNX Runtime runs', async () => {
    const builder = new OnnxBuilder('pre/');
    const x = builder.input('x', 'float', ['n', 3]);
    const scaled = builder.op('Mul', [x, builder.floats([1, 10, 100])]);
    const [high, low] = builder.add('Split', [scaled, builder.ints([1, 2])], { attrs: { axis: attr.int(1) }, outputs: 2 });
    builder.output('high', high ?? '', 'float', ['n', 1]);
    builder.output('low', low ?? '', 'float', ['n', 2]);
    const outputs = await run(builder.toModel(), { x: new Tensor('float32', Float32Array.of(1, 2, 3), [1, 3]) });
    expect(outputs['high']?.data).toEqual(Float32Array.of(1));
    expect(outputs['low']?.data).toEqual(Float32Array.of(20, 300));
  });

  it('writes branches that read values of the graph around them', async () => {
    const builder = new OnnxBuilder();
    const x = builder.input('x', 'float', []);
    const branch = (factor: number): ReturnType<typeof attr.graph> => {
      const inner = builder.subgraph();
      const scaled = inner.op('Mul', [x, inner.float(factor)]);
      inner.output(scaled, scaled, 'float', []);
      return attr.graph(inner.toGraph());
    };
    const y = builder.op('If', [builder.op('Greater', [x, builder.float(0)])], { then_branch: branch(2), else_branch: branch(-3) });
    builder.output('y', y, 'float', []);
    const model = decodeOnnxModel(encodeOnnxModel(builder.toModel()), 'built');
    expect((await run(model, { x: new Tensor('float32', Float32Array.of(4), []) }))['y']?.data).toEqual(Float32Array.of(8));
    expect((await run(model, { x: new Tensor('float32', Float32Array.of(-4), []) }))['y']?.data).toEqual(Float32Array.of(12));
  });

  it('takes a graph over between nodes of its own', async () => {
    const core = new OnnxBuilder();
    core.output('out', core.op('Add', [core.input('in', 'float', [2]), core.floats([1, 2])]), 'float', [2]);
    const builder = new OnnxBuilder('wrap/');
    builder.add('Neg', [builder.input('x', 'float', [2])], { outputs: ['in'] });
    builder.include(core.toGraph(), core.toModel().opsets);
    builder.output('y', builder.op('Abs', ['out']), 'float', [2]);
    expect((await run(builder.toModel(), { x: new Tensor('float32', Float32Array.of(5, 1), [2]) }))['y']?.data).toEqual(Float32Array.of(4, 1));
    expect(() => { builder.include(core.toGraph(), new Map()); }).toThrow('Expected a new name');
  });

  it('makes up names that nothing has, and keeps small constants once', () => {
    const builder = new OnnxBuilder('p/');
    builder.input('p/Add', 'float', []);
    expect(builder.op('Add', [])).toBe('p/Add_2');
    expect(builder.ints([1, 2])).toBe(builder.ints([1, 2]));
    expect(builder.ints([1, 2])).not.toBe(builder.ints([2, 1]));
    expect(builder.ints([1])).not.toBe(builder.int(1));
    expect(() => builder.add('Add', [], { outputs: ['p/Add'] })).toThrow(RangeError);
  });
});

describe('constants', () => {
  it('hold numbers of their type', () => {
    expect(onnxTensorNumbers(floatContent([0.5, 3]))).toEqual([0.5, 3]);
    expect(onnxTensorNumbers(int64Content([5, -1], [2, 1]))).toEqual([5, -1]);
    expect(onnxTensorNumbers(tensorContent('uint8', Uint8Array.of(7, 255)))).toEqual([7, 255]);
  });

  it('clamp what is beyond 64 bits', () => {
    expect(new BigInt64Array(Uint8Array.from(int64Content([1e30]).data).buffer)).toEqual(BigInt64Array.of(2n ** 63n - 1n));
  });

  it('are refused when they do not fill their shape', () => {
    expect(() => floatContent([1, 2], [3])).toThrow(RangeError);
  });
});
