import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectSame, expectSameInBothOrders } from './expect-same.js';
import { attrs, constant, float, int, noise, runTranslated, type Data } from './tfjs-reference.js';

const seed = fc.nat(1000);
const picture = fc.tuple(fc.integer({ min: 1, max: 2 }), fc.integer({ min: 2, max: 4 }), fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 3 }));
const someAxes = fc.subarray([0, 1, 2, 3], { minLength: 1 });
const few = { numRuns: 12 };
const T = attrs.type('float32');

describe('reductions', () => {
  it.each(['Mean', 'Sum', 'Max', 'Min', 'Prod'])('%s over any axes, kept or not', async (op) => {
    await fc.assert(fc.asyncProperty(picture, someAxes, fc.boolean(), fc.boolean(), seed, async (shape, axes, keep, fromEnd, start) => {
      const listed = axes.map((axis) => (fromEnd ? axis - 4 : axis));
      await expectSameInBothOrders({ op, inputs: [noise(shape, start), constant(int([axes.length], listed))], attr: { keep_dims: attrs.bool(keep), T } });
    }), { numRuns: 20 });
  });

  it.each(['All', 'Any'])('%s', async (op) => {
    const data: Data = { dtype: 'bool', shape: [2, 3], values: [1, 1, 1, 0, 1, 0] };
    for (const axes of [[0], [1], [0, 1]]) await expectSame({ op, inputs: [data, constant(int([axes.length], axes))], attr: { keep_dims: attrs.bool(axes[0] === 1) } });
  });

  it.each(['ArgMax', 'ArgMin'])('%s along any axis', async (op) => {
    await fc.assert(fc.asyncProperty(picture, fc.integer({ min: -4, max: 3 }), seed, async (shape, axis, start) => {
      // Whole numbers, so that some are equal: the first counts.
      const values = noise(shape, start).values.map(Math.round);
      await expectSameInBothOrders({ op, inputs: [float(shape, values), constant(int([], [axis]))], attr: { T, output_type: attrs.type('int32') } });
    }), few);
  });

  it.each(['Softmax', 'LogSoftmax'])('%s', async (op) => {
    await expectSameInBothOrders({ op, inputs: [noise([2, 3, 4, 5], 1)], attr: { T } });
    await expectSame({ op, inputs: [noise([3, 7], 1)], attr: { T } });
  });

  it('TopKV2: of equal ones the first', async () => {
    const attr = { sorted: attrs.bool(true), T };
    await expectSame({ op: 'TopKV2', inputs: [float([2, 6], [1, 3, 3, 2, 3, 0, 5, 5, 5, 5, 6, 5]), constant(int([], [4]))], attr, outputs: 2 });
    await expectSame({ op: 'TopKV2', inputs: [noise([40], 4), constant(int([], [7]))], attr, outputs: 2 });
  });

  it('Cumsum with each of its switches', async () => {
    for (const exclusive of [true, false]) {
      for (const reverse of [true, false]) await expectSame({ op: 'Cumsum', inputs: [noise([2, 3, 4], 3), constant(int([], [1]))], attr: { exclusive: attrs.bool(exclusive), reverse: attrs.bool(reverse) } });
    }
  });

  it('LRN and FusedBatchNormV3', async () => {
    await expectSameInBothOrders({ op: 'LRN', inputs: [noise([1, 2, 3, 7], 3)], attr: { depth_radius: attrs.int(2), bias: attrs.float(1.5), alpha: attrs.float(0.3), beta: attrs.float(0.7) } });
    const channels = (start: number): ReturnType<typeof constant> => constant(float([3], noise([3], start).values.map((value) => Math.abs(value) + 0.1)));
    await expectSameInBothOrders({ op: 'FusedBatchNormV3', inputs: [noise([2, 4, 3, 3], 3), channels(1), channels(2), channels(3), channels(4)], attr: { epsilon: attrs.float(0.01), data_format: attrs.text('NHWC'), is_training: attrs.bool(false) } });
  });
});

