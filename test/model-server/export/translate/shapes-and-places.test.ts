import { describe, expect, it } from 'vitest';
import { expectSame, expectSameInBothOrders } from './expect-same.js';
import { attrs, constant, float, int, noise, runTranslated, type Data } from './tfjs-reference.js';

const T = attrs.type('float32');

describe('shapes', () => {
  it('Shape, Size, Rank of a picture in both orders', async () => {
    await expectSameInBothOrders({ op: 'Shape', inputs: [noise([2, 3, 4, 5], 1)], attr: { out_type: attrs.type('int32') } });
    await expectSameInBothOrders({ op: 'Size', inputs: [noise([2, 3, 4, 5], 1)], attr: { out_type: attrs.type('int32') } });
    await expectSameInBothOrders({ op: 'Rank', inputs: [noise([2, 3, 4, 5], 1)] });
  });

  it('Reshape, with one size left open, and to a computed shape', async () => {
    await expectSameInBothOrders({ op: 'Reshape', inputs: [noise([2, 3, 4, 5], 1), constant(int([3], [6, -1, 2]))], attr: { T } });
    await expectSame({ op: 'Reshape', inputs: [noise([2, 6], 1), int([3], [2, 2, -1])], attr: { T } });
    await expectSame({ op: 'Reshape', inputs: [noise([1, 1], 1), constant(int([0], []))], attr: { T } });
  });

  it('ExpandDims and Squeeze', async () => {
    for (const axis of [0, 2, -1]) await expectSame({ op: 'ExpandDims', inputs: [noise([2, 3], 1), constant(int([], [axis]))], attr: { T } });
    for (const axes of [[1], [1, 2], [-3]]) await expectSameInBothOrders({ op: 'Squeeze', inputs: [noise([2, 1, 1, 3], 1)], attr: { squeeze_dims: attrs.ints(...axes), T } });
    await expectSameInBothOrders({ op: 'Squeeze', inputs: [noise([1, 3, 1, 2], 1)], attr: { T } });
  });

  it('Transpose, from and to NCHW too', async () => {
    for (const permutation of [[0, 3, 1, 2], [0, 2, 3, 1], [3, 1, 0, 2], [0, 1, 2, 3]]) await expectSameInBothOrders({ op: 'Transpose', inputs: [noise([2, 3, 4, 5], 1), constant(int([4], permutation))], attr: { T } });
  });

  it('Fill, Range, BroadcastTo', async () => {
    await expectSame({ op: 'Fill', inputs: [constant(int([2], [2, 3])), float([], [1.5])], attr: { T } });
    await expectSame({ op: 'Fill', inputs: [int([2], [2, 3]), constant(float([], [1.5]))], attr: { T } });
    await expectSame({ op: 'Range', inputs: [constant(int([], [2])), constant(int([], [11])), constant(int([], [3]))], attr: { Tidx: attrs.type('int32') } });
    await expectSame({ op: 'BroadcastTo', inputs: [noise([3, 1], 1), constant(int([3], [2, 3, 4]))], attr: { T } });
  });

  it('DepthToSpace', async () => {
    await expectSameInBothOrders({ op: 'DepthToSpace', inputs: [noise([2, 3, 2, 8], 1)], attr: { block_size: attrs.int(2), data_format: attrs.text('NHWC'), T } });
  });

  // TensorFlow.js has no SpaceToDepth; it is the way back.
  it('SpaceToDepth undoes DepthToSpace', async () => {
    const picture = noise([1, 4, 6, 2], 3);
    const attr = { block_size: attrs.int(2), data_format: attrs.text('NHWC'), T };
    const [deep] = await runTranslated({ op: 'SpaceToDepth', inputs: [picture], attr });
    expect(deep?.shape).toEqual([1, 2, 3, 8]);
    const [back] = await runTranslated({ op: 'DepthToSpace', inputs: [deep as Data], attr });
    expect(back?.values).toEqual(picture.values);
  });
});

describe('places', () => {
  it('GatherV2 along any axis', async () => {
    for (const axis of [0, 1, -1]) await expectSame({ op: 'GatherV2', inputs: [noise([3, 4, 5], 1), int([2, 2], [0, 2, 1, 1]), constant(int([], [axis]))], attr: { Tparams: T } });
    await expectSame({ op: 'GatherV2', inputs: [noise([2, 4, 3], 1), int([2, 2], [0, 2, 1, 1]), constant(int([], [1]))], attr: { batch_dims: attrs.int(1), Tparams: T } });
  });

  it('GatherNd', async () => {
    await expectSame({ op: 'GatherNd', inputs: [noise([3, 4, 5], 1), int([2, 2], [0, 3, 2, 1])], attr: { Tparams: T } });
  });

  it('OneHot, with nothing on where the index is none', async () => {
    const rest = [constant(int([], [4])), constant(float([], [2])), constant(float([], [-1]))];
    await expectSame({ op: 'OneHot', inputs: [int([5], [0, 3, -1, 4, 1]), ...rest], attr: { axis: attrs.int(-1), TI: attrs.type('int32') } });
    // TensorFlow.js does not look at the axis.
    const [first] = await runTranslated({ op: 'OneHot', inputs: [int([2], [1, 0]), ...rest], attr: { axis: attrs.int(0) } });
    expect(first?.values).toEqual([-1, 2, 2, -1, -1, -1, -1, -1]);
  });

  it('Where', async () => {
    await expectSame({ op: 'Where', inputs: [{ dtype: 'bool', shape: [2, 3], values: [0, 1, 1, 1, 0, 0] }] });
  });

  it('NonMaxSuppressionV3, V4 and V5', async () => {
    const boxes = float([5, 4], [0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 0, 0.3, 0.3, 2, 2, 3, 3, 2, 2, 3, 3.05]);
    const scores = float([5], [0.9, 0.75, 0.6, 0.95, 0.3]);
    const rest = [constant(int([], [4])), constant(float([], [0.5])), constant(float([], [0.4]))];
    await expectSame({ op: 'NonMaxSuppressionV3', inputs: [boxes, scores, ...rest] });
    await expectSame({ op: 'NonMaxSuppressionV4', inputs: [boxes, scores, ...rest], attr: { pad_to_max_output_size: attrs.bool(true) }, outputs: 2 });
    await expectSame({ op: 'NonMaxSuppressionV5', inputs: [boxes, scores, ...rest, constant(float([], [0]))], outputs: 2 });
  });
});

describe('products', () => {
  it('MatMul with either side transposed', async () => {
    for (const [left, right] of [[false, false], [true, false], [false, true], [true, true]] as const) {
      const inputs = [noise(left ? [4, 2] : [2, 4], 1), constant(noise(right ? [3, 4] : [4, 3], 2))];
      await expectSame({ op: 'MatMul', inputs, attr: { transpose_a: attrs.bool(left), transpose_b: attrs.bool(right), T } });
      await expectSame({ op: 'BatchMatMulV2', inputs: [noise(left ? [5, 4, 2] : [5, 2, 4], 1), noise(right ? [1, 3, 4] : [1, 4, 3], 2)], attr: { adj_x: attrs.bool(left), adj_y: attrs.bool(right), T } });
    }
  });

  it('Einsum', async () => {
    await expectSame({ op: 'Einsum', inputs: [noise([2, 3, 4], 1), noise([4, 5], 2)], attr: { equation: attrs.text('bij,jk->bik'), N: attrs.int(2), T } });
  });
});
