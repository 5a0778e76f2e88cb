import { ConfigError } from '../../../core/errors.js';
import { elementCount, tensorNumbers, type DType, type Tensor } from '../../../serving/tensor.js';
import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import { ONNX_DTYPES, type OnnxAttr } from '../onnx/onnx-model.js';
import { castTensor, onnxContent, onnxDType, reshapeTensor, tensorOf, transposeTensor } from './constant-tensor.js';
import { CHANNELS_FIRST_AXIS, TO_CHANNELS_FIRST, TO_CHANNELS_LAST, type Shape, type Value } from './value.js';

/** Values of whole numbers up to this size are followed through the graph. */
const MAX_FOLLOWED_INTS = 64;

export type Attrs = Readonly<Record<string, OnnxAttr>>;

/** @see GraphWriter.blocks `paddings` and crops: top, bottom, left, right. */
export type Blocks = { readonly source: Value; readonly block: readonly [number, number]; readonly paddings: readonly number[] };

/** Writes ONNX for values of TensorFlow, in whichever order of axes is at hand. */
export class GraphWriter {
  readonly builder: OnnxBuilder;
  /** Values that are another one cut into blocks (SpaceToBatchND). */
  readonly blocks = new WeakMap<Value, Blocks>();
  /** Convolutions of such values: how to write them as one with dilations, given what is cropped when the blocks are put together again. */
  readonly dilated = new WeakMap<Value, (crops: readonly number[]) => Value | null>();

  constructor(builder: OnnxBuilder) {
    this.builder = builder;
  }

  constant(tensor: Tensor): Value {
    const ints = ['int32', 'int64', 'uint8', 'int8', 'int16', 'bool'].includes(tensor.dtype) && (elementCount(tensor.shape) ?? Infinity) <= MAX_FOLLOWED_INTS ? Array.from(tensorNumbers(tensor)) : null;
    return { dtype: tensor.dtype, shape: tensor.shape, tensor, ints, plainName: null, channelsFirstName: null };
  }

  /** Whole numbers that may be known: a constant when all are. */
  followed(name: string, dtype: DType, shape: Shape | null, ints: readonly (number | null)[] | null): Value {
    if (ints !== null && shape !== null && ints.every((value) => value !== null) && (dtype === 'int32' || dtype === 'int64')) return this.constant(tensorOf(dtype, ints, shape as number[]));
    return { ...this.value(name, dtype, shape), ints };
  }

  /** @param name of a value with axes as in TensorFlow */
  value(name: string, dtype: DType, shape: Shape | null): Value {
    return { dtype, shape, tensor: null, ints: null, plainName: name, channelsFirstName: null };
  }

  /** @param name of a value with channels behind the batch @param shape still as in TensorFlow */
  channelsFirstValue(name: string, dtype: DType, shape: Shape): Value {
    return { dtype, shape, tensor: null, ints: null, plainName: null, channelsFirstName: name };
  }

  /** In whichever order. */
  valueIn(order: 'plain' | 'channelsFirst', name: string, dtype: DType, shape: Shape | null): Value {
    return order === 'channelsFirst' && shape !== null ? this.channelsFirstValue(name, dtype, shape) : this.value(name, dtype, shape);
  }

  /** Whether a value is computed and lies channels first: what follows had better stay so. */
  isChannelsFirst(value: Value): boolean {
    return value.tensor === null && value.channelsFirstName !== null;
  }

  /** The order in which an operator that does not care computes. */
  orderOf(values: readonly Value[]): 'plain' | 'channelsFirst' {
    const canBe = values.every(({ shape }) => shape !== null && shape.length <= 4);
    return canBe && values.some((value) => this.isChannelsFirst(value)) ? 'channelsFirst' : 'plain';
  }

  /** Name of a value, axes as in TensorFlow. */
  plain(value: Value): string {
    if (value.plainName !== null) return value.plainName;
    if (value.tensor !== null) return (value.plainName = this.#initializer(value.tensor));
    return (value.plainName = this.builder.op('Transpose', [value.channelsFirstName ?? ''], { perm: attr.ints(TO_CHANNELS_LAST) }));
  }

  /** Name of a value with channels behind the batch. One with fewer than four axes gets them in front first, as when it is combined with one that has four; a single number stays one. */
  channelsFirst(value: Value): string {
    if (value.channelsFirstName !== null) return value.channelsFirstName;
    const { shape, tensor } = value;
    if (shape === null || shape.length > 4) throw new RangeError('Expected a value of at most four axes');
    if (shape.length === 0) return this.plain(value);
    const missing = 4 - shape.length;
    if (tensor !== null) {
      const wide = reshapeTensor(tensor, [...Array<number>(missing).fill(1), ...tensor.shape]);
      return (value.channelsFirstName = this.#initializer(transposeTensor(wide, TO_CHANNELS_FIRST)));
    }
    const wide = missing === 0 ? this.plain(value) : this.builder.op('Unsqueeze', [this.plain(value), this.builder.ints(Array.from({ length: missing }, (_, axis) => axis))]);
    return (value.channelsFirstName = this.builder.op('Transpose', [wide], { perm: attr.ints(TO_CHANNELS_FIRST) }));
  }

  in(order: 'plain' | 'channelsFirst', value: Value): string {
    return order === 'plain' ? this.plain(value) : this.channelsFirst(value);
  }

  /** An axis of TensorFlow's in that order. */
  axisIn(order: 'plain' | 'channelsFirst', axis: number): number {
    return order === 'plain' ? axis : (CHANNELS_FIRST_AXIS[axis] ?? axis);
  }

  /** Name of a value as int64, axes as in TensorFlow, as ONNX wants shapes and indices. */
  int64(value: Value): string {
    return this.plain(this.cast(value, 'int64'));
  }

  /** The same as a list: a single number becomes one of one. */
  int64List(value: Value): string {
    if (value.ints !== null && value.ints.every((size) => size !== null)) return this.builder.ints(value.ints);
    return value.shape?.length === 1 ? this.int64(value) : this.builder.op('Reshape', [this.int64(value), this.builder.ints([-1])]);
  }

  cast(value: Value, dtype: DType): Value {
    if (value.dtype === dtype) return value;
    const constant = value.tensor === null ? null : castTensor(value.tensor, dtype);
    if (constant !== null) return this.constant(constant);
    const order = this.orderOf([value]);
    const name = this.castName(this.in(order, value), dtype);
    const whole = dtype === 'int32' || dtype === 'int64';
    return { ...this.valueIn(order, name, dtype, value.shape), ints: whole ? value.ints : null };
  }

  castName(name: string, dtype: DType): string {
    return this.builder.op('Cast', [name], { to: attr.int(ONNX_DTYPES[onnxDType(dtype) ?? 'float']) });
  }

  /** An operator on one value, element by element. */
  unary(opType: string, value: Value, { attrs = {}, dtype = value.dtype, more = [] }: { readonly attrs?: Attrs; readonly dtype?: DType; readonly more?: readonly string[] } = {}): Value {
    const order = this.orderOf([value]);
    return this.valueIn(order, this.builder.op(opType, [this.in(order, value), ...more], attrs), dtype, value.shape);
  }

  #initializer(tensor: Tensor): string {
    const content = onnxContent(tensor);
    if (content === null) throw new ConfigError([{ file: null, path: '', message: `constants of ${tensor.dtype} are not supported` }]);
    return this.builder.constant(content);
  }
}