describe('putting together and taking apart', () => {
  it('ConcatV2 along any axis', async () => {
    await fc.assert(fc.asyncProperty(picture, fc.integer({ min: -4, max: 3 }), fc.integer({ min: 1, max: 3 }), seed, async (shape, axis, more, start) => {
      const other = shape.map((size, index) => (index === (axis + 4) % 4 ? more : size));
      const operator = { op: 'ConcatV2', inputs: [noise(shape, start), noise(other, start + 1), constant(int([], [axis]))], attr: { N: attrs.int(2), T } };
      await expectSameInBothOrders(operator);
      await expectSameInBothOrders(operator, [0, 1]);
    }), few);
  });

  it('Pack, Unpack, Split, SplitV', async () => {
    for (const axis of [0, 1, 2, -1]) await expectSame({ op: 'Pack', inputs: [noise([2, 3], 1), noise([2, 3], 2)], attr: { axis: attrs.int(axis), N: attrs.int(2), T } });
    for (const axis of [0, 1, -1]) await expectSame({ op: 'Unpack', inputs: [noise([2, 2, 2], 1)], attr: { axis: attrs.int(axis), num: attrs.int(2), T }, outputs: 2 });
    for (const axis of [1, 2, 3, -1]) {
      await expectSameInBothOrders({ op: 'Split', inputs: [constant(int([], [axis])), noise([2, 4, 4, 4], 1)], attr: { num_split: attrs.int(2), T }, outputs: 2 }, [1]);
      await expectSameInBothOrders({ op: 'SplitV', inputs: [noise([2, 4, 4, 4], 1), constant(int([2], [1, 3])), constant(int([], [axis]))], attr: { num_split: attrs.int(2), T }, outputs: 2 });
    }
    await expectSame({ op: 'SplitV', inputs: [noise([5, 2], 1), constant(int([3], [1, -1, 2])), constant(int([], [0]))], attr: { num_split: attrs.int(3), T }, outputs: 3 }, { dynamic: false });
  });

  it('Slice, computed bounds too', async () => {
    await expectSame({ op: 'Slice', inputs: [noise([3, 4, 5], 1), constant(int([3], [1, 0, 2])), constant(int([3], [2, -1, 3]))], attr: { T } });
    await expectSame({ op: 'Slice', inputs: [noise([3, 4, 5], 1), int([3], [1, 0, 2]), int([3], [2, -1, 3])], attr: { T } });
  });

  const bound = fc.integer({ min: -6, max: 6 });
  const mask = fc.integer({ min: 0, max: 15 });
  it('StridedSlice with any bounds, strides and masks', async () => {
    const entry = fc.record({ begin: bound, end: bound, stride: fc.constantFrom(1, 1, 2, -1, -2) });
    await fc.assert(fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 3 }), mask, mask, fc.constantFrom(0, 1, 2), fc.constantFrom(0, 1, 4), fc.boolean(), seed, async (entries, beginMask, endMask, shrink, added, computed, start) => {
      const shape = [4, 3, 5];
      // What is picked alone has to be there, and goes forwards.
      const used = entries.map((each, index) => ((shrink >> index) & 1 ? { begin: Math.abs(each.begin) % 3, end: (Math.abs(each.begin) % 3) + 1, stride: 1 } : each));
      const list = (key: 'begin' | 'end' | 'stride'): Data => int([used.length], used.map((each) => each[key]));
      const attr = { begin_mask: attrs.int(beginMask & ~shrink), end_mask: attrs.int(endMask & ~shrink), shrink_axis_mask: attrs.int(shrink), new_axis_mask: attrs.int(used.length < 3 ? added & ~shrink : 0), ellipsis_mask: attrs.int(0), T };
      const bounds = computed ? [list('begin'), list('end')] : [constant(list('begin')), constant(list('end'))];
      const expected = numpySlice(noise(shape, start), used, { beginMask: beginMask & ~shrink, endMask: endMask & ~shrink, shrink, added: used.length < 3 ? added & ~shrink : 0 });
      const operator = { op: 'StridedSlice', inputs: [noise(shape, start), ...bounds, constant(list('stride'))], attr };
      if (expected.shape.includes(0)) return;
      for (const dynamic of [false, true]) {
        const [result] = await runTranslated(operator, dynamic);
        expect(result?.shape).toEqual(expected.shape);
        expect(result?.values).toEqual(expected.values);
      }
    }), { numRuns: 60 });
  });

  it('StridedSlice with an ellipsis, as TensorFlow.js has it', async () => {
    const attr = { begin_mask: attrs.int(0), end_mask: attrs.int(0), shrink_axis_mask: attrs.int(4), new_axis_mask: attrs.int(0), ellipsis_mask: attrs.int(2), T };
    await expectSame({ op: 'StridedSlice', inputs: [noise([3, 4, 2, 5], 1), constant(int([3], [1, 0, -1])), constant(int([3], [3, 0, 5])), constant(int([3], [1, 1, 1]))], attr });
  });

  it('Pad, PadV2, MirrorPad', async () => {
    const paddings = constant(int([4, 2], [0, 0, 1, 2, 0, 3, 1, 0]));
    await expectSameInBothOrders({ op: 'Pad', inputs: [noise([2, 3, 4, 2], 1), paddings], attr: { T } });
    await expectSameInBothOrders({ op: 'PadV2', inputs: [noise([2, 3, 4, 2], 1), paddings, constant(float([], [7.5]))], attr: { T } });
    for (const mode of ['REFLECT', 'SYMMETRIC']) await expectSameInBothOrders({ op: 'MirrorPad', inputs: [noise([2, 3, 4, 2], 1), constant(int([4, 2], [0, 0, 1, 2, 0, 3, 1, 0]))], attr: { mode: attrs.text(mode), T } });
  });

  it('ReverseV2 and Tile', async () => {
    await expectSameInBothOrders({ op: 'ReverseV2', inputs: [noise([2, 3, 4, 2], 1), constant(int([2], [1, 3]))], attr: { T } });
    await expectSame({ op: 'Tile', inputs: [noise([2, 3], 1), constant(int([2], [2, 3]))], attr: { T } });
  });
});

