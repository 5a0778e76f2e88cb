import type { DType } from '../../../../serving/tensor.js';
import { attr } from '../../onnx/onnx-builder.js';
import type { GraphWriter } from '../graph-writer.js';
import type { NodeView } from '../node-view.js';
import type { OperatorTable, Translation } from '../operator-table.js';
import { broadcastShapes, type Value } from '../value.js';

/** From the narrowest to the widest: TensorFlow.js keeps 64-bit integers in 32 bits, so that a graph of its can combine both. */
const WIDTHS: readonly DType[] = ['bool', 'uint8', 'int8', 'uint16', 'int16', 'int32', 'uint32', 'int64', 'uint64', 'half', 'float', 'double'];

/** Values as one element type. */
export function unified(values: readonly Value[], writer: GraphWriter): readonly Value[] {
  const widest = WIDTHS[Math.max(...values.map(({ dtype }) => WIDTHS.indexOf(dtype)))];
  return widest === undefined ? values : values.map((value) => writer.cast(value, widest));
}

/** An operator on values that are broadcast to each other.
 * @param dtype of the answer; default: that of what goes in */
export function combine(opType: string, values: readonly Value[], writer: GraphWriter, dtype?: DType): Value {
  const order = writer.orderOf(values);
  const shape = values.map((value) => value.shape).reduce(broadcastShapes);
  const name = writer.builder.op(opType, values.map((value) => writer.in(order, value)));
  return writer.valueIn(order, name, dtype ?? values[0]?.dtype ?? 'float', shape);
}

function binary(opType: string, followed?: (a: number, b: number) => number): Translation {
  return (node, writer) => {
    const [a, b] = unified([node.input(0), node.input(1)], writer) as [Value, Value];
    return follow(combine(opType, [a, b], writer), [a, b], followed, writer);
  };
}

function comparison(opType: string): Translation {
  return (node, writer) => combine(opType, unified([node.input(0), node.input(1)], writer), writer, 'bool');
}

function unary(opType: string, attrs: Parameters<GraphWriter['unary']>[2] = {}): Translation {
  return (node, writer) => writer.unary(opType, node.input(0), attrs);
}

/** A number of the value's own type. */
export function numberLike(value: Value, number: number, writer: GraphWriter): Value {
  return writer.cast(writer.constant({ dtype: 'float', shape: [], data: Float32Array.of(number) }), value.dtype);
}

/** Keeps the whole numbers of a shape's arithmetic known. */
function follow(result: Value, [a, b]: readonly [Value, Value], compute: ((a: number, b: number) => number) | undefined, writer: GraphWriter): Value {
  const { shape, dtype, plainName } = result;
  if (compute === undefined || a.ints === null || b.ints === null || shape === null || shape.length > 1 || plainName === null) return result;
  const { ints: left } = a;
  const { ints: right } = b;
  const ints = Array.from({ length: Math.max(left.length, right.length) }, (_, index) => {
    const [x, y] = [left[left.length === 1 ? 0 : index], right[right.length === 1 ? 0 : index]];
    const value = x == null || y == null ? null : compute(x, y);
    return value !== null && Number.isSafeInteger(value) ? value : null;
  });
  return writer.followed(plainName, dtype, shape, ints);
}

function isWhole({ dtype }: Value): boolean {
  return /^u?int/.test(dtype);
}

/** Division rounded down, also below zero, where ONNX rounds to zero. */
const floorDiv: Translation = (node, writer) => {
  const [a, b] = unified([node.input(0), node.input(1)], writer) as [Value, Value];
  if (!isWhole(a)) return writer.unary('Floor', combine('Div', [a, b], writer));
  const whole = combine('Sub', [a, combine('Mod', [a, b], writer)], writer);
  return follow(combine('Div', [whole, b], writer), [a, b], (x, y) => Math.floor(x / y), writer);
};

/** The remainder that has the sign of the divisor. */
const floorMod: Translation = (node, writer) => {
  const [a, b] = unified([node.input(0), node.input(1)], writer) as [Value, Value];
  if (isWhole(a)) return follow(combine('Mod', [a, b], writer), [a, b], (x, y) => x - y * Math.floor(x / y), writer);
  const order = writer.orderOf([a, b]);
  const name = writer.builder.op('Mod', [writer.in(order, a), writer.in(order, b)], { fmod: attr.int(1) });
  const rest = writer.valueIn(order, name, a.dtype, broadcastShapes(a.shape, b.shape));
  const zero = numberLike(a, 0, writer);
  const signs = combine('Xor', [combine('Less', [rest, zero], writer, 'bool'), combine('Less', [b, zero], writer, 'bool')], writer);
  const off = combine('And', [signs, writer.unary('Not', combine('Equal', [rest, zero], writer, 'bool'))], writer);
  return select(off, combine('Add', [rest, b], writer), rest, writer);
};

export function select(condition: Value, then: Value, otherwise: Value, writer: GraphWriter): Value {
  const [yes, no] = unified([then, otherwise], writer) as [Value, Value];
  return { ...combine('Where', [condition, yes, no], writer), dtype: yes.dtype };
}

/** The condition of the older operator may be a list: one for each row. */
const selectRows: Translation = (node, writer) => {
  const condition = node.input(0);
  const rank = node.input(1).shape?.length;
  if (condition.shape?.length !== 1 || rank === undefined || rank < 2) return select(condition, node.input(1), node.input(2), writer);
  const axes = Array.from({ length: rank - 1 }, (_, axis) => axis + 1);
  const name = writer.builder.op('Unsqueeze', [writer.plain(condition), writer.builder.ints(axes)]);
  return select(writer.value(name, 'bool', [...condition.shape, ...axes.map(() => 1)]), node.input(1), node.input(2), writer);
};

