import type { DTypeName } from '../../../serving/dtypes.js';
import { boolAttr, intAttr, typeAttr, type AttrsProto } from './attr-values.js';
import type { GraphDefBuilder, TfValue } from './graph-def-builder.js';

/** Both operands have one element type, and so has what comes out. They broadcast. */
type BinaryOp = 'Add' | 'Sub' | 'Mul' | 'RealDiv' | 'Minimum' | 'Maximum' | 'FloorDiv';
type ComparisonOp = 'Less' | 'Greater' | 'GreaterEqual' | 'Equal';
type UnaryOp = 'Floor' | 'Round' | 'Identity' | 'Sigmoid' | 'Softmax';

/** TensorFlow operators that pre- and post-processing are made of, their attributes filled in. Sizes, axes and indices are int32. */
export class TfOperators {
  readonly graph: GraphDefBuilder;

  constructor(graph: GraphDefBuilder) {
    this.graph = graph;
  }

  /** A scalar. */
  float(value: number): TfValue {
    return this.graph.constant({ dtype: 'float', shape: [], data: Float32Array.of(value) });
  }

  /** A scalar. */
  double(value: number): TfValue {
    return this.graph.constant({ dtype: 'double', shape: [], data: Float64Array.of(value) });
  }

  /** A scalar. */
  int(value: number): TfValue {
    return this.graph.constant({ dtype: 'int32', shape: [], data: Int32Array.of(value) });
  }

  /** @param shape default: one axis */
  floats(values: readonly number[], shape: readonly number[] = [values.length]): TfValue {
    return this.graph.constant({ dtype: 'float', shape, data: Float32Array.from(values) });
  }

  /** @param shape default: one axis */
  ints(values: readonly number[], shape: readonly number[] = [values.length]): TfValue {
    return this.graph.constant({ dtype: 'int32', shape, data: Int32Array.from(values) });
  }

  binary(op: BinaryOp, a: TfValue, b: TfValue): TfValue {
    return this.node(op, [a, b], { T: typeAttr(a.dtype) }, a.dtype);
  }

  compare(op: ComparisonOp, a: TfValue, b: TfValue): TfValue {
    return this.node(op, [a, b], { T: typeAttr(a.dtype) }, 'bool');
  }

  unary(op: UnaryOp, value: TfValue): TfValue {
    return this.node(op, [value], { T: typeAttr(value.dtype) }, value.dtype);
  }

  and(a: TfValue, b: TfValue): TfValue {
    return this.node('LogicalAnd', [a, b], {}, 'bool');
  }

  /** All three broadcast. */
  select(condition: TfValue, then: TfValue, otherwise: TfValue): TfValue {
    return this.node('SelectV2', [condition, then, otherwise], { T: typeAttr(then.dtype) }, then.dtype);
  }

  cast(value: TfValue, dtype: DTypeName): TfValue {
    return value.dtype === dtype ? value : this.node('Cast', [value], { SrcT: typeAttr(value.dtype), DstT: typeAttr(dtype) }, dtype);
  }

  /** @returns int32 `[rank]` */
  shapeOf(value: TfValue): TfValue {
    return this.node('Shape', [value], { T: typeAttr(value.dtype), out_type: typeAttr('int32') }, 'int32');
  }

  /** @param shape int32 `[rank]` */
  reshape(value: TfValue, shape: TfValue): TfValue {
    return this.node('Reshape', [value, shape], { T: typeAttr(value.dtype), Tshape: typeAttr('int32') }, value.dtype);
  }

  transpose(value: TfValue, permutation: readonly number[]): TfValue {
    return this.node('Transpose', [value, this.ints(permutation)], { T: typeAttr(value.dtype), Tperm: typeAttr('int32') }, value.dtype);
  }

  expandDims(value: TfValue, axis: number): TfValue {
    return this.node('ExpandDims', [value, this.int(axis)], { T: typeAttr(value.dtype), Tdim: typeAttr('int32') }, value.dtype);
  }

  /** Scalars (or tensors of one shape) next to each other along a new axis. */
  pack(values: readonly [TfValue, ...TfValue[]], axis = 0): TfValue {
    const [{ dtype }] = values;
    return this.node('Pack', values, { N: intAttr(values.length), T: typeAttr(dtype), axis: intAttr(axis) }, dtype);
  }