type Entry = { readonly begin: number; readonly end: number; readonly stride: number };

/** `x[…]` by hand: TensorFlow.js gives other results than TensorFlow where bounds are beyond the ends and strides negative. */
function numpySlice({ shape, values }: Data, entries: readonly Entry[], masks: { beginMask: number; endMask: number; shrink: number; added: number }): { shape: number[]; values: number[] } {
  const picks: number[][] = [];
  const result: (number | 'gone')[] = [];
  let axis = 0;
  const wanted: ('new' | 'gone' | 'kept')[] = [];
  for (const [index, { begin, end, stride }] of entries.entries()) {
    const has = (mask: number): boolean => ((mask >> index) & 1) === 1;
    if (has(masks.added)) {
      wanted.push('new');
      continue;
    }
    const size = shape[axis++] ?? 0;
    const from = has(masks.beginMask) ? (stride > 0 ? 0 : size - 1) : begin < 0 ? begin + size : begin;
    const to = has(masks.endMask) ? (stride > 0 ? size : -1) : end < 0 ? end + size : end;
    const [least, most] = stride > 0 ? [0, size] : [-1, size - 1];
    const picked: number[] = [];
    const last = Math.min(Math.max(to, least), most);
    for (let at = Math.min(Math.max(from, least), most); stride > 0 ? at < last : at > last; at += stride) picked.push(at);
    picks.push(picked);
    wanted.push(has(masks.shrink) ? 'gone' : 'kept');
  }
  for (; axis < shape.length; axis += 1) {
    picks.push(Array.from({ length: shape[axis] ?? 0 }, (_, at) => at));
    wanted.push('kept');
  }
  let at = 0;
  for (const kind of wanted) {
    if (kind === 'new') result.push(1);
    else {
      if (kind === 'kept') result.push(picks[at]?.length ?? 0);
      at += 1;
    }
  }
  const strides = shape.map((_, index) => shape.slice(index + 1).reduce((product, size) => product * size, 1));
  let offsets = [0];
  picks.forEach((picked, index) => (offsets = offsets.flatMap((offset) => picked.map((place) => offset + place * (strides[index] ?? 1)))));
  return { shape: result as number[], values: offsets.map((offset) => values[offset] ?? NaN) };
}