const clip: Translation = (node, writer) => {
  const value = node.input(0);
  const [low, high] = [writer.cast(node.input(1), value.dtype), writer.cast(node.input(2), value.dtype)];
  return combine('Min', [combine('Max', [value, low], writer), high], writer);
};

export function relu6(value: Value, writer: GraphWriter): Value {
  const [low, high] = [numberLike(value, 0, writer), numberLike(value, 6, writer)];
  return writer.unary('Clip', value, { more: [writer.plain(low), writer.plain(high)] });
}

/** The slope is broadcast from the last axis on. */
export function prelu(value: Value, slope: Value, writer: GraphWriter): Value {
  const order = writer.orderOf([value, slope]);
  return writer.valueIn(order, writer.builder.op('PRelu', [writer.in(order, value), writer.in(order, slope)]), value.dtype, value.shape);
}

const squaredDifference: Translation = (node, writer) => {
  const difference = combine('Sub', unified([node.input(0), node.input(1)], writer), writer);
  return combine('Mul', [difference, difference], writer);
};

const divideNoNan: Translation = (node, writer) => {
  const [a, b] = [node.input(0), node.input(1)];
  const zero = numberLike(a, 0, writer);
  return select(combine('Equal', [b, zero], writer, 'bool'), zero, combine('Div', [a, b], writer), writer);
};

const cast: Translation = (node, writer) => writer.cast(node.input(0), node.dtype('DstT', 'float'));

const biasAdd: Translation = (node, writer) => {
  if (node.text('data_format', 'NHWC') !== 'NCHW') return combine('Add', [node.input(0), node.input(1)], writer);
  const rank = node.rank(0);
  const wide = writer.builder.op('Unsqueeze', [writer.plain(node.input(1)), writer.builder.ints(Array.from({ length: rank - 2 }, (_, axis) => axis + 1))]);
  return writer.value(writer.builder.op('Add', [writer.plain(node.input(0)), wide]), node.input(0).dtype, node.input(0).shape);
};

/** A value like another, all of one number. */
function filledLike(number: number): Translation {
  return (node, writer) => {
    const value = node.input(0);
    const order = writer.orderOf([value]);
    const name = writer.builder.op('Expand', [writer.plain(numberLike(value, number, writer)), writer.builder.op('Shape', [writer.in(order, value)])]);
    return writer.valueIn(order, name, value.dtype, value.shape);
  };
}

const NAMED_ALIKE = ['Abs', 'Neg', 'Sign', 'Floor', 'Ceil', 'Round', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Sigmoid', 'Tanh', 'Erf', 'Relu', 'Selu', 'Elu', 'Softplus', 'Softsign', 'Sin', 'Cos', 'Tan', 'Asin', 'Acos', 'Atan', 'Sinh', 'Cosh', 'Asinh', 'Acosh', 'Atanh'] as const;

function one(node: NodeView, writer: GraphWriter): Value {
  return numberLike(node.input(0), 1, writer);
}

/** Operators that work element by element: they take their inputs as they lie. */
export const ELEMENTWISE: OperatorTable = {
  ...(Object.fromEntries(NAMED_ALIKE.map((name) => [name, unary(name)])) as OperatorTable),
  Inv: unary('Reciprocal'),
  LogicalNot: unary('Not'),
  IsNan: unary('IsNaN', { dtype: 'bool' }),
  Square: (node, writer) => combine('Mul', [node.input(0), node.input(0)], writer),
  Rsqrt: (node, writer) => writer.unary('Reciprocal', writer.unary('Sqrt', node.input(0))),
  Expm1: (node, writer) => combine('Sub', [writer.unary('Exp', node.input(0)), one(node, writer)], writer),
  Log1p: (node, writer) => writer.unary('Log', combine('Add', [node.input(0), one(node, writer)], writer)),
  LeakyRelu: (node, writer) => writer.unary('LeakyRelu', node.input(0), { attrs: { alpha: attr.float(node.float('alpha', 0.2)) } }),
  Relu6: (node, writer) => relu6(node.input(0), writer),
  Prelu: (node, writer) => prelu(node.input(0), node.input(1), writer),
  ClipByValue: clip,
  Cast: cast,
  Add: binary('Add', (a, b) => a + b),
  AddV2: binary('Add', (a, b) => a + b),
  Sub: binary('Sub', (a, b) => a - b),
  Mul: binary('Mul', (a, b) => a * b),
  RealDiv: binary('Div'),
  Div: binary('Div', (a, b) => Math.trunc(a / b)),
  DivNoNan: divideNoNan,
  FloorDiv: floorDiv,
  FloorMod: floorMod,
  Mod: (node, writer) => {
    const [a, b] = unified([node.input(0), node.input(1)], writer) as [Value, Value];
    const order = writer.orderOf([a, b]);
    return writer.valueIn(order, writer.builder.op('Mod', [writer.in(order, a), writer.in(order, b)], { fmod: attr.int(1) }), a.dtype, broadcastShapes(a.shape, b.shape));
  },
  Maximum: binary('Max', Math.max),
  Minimum: binary('Min', Math.min),
  Pow: binary('Pow'),
  SquaredDifference: squaredDifference,
  AddN: (node, writer) => combine('Sum', node.inputs, writer),
  BiasAdd: biasAdd,
  Equal: comparison('Equal'),
  NotEqual: (node, writer) => writer.unary('Not', combine('Equal', unified([node.input(0), node.input(1)], writer), writer, 'bool')),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  LogicalAnd: comparison('And'),
  LogicalOr: comparison('Or'),
  LogicalXor: comparison('Xor'),
  Select: selectRows,
  SelectV2: (node, writer) => select(node.input(0), node.input(1), node.input(2), writer),
  ZerosLike: filledLike(0),
  OnesLike: filledLike(1),
};
