import * as ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { raiseOpset } from '../../../../src/model-server/export/compose/raise-opset.js';
import { attr, OnnxBuilder } from '../../../../src/model-server/export/onnx/onnx-builder.js';
import { encodeOnnxModel } from '../../../../src/model-server/export/onnx/onnx-codec.js';
import type { OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';

const SHAPE = [2, 3, 4, 4];
const DATA = Float32Array.from({ length: 96 }, (_, index) => ((index * 37) % 23) / 5 - 2);

/** A graph of one operator, or some, at an older operator set. */
function model(opset: number, write: (b: OnnxBuilder, input: string) => readonly string[]): OnnxModel {
  const b = new OnnxBuilder();
  const outputs = write(b, b.input('x', 'float', SHAPE));
  outputs.forEach((value, index) => {
    b.output(`y${index}`, value, 'float', null);
  });
  return { ...b.toModel(), opsets: new Map([['', opset]]) };
}

async function run(onnx: OnnxModel): Promise<Record<string, { dims: readonly number[]; data: number[] }>> {
  const session = await ort.InferenceSession.create(encodeOnnxModel(onnx), { intraOpNumThreads: 1 });
  const results = await session.run({ x: new ort.Tensor('float32', DATA, SHAPE) });
  return Object.fromEntries(Object.entries(results).map(([name, { dims, data }]) => [name, { dims, data: Array.from(data as Float32Array) }]));
}

describe('raiseOpset', () => {
  it.each<[string, number, (b: OnnxBuilder, x: string) => readonly string[]]>([
    ['reductions with axes', 11, (b, x) => ['ReduceMean', 'ReduceMax', 'ReduceMin', 'ReduceProd', 'ReduceL1', 'ReduceL2', 'ReduceLogSumExp', 'ReduceSumSquare'].map((op) => b.op(op, [x], { axes: attr.ints([1, -1]), keepdims: attr.int(0) }))],
    ['reductions of everything', 17, (b, x) => [b.op('ReduceMean', [x])]],
    ['sums', 11, (b, x) => [b.op('ReduceSum', [x], { axes: attr.ints([2]) })]],
    ['sums whose axes are an input already', 13, (b, x) => [b.op('ReduceSum', [x, b.ints([2])])]],
    ['axes added and taken away', 12, (b, x) => [b.op('Squeeze', [b.op('Unsqueeze', [x], { axes: attr.ints([0, 3]) })], { axes: attr.ints([0]) })]],
    ['parts of given sizes', 11, (b, x) => b.add('Split', [x], { outputs: 2, attrs: { axis: attr.int(1), split: attr.ints([1, 2]) } })],
    ['equal parts', 11, (b, x) => b.add('Split', [x], { outputs: 2, attrs: { axis: attr.int(2) } })],
    ['equal parts since 13', 13, (b, x) => b.add('Split', [x], { outputs: 4, attrs: { axis: attr.int(3) } })],
    ['softmax over several axes at once', 11, (b, x) => [b.op('Softmax', [x], { axis: attr.int(2) }), b.op('Softmax', [x]), b.op('LogSoftmax', [x], { axis: attr.int(-1) })]],
    ['softmax since 13', 13, (b, x) => [b.op('Softmax', [x])]],
    ['dropout', 11, (b, x) => [b.op('Dropout', [x], { ratio: attr.float(0.5) })]],
    ['regions of interest', 11, (b, x) => [b.op('RoiAlign', [x, b.floats([0.3, 0.2, 3.1, 2.8], [1, 4]), b.ints([1])], { output_height: attr.int(3), output_width: attr.int(2) })]],
    ['scaling', 11, (b, x) => [b.op('Resize', [x, b.floats([], [0]), b.floats([1, 1, 2, 2])], { mode: attr.text('nearest'), coordinate_transformation_mode: attr.text('asymmetric'), nearest_mode: attr.text('floor') })]],
  ])('keeps what is computed: %s (from %i)', async (_what, opset, write) => {
    const old = model(opset, write);
    const raised = raiseOpset(old, 18);
    expect(raised.opsets.get('')).toBe(18);
    expect(await run(raised)).toEqual(await run(old));
  });

  it('raises graphs inside graphs', async () => {
    const old = model(12, (b, x) => {
      const branch = (value: number): ReturnType<typeof attr.graph> => {
        const inner = b.subgraph();
        inner.output(`branch${value}`, inner.op('Mul', [inner.op('ReduceMax', [x], { axes: attr.ints([1]) }), inner.float(value)]), 'float', null);
        return attr.graph(inner.toGraph());
      };
      const condition = b.op('Greater', [b.op('ReduceMax', [x], { keepdims: attr.int(0) }), b.float(0)]);
      return [b.op('If', [condition], { then_branch: branch(2), else_branch: branch(3) })];
    });
    expect(await run(raiseOpset(old, 18))).toEqual(await run(old));
  });

  it('leaves newer ones as they are', () => {
    const onnx = model(20, (b, x) => [b.op('Relu', [x])]);
    expect(raiseOpset(onnx, 18)).toBe(onnx);
  });

  it.each<[string, OnnxModel, RegExp]>([
    ['sets older than 11', model(9, (b, x) => [b.op('Relu', [x])]), /model: it is written for operator set 9: export it with opset 11 or newer \(18 is best\)/],
    ['a way of scaling that is gone', model(11, (b, x) => [b.op('Resize', [x, b.floats([], [0]), b.floats([1, 1, 2, 2])], { coordinate_transformation_mode: attr.text('tf_half_pixel_for_nn') })]), /places pixels as tf_half_pixel_for_nn/],
  ])('refuses %s', (_what, onnx, message) => {
    expect(() => raiseOpset(onnx, 18)).toThrow(message);
  });
});