  concat(values: readonly [TfValue, ...TfValue[]], axis: number): TfValue {
    const [{ dtype }] = values;
    return this.node('ConcatV2', [...values, this.int(axis)], { N: intAttr(values.length), T: typeAttr(dtype), Tidx: typeAttr('int32') }, dtype);
  }

  /** A part of a vector: from one index up to, not with, another; `null`: to its end. */
  vectorPart(vector: TfValue, from: number, to: number | null): TfValue {
    return this.#stridedSlice(vector, [from], [to ?? 0], { end_mask: intAttr(to === null ? 1 : 0) });
  }

  /** An element of a vector, a scalar. */
  element(vector: TfValue, index: number): TfValue {
    return this.#stridedSlice(vector, [index], [index + 1], { shrink_axis_mask: intAttr(1) });
  }

  /** A part of the last axis; `null`: to its end. */
  lastAxisPart(value: TfValue, from: number, to: number | null): TfValue {
    return this.#stridedSlice(value, [0, from], [0, to ?? 0], { ellipsis_mask: intAttr(1), end_mask: intAttr(to === null ? 2 : 0) });
  }

  /** One index of the last axis, which goes. */
  lastAxisElement(value: TfValue, index: number): TfValue {
    return this.#stridedSlice(value, [0, index], [0, index + 1], { ellipsis_mask: intAttr(1), shrink_axis_mask: intAttr(2) });
  }

  /** A part as long as `sizes` says from `begin` on; -1: to the end. */
  slice(value: TfValue, begin: TfValue, sizes: TfValue): TfValue {
    return this.node('Slice', [value, begin, sizes], { T: typeAttr(value.dtype), Index: typeAttr('int32') }, value.dtype);
  }

  /** @param paddings int32 `[rank, 2]`, before and after each axis */
  pad(value: TfValue, paddings: TfValue, fill: TfValue): TfValue {
    return this.node('PadV2', [value, paddings, fill], { T: typeAttr(value.dtype), Tpaddings: typeAttr('int32') }, value.dtype);
  }

  /** Entries of the first axis of `table`. */
  gather(table: TfValue, indices: TfValue): TfValue {
    const attrs = { Tparams: typeAttr(table.dtype), Tindices: typeAttr(indices.dtype), Taxis: typeAttr('int32'), batch_dims: intAttr(0) };
    return this.node('GatherV2', [table, indices, this.int(0)], attrs, table.dtype);
  }

  sum(value: TfValue, axis: number): TfValue {
    return this.#reduce('Sum', value, axis);
  }

  max(value: TfValue, axis: number): TfValue {
    return this.#reduce('Max', value, axis);
  }

  /** @returns int32 */
  argMax(value: TfValue, axis: number): TfValue {
    return this.node('ArgMax', [value, this.int(axis)], { T: typeAttr(value.dtype), Tidx: typeAttr('int32'), output_type: typeAttr('int32') }, 'int32');
  }

  /** 1 at each index along a new last axis, 0 elsewhere and for indices outside. */
  oneHot(indices: TfValue, depth: number): TfValue {
    return this.node('OneHot', [indices, this.int(depth), this.float(1), this.float(0)], { T: typeAttr('float'), TI: typeAttr(indices.dtype), axis: intAttr(-1) }, 'float');
  }

  /** Adds any node.
   * @param dtype of its first output */
  node(op: string, inputs: readonly TfValue[], attrs: AttrsProto, dtype: DTypeName, wish: string = op): TfValue {
    return { ref: this.graph.add(op, inputs.map(({ ref }) => ref), attrs, wish), dtype };
  }

  #reduce(op: 'Sum' | 'Max', value: TfValue, axis: number): TfValue {
    return this.node(op, [value, this.ints([axis])], { T: typeAttr(value.dtype), Tidx: typeAttr('int32'), keep_dims: boolAttr(false) }, value.dtype);
  }

  #stridedSlice(value: TfValue, begin: readonly number[], end: readonly number[], masks: AttrsProto): TfValue {
    const strides = this.ints(begin.map(() => 1));
    const attrs = { T: typeAttr(value.dtype), Index: typeAttr('int32'), begin_mask: intAttr(0), end_mask: intAttr(0), ellipsis_mask: intAttr(0), new_axis_mask: intAttr(0), shrink_axis_mask: intAttr(0), ...masks };
    return this.node('StridedSlice', [value, this.ints(begin), this.ints(end), strides], attrs, value.dtype);
  }
}
