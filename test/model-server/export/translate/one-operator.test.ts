import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSame, expectSameInBothOrders } from './expect-same.js';
import { attrs, constant, float, int, noise, runTranslated, type Data, type OneOperator } from './tfjs-reference.js';

const size = fc.integer({ min: 1, max: 4 });
const seed = fc.nat(1000);
const anyShape = fc.array(size, { minLength: 0, maxLength: 4 });
const picture = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 5, max: 9 }), fc.integer({ min: 5, max: 9 }), fc.integer({ min: 1, max: 4 }));
const few = { numRuns: 12 };

describe('convolutions', () => {
  const windows = fc.record({ shape: picture, kernel: fc.tuple(size, size), outputs: fc.integer({ min: 1, max: 3 }), stride: fc.integer({ min: 1, max: 3 }), dilation: fc.integer({ min: 1, max: 2 }), padding: fc.constantFrom('SAME', 'VALID'), seed });

  /** TensorFlow takes strides or dilations, not both. */
  function window({ kernel, stride, dilation, padding }: { kernel: readonly number[]; stride: number; dilation: number; padding: string }): Record<string, unknown> {
    const step = dilation > 1 ? 1 : stride;
    // A kernel that does not fit is none.
    const fits = kernel.every((extent) => (extent - 1) * dilation + 1 <= 5);
    return { strides: attrs.ints(1, step, step, 1), dilations: attrs.ints(1, fits ? dilation : 1, fits ? dilation : 1, 1), padding: attrs.text(padding), data_format: attrs.text('NHWC') };
  }

  it('Conv2D with any stride, dilation and padding', async () => {
    await fc.assert(fc.asyncProperty(windows, async (given) => {
      const attr = window(given);
      await expectSame({ op: 'Conv2D', inputs: [noise(given.shape, given.seed), constant(noise([...given.kernel, given.shape[3], given.outputs], given.seed + 1))], attr });
    }), { numRuns: 30 });
  });

  it('DepthwiseConv2dNative with any stride, dilation and padding', async () => {
    await fc.assert(fc.asyncProperty(windows, async (given) => {
      const attr = window(given);
      await expectSame({ op: 'DepthwiseConv2dNative', inputs: [noise(given.shape, given.seed), constant(noise([...given.kernel, given.shape[3], given.outputs], given.seed + 1))], attr });
    }), { numRuns: 30 });
  });

  it('Conv2D with paddings of its own', async () => {
    for (const [top, bottom, left, right] of [[1, 0, 2, 1], [0, 0, 0, 0], [2, 1, 0, 1]] as const) {
      const attr = { strides: attrs.ints(1, 2, 2, 1), dilations: attrs.ints(1, 1, 1, 1), padding: attrs.text('EXPLICIT'), explicit_paddings: attrs.ints(0, 0, top, bottom, left, right, 0, 0), data_format: attrs.text('NHWC') };
      await expectSame({ op: 'Conv2D', inputs: [noise([1, 8, 7, 2], 3), constant(noise([3, 3, 2, 4], 4))], attr });
    }
  });

  it('Conv2D with a filter that is computed', async () => {
    const attr = { strides: attrs.ints(1, 1, 1, 1), dilations: attrs.ints(1, 1, 1, 1), padding: attrs.text('SAME'), data_format: attrs.text('NHWC') };
    await expectSame({ op: 'Conv2D', inputs: [noise([1, 6, 5, 2], 3), noise([3, 3, 2, 4], 4)], attr }, { dynamic: false });
  });

  it.each(['Relu', 'Relu6', 'Elu', 'LeakyRelu', 'Prelu', 'Sigmoid', null])('_FusedConv2D, FusedDepthwiseConv2dNative and _FusedMatMul with a bias and %s', async (activation) => {
    const slopes = activation === 'Prelu' ? [constant(noise([4], 9))] : [];
    const attr = { strides: attrs.ints(1, 2, 2, 1), dilations: attrs.ints(1, 1, 1, 1), padding: attrs.text('SAME'), data_format: attrs.text('NHWC'), fused_ops: attrs.texts('BiasAdd', ...(activation === null ? [] : [activation])), num_args: attrs.int(1 + slopes.length), leakyrelu_alpha: attrs.float(0.3), epsilon: attrs.float(0) };
    const bias = constant(noise([4], 8));
    await expectSame({ op: '_FusedConv2D', inputs: [noise([2, 7, 6, 3], 5, 4), constant(noise([3, 3, 3, 4], 6)), bias, ...slopes], attr });
    // TensorFlow.js forgets the slope of a depthwise one: it answers NaN.
    if (activation !== 'LeakyRelu') await expectSame({ op: 'FusedDepthwiseConv2dNative', inputs: [noise([2, 7, 6, 2], 5, 4), constant(noise([3, 3, 2, 2], 6)), bias, ...slopes], attr });
    await expectSame({ op: '_FusedMatMul', inputs: [noise([3, 5], 5, 4), constant(noise([5, 4], 6)), bias, ...slopes], attr: { ...attr, transpose_a: attrs.bool(false), transpose_b: attrs.bool(false) } });
  });

  it('Conv2DBackpropInput with any stride and padding', async () => {
    await fc.assert(fc.asyncProperty(windows, async ({ kernel, stride, outputs, padding, shape, seed: start }) => {
      const [batch, height, width, channels] = shape;
      const [high, wide] = kernel;
      // What the convolution forwards would have been given; some of it may not have been looked at.
      const [outHeight, outWidth] = padding === 'SAME' ? [height * stride - (stride > 1 ? 1 : 0), width * stride] : [(height - 1) * stride + high + (stride > 1 ? 1 : 0), (width - 1) * stride + wide];
      const attr = { strides: attrs.ints(1, stride, stride, 1), dilations: attrs.ints(1, 1, 1, 1), padding: attrs.text(padding), data_format: attrs.text('NHWC') };
      await expectSame({ op: 'Conv2DBackpropInput', inputs: [constant(int([4], [batch, outHeight, outWidth, outputs])), constant(noise([high, wide, outputs, channels], start)), noise([batch, height, width, channels], start + 1)], attr });
    }), { numRuns: 30 });
  });

  it('SpaceToBatchND and BatchToSpaceND', async () => {
    await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 2 }), fc.nat(2), seed, async (down, across, before, start) => {
      const after = [(6 * down - 5 - before + 2 * down) % down, (6 * across - 4 - before + 2 * across) % across];
      const padded: OneOperator = { op: 'SpaceToBatchND', inputs: [noise([2, 5, 4, 3], start), constant(int([2], [down, across])), constant(int([2, 2], [before, after[0] ?? 0, before, after[1] ?? 0]))] };
      await expectSame(padded, { dynamic: false });
      await expectSame({ op: 'BatchToSpaceND', inputs: [noise([2 * down * across, 3, 2, 3], start), constant(int([2], [down, across])), constant(int([2, 2], [0, down - 1, across - 1, 0]))] }, { dynamic: false });
    }), few);
  });
});

