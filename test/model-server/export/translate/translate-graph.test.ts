import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../src/core/errors.js';
import type { TfAttr, TfGraph, TfNode } from '../../../../src/model-server/export/graph/tf-graph.js';
import type { OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';
import { translateGraph } from '../../../../src/model-server/export/translate/translate-graph.js';
import type { Tensor } from '../../../../src/serving/tensor.js';
import { difference, noise, runInOnnxRuntime } from './tfjs-reference.js';

function node(name: string, op: string, inputs: readonly string[] = [], attrs: Readonly<Record<string, TfAttr>> = {}): TfNode {
  return { name, op, inputs: inputs.map((input) => ({ node: input, index: 0 })), attrs: new Map(Object.entries(attrs)) };
}

function weight(name: string, value: Tensor): TfNode {
  return node(name, 'Const', [], { value: { kind: 'tensor', value } });
}

function whole(name: string, shape: readonly number[], values: readonly number[]): TfNode {
  return weight(name, { dtype: 'int32', shape, data: Int32Array.from(values) });
}

function graph(shape: readonly number[] | null, nodes: readonly TfNode[], output: string): TfGraph {
  const all = [node('x', 'Placeholder'), ...nodes];
  return { nodes: new Map(all.map((each) => [each.name, each])), inputs: [{ name: 'x', port: { node: 'x', index: 0 }, dtype: 'float', shape }], outputs: [{ name: output, port: { node: output, index: 0 }, dtype: 'float', shape: null }] };
}

const valid: Readonly<Record<string, TfAttr>> = { padding: { kind: 'string', value: 'VALID' }, strides: { kind: 'list', values: [1, 1, 1, 1].map((value) => ({ kind: 'int', value })) } };

function operators({ graph: { nodes } }: OnnxModel): string[] {
  return nodes.map(({ opType }) => opType);
}

/** A convolution between SpaceToBatchND and BatchToSpaceND: how TensorFlow writes dilations. */
function dilated(shape: readonly number[], paddings: readonly number[], crops: readonly number[]): TfGraph {
  const filter = { dtype: 'float', shape: [3, 3, 2, 4], data: Float32Array.from(noise([3, 3, 2, 4], 5).values) } as const;
  const nodes = [
    whole('block', [2], [2, 2]), whole('paddings', [2, 2], paddings), whole('crops', [2, 2], crops), weight('filter', filter),
    node('cut', 'SpaceToBatchND', ['x', 'block', 'paddings']), node('conv', 'Conv2D', ['cut', 'filter'], valid), node('y', 'BatchToSpaceND', ['conv', 'block', 'crops']),
  ];
  return graph(shape, nodes, 'y');
}

describe('translateGraph', () => {
  it('writes a dilated convolution as one', async () => {
    const model = translateGraph(dilated([-1, 7, 8, 2], [2, 3, 2, 2], [0, 1, 0, 0]));
    expect(operators(model)).toEqual(['Transpose', 'Conv', 'Transpose', 'Identity']);
    const x = noise([2, 7, 8, 2], 1);
    // The same with a crop that no padding of a convolution can be: block by block.
    const long = translateGraph(dilated([2, 7, 8, 2], [2, 3, 2, 2], [0, 1, 0, 0].map((crop, index) => (index === 2 ? 4 : crop))));
    expect(operators(long)).toContain('Pad');
    const [[result], [cropped]] = [await runInOnnxRuntime(model, { x }), await runInOnnxRuntime(long, { x })];
    expect(result?.shape).toEqual([2, 7, 8, 4]);
    const rows = result?.values.filter((_, index) => Math.floor(index / 4) % 8 >= 4);
    expect(difference(cropped === undefined ? [] : [cropped], [{ dtype: 'float32', shape: [2, 7, 4, 4], values: rows ?? [] }])).toBeNull();
  });

  it('leaves out what no output needs, and follows shapes through what is computed of them', () => {
    const nodes = [
      whole('zero', [1], [0]), whole('one', [1], [1]), whole('three', [], [3]), whole('minus', [], [-1]),
      node('unused', 'Softmax', ['x']), node('shape', 'Shape', ['x']),
      node('batch', 'StridedSlice', ['shape', 'zero', 'one', 'one'], { shrink_axis_mask: { kind: 'int', value: 1 } }),
      node('target', 'Pack', ['batch', 'minus', 'three'], { axis: { kind: 'int', value: 0 } }), node('y', 'Reshape', ['x', 'target']),
    ];
    const model = translateGraph(graph([-1, 2, 6], nodes, 'y'));
    expect(operators(model)).not.toContain('Softmax');
    expect(model.graph.outputs[0]?.shape?.at(-1)).toBe(3);
    expect(model.graph.outputs[0]?.shape).toHaveLength(3);
  });

  it('names every operator that it does not know, how often, and where', () => {
    const nodes = [node('a', 'Mystery', ['x']), node('b', 'Mystery', ['a']), node('y', 'Riddle', ['b'])];
    expect(() => translateGraph(graph([1], nodes, 'y'))).toThrow(ConfigError);
    expect(() => translateGraph(graph([1], nodes, 'y'))).toThrow('Mystery (2, a), Riddle (1, y); the outputs y need them');
  });

  it.each<[string, readonly TfNode[], string]>([
    ['axes that are computed', [node('s', 'Shape', ['x']), node('y', 'Sum', ['x', 's'])], 'Sum y: its axes are computed while it runs'],
    ['an axis that is not there', [whole('axis', [1], [7]), node('y', 'Sum', ['x', 'axis'])], 'Sum y: axis 7 of a value with 3 axes'],
    ['too few inputs', [node('y', 'Add', ['x'])], 'Add y: it has 1 inputs, more were expected'],
    ['a picture that is none', [node('y', 'MaxPool', ['x'], { ...valid, ksize: valid['strides'] as TfAttr })], 'MaxPool y: expected a picture of four axes, got 3'],
  ])('refuses %s', (_what, nodes, message) => {
    const unknown = message.includes('computed');
    expect(() => translateGraph(graph(unknown ? [-1, -1, -1] : [2, 3, 4], nodes, 'y'))).toThrow(ConfigError);
    expect(() => translateGraph(graph(unknown ? [-1, -1, -1] : [2, 3, 4], nodes, 'y'))).toThrow(message);
  });
});