describe('pools', () => {
  it.each(['MaxPool', 'AvgPool'])('%s with any stride and padding, counting only what is in the picture', async (op) => {
    await fc.assert(fc.asyncProperty(picture, size, fc.integer({ min: 1, max: 3 }), fc.constantFrom('SAME', 'VALID'), seed, async (shape, kernel, stride, padding, start) => {
      await expectSame({ op, inputs: [noise(shape, start)], attr: { ksize: attrs.ints(1, kernel, kernel, 1), strides: attrs.ints(1, stride, stride, 1), padding: attrs.text(padding), data_format: attrs.text('NHWC') } }, { dynamic: kernel >= stride });
    }), { numRuns: 25 });
  });
});

describe('resizing', () => {
  it.each(['ResizeBilinear', 'ResizeNearestNeighbor'])('%s in each of its ways', async (op) => {
    await fc.assert(fc.asyncProperty(picture, fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }), fc.constantFrom('align_corners', 'half_pixel_centers', ''), seed, async (shape, height, width, way, start) => {
      await expectSame({ op, inputs: [noise(shape, start), constant(int([2], [height, width]))], attr: { align_corners: attrs.bool(way === 'align_corners'), half_pixel_centers: attrs.bool(way === 'half_pixel_centers') } });
    }), { numRuns: 40 });
  });
});

describe('element by element', () => {
  const shapes = fc.tuple(anyShape, fc.nat(4), fc.array(fc.boolean(), { minLength: 4, maxLength: 4 })).map(([shape, cut, ones]) => [shape, shape.slice(Math.min(cut, shape.length)).map((length, axis) => (ones[axis] === true ? 1 : length))] as const);

  it.each(['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Maximum', 'Minimum', 'SquaredDifference', 'FloorDiv', 'FloorMod'])('%s of real numbers', async (op) => {
    await fc.assert(fc.asyncProperty(shapes, seed, async ([left, right], start) => {
      const divisor = noise(right, start + 1, 3);
      const away = float(right, divisor.values.map((value) => (Math.abs(value) < 0.2 ? 0.7 : value)));
      await expectSame({ op, inputs: [noise(left, start, 9), constant(away)], attr: { T: attrs.type('float32') } });
      await expectSame({ op, inputs: [away, noise(left, start, 9).shape.length === 0 ? float([], [3.5]) : float(left, noise(left, start, 9).values.map((value) => (Math.abs(value) < 0.2 ? 0.7 : value)))], attr: { T: attrs.type('float32') } });
    }), few);
  });

  it.each(['Add', 'Sub', 'Mul', 'Maximum', 'Minimum', 'FloorMod'])('%s of whole numbers, negative ones too', async (op) => {
    await fc.assert(fc.asyncProperty(shapes, seed, async ([left, right], start) => {
      const whole = (shape: readonly number[], from: number): Data => int(shape, noise(shape, from, 20).values.map((value) => Math.round(value) || 7));
      await expectSame({ op, inputs: [whole(left, start), whole(right, start + 1)], attr: { T: attrs.type('int32') } });
    }), few);
  });

  // TensorFlow.js divides whole numbers as real ones in single precision: by arithmetic.
  it('FloorDiv of whole numbers rounds down, also below zero', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.integer({ min: -50, max: 50 }).filter((value) => value !== 0)), { minLength: 1, maxLength: 20 }), async (pairs) => {
      const [left, right] = [int([pairs.length], pairs.map(([a]) => a)), int([pairs.length], pairs.map(([, b]) => b))];
      const [result] = await runTranslated({ op: 'FloorDiv', inputs: [left, right], attr: { T: attrs.type('int32') } });
      expect(result?.values).toEqual(pairs.map(([a, b]) => Math.floor(a / b)).map((value) => (value === 0 ? 0 : value)));
    }), few);
  });

  it.each(['Add', 'Mul', 'Sub', 'Maximum', 'SquaredDifference', 'Greater', 'FloorMod'])('%s of a picture that lies channels first and whatever is broadcast to it', async (op) => {
    const shape = [2, 3, 4, 5];
    const others = [[], [5], [4, 1], [3, 1, 5], [2, 1, 1, 5], [1, 3, 4, 5], [1]];
    for (const other of others) {
      for (const right of [noise(other, 4), constant(noise(other, 4))]) {
        await expectSame({ op, inputs: [noise(shape, 1), right], attr: { T: attrs.type('float32') }, pooled: [0] });
        await expectSame({ op, inputs: [right, noise(shape, 1)], attr: { T: attrs.type('float32') }, pooled: [1] });
      }
    }
    await expectSame({ op, inputs: [noise(shape, 1), noise([2, 3, 4, 1], 2)], attr: { T: attrs.type('float32') }, pooled: [0, 1] });
  });

  it.each(['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual'])('%s', async (op) => {
    const left = int([2, 3], [1, 2, 3, -1, 0, 5]);
    for (const right of [constant(int([3], [1, 0, 3])), int([2, 1], [2, 0]), constant(int([], [1]))]) await expectSame({ op, inputs: [left, right], attr: { T: attrs.type('int32') } });
    await expectSame({ op, inputs: [float([4], [0.5, 1, -1, 2]), float([4], [1, 1, -2, 3])], attr: { T: attrs.type('float32') } });
  });

  it.each(['LogicalAnd', 'LogicalOr'])('%s', async (op) => {
    const truth = (values: readonly number[]): Data => ({ dtype: 'bool', shape: [values.length], values });
    await expectSame({ op, inputs: [truth([0, 0, 1, 1]), truth([0, 1, 0, 1])] });
    await expectSame({ op: 'LogicalNot', inputs: [truth([0, 1])] });
  });

  it.each(['Abs', 'Neg', 'Sign', 'Floor', 'Ceil', 'Round', 'Exp', 'Sigmoid', 'Tanh', 'Erf', 'Relu', 'Relu6', 'Selu', 'Elu', 'Softplus', 'Square', 'Sin', 'Cos', 'Atan', 'Expm1', 'LeakyRelu', 'ZerosLike', 'OnesLike', 'Reciprocal'])('%s', async (op) => {
    await fc.assert(fc.asyncProperty(anyShape, seed, async (shape, start) => {
      const values = noise(shape, start, 8).values.map((value, index) => (index % 7 === 3 ? Math.round(value) + 0.5 : Math.abs(value) < 0.05 ? 1 : value));
      await expectSame({ op, inputs: [float(shape, values)], attr: { T: attrs.type('float32'), alpha: attrs.float(0.3) } });
    }), few);
  });

  it.each(['Log', 'Sqrt', 'Rsqrt', 'Log1p'])('%s', async (op) => {
    await expectSame({ op, inputs: [float([2, 3], [0.1, 1, 2, 3, 40, 500])], attr: { T: attrs.type('float32') } });
  });

  it('Prelu, ClipByValue, Pow, AddN, BiasAdd, Select', async () => {
    await expectSameInBothOrders({ op: 'Prelu', inputs: [noise([1, 3, 2, 4], 1), constant(noise([1, 1, 4], 2))] });
    await expectSameInBothOrders({ op: 'BiasAdd', inputs: [noise([1, 3, 2, 4], 1), constant(noise([4], 2))], attr: { T: attrs.type('float32'), data_format: attrs.text('NHWC') } });
    for (const op of ['Relu6', 'LeakyRelu', 'ZerosLike', 'Cast']) await expectSameInBothOrders({ op, inputs: [noise([1, 3, 2, 4], 1, 9)], attr: { alpha: attrs.float(0.1), DstT: attrs.type('int32'), T: attrs.type('float32') } });
    await expectSame({ op: 'ClipByValue', inputs: [noise([3, 4], 1), constant(float([], [-0.5])), constant(float([], [0.7]))] });
    await expectSame({ op: 'Pow', inputs: [float([3], [0.5, 2, 3]), float([], [2.5])], attr: { T: attrs.type('float32') } });
    await expectSame({ op: 'AddN', inputs: [noise([2, 3], 1), noise([2, 3], 2), noise([2, 3], 3)], attr: { N: attrs.int(3), T: attrs.type('float32') } });
    await expectSame({ op: 'BiasAdd', inputs: [noise([2, 3, 4], 1), constant(noise([4], 2))], attr: { T: attrs.type('float32'), data_format: attrs.text('NHWC') } });
    const condition: Data = { dtype: 'bool', shape: [3], values: [1, 0, 1] };
    await expectSame({ op: 'Select', inputs: [condition, noise([3], 1), noise([3], 2)] });
    // A condition for each row is TensorFlow's own, TensorFlow.js has it not.
    const [yes, no] = [noise([3, 2], 1), noise([3, 2], 2)];
    const [rows] = await runTranslated({ op: 'Select', inputs: [condition, yes, no] });
    expect(rows?.values).toEqual(yes.values.map((value, index) => (index < 2 || index > 3 ? value : no.values[index])));
    await expectSame({ op: 'SelectV2', inputs: [condition, noise([2, 3], 1), constant(float([], [9]))] });
  });

  it('Cast between all types', async () => {
    const from: Data[] = [float([5], [-1.7, 0, 0.5, 2.9, 100]), int([3], [0, -5, 7]), { dtype: 'bool', shape: [2], values: [0, 1] }];
    for (const data of from) {
      for (const to of ['float32', 'int32', 'bool'] as const) await expectSame({ op: 'Cast', inputs: [data], attr: { SrcT: attrs.type(data.dtype), DstT: attrs.type(to) } });
    }
  });
});
