import { ConfigError } from '../../../core/errors.js';
import { DTYPE_NUMBERS, type DTypeName } from '../../../serving/dtypes.js';
import { encodeTensor, type TensorProto, type TensorShapeProto } from '../../../serving/tensor-codec.js';
import type { Tensor } from '../../../serving/tensor.js';
import type { TfAttr } from '../graph/tf-graph.js';

/** AttrValue as it is encoded: one field. */
export type AttrValueProto = {
  readonly s?: Buffer;
  readonly i?: number;
  readonly f?: number;
  readonly b?: boolean;
  readonly type?: number;
  readonly shape?: TensorShapeProto;
  readonly tensor?: TensorProto;
  readonly list?: AttrListProto;
};
type AttrListProto = { s?: Buffer[]; i?: number[]; f?: number[]; b?: boolean[]; type?: number[]; shape?: TensorShapeProto[]; tensor?: TensorProto[] };

/** Attributes of a node by name. */
export type AttrsProto = Readonly<Record<string, AttrValueProto>>;

export const stringAttr = (value: string): AttrValueProto => ({ s: Buffer.from(value, 'utf8') });
export const intAttr = (value: number): AttrValueProto => ({ i: value });
export const intsAttr = (values: readonly number[]): AttrValueProto => ({ list: { i: [...values] } });
export const floatAttr = (value: number): AttrValueProto => ({ f: value });
export const boolAttr = (value: boolean): AttrValueProto => ({ b: value });
export const typeAttr = (dtype: DTypeName): AttrValueProto => ({ type: DTYPE_NUMBERS[dtype] });
export const tensorAttr = (tensor: Tensor): AttrValueProto => ({ tensor: encodeTensor(tensor) });
/** @param shape -1 where a size is unknown, `null` when not even the rank is known */
export const shapeAttr = (shape: readonly number[] | null): AttrValueProto => ({ shape: shapeProto(shape) });

/** An attribute of a graph in memory as it is encoded.
 * @param where for messages: the attribute's name and its node's
 * @throws {ConfigError} for functions, which a {@link TfGraph} has no bodies of, and for element types that nobody knows */
export function toAttrValueProto(attr: TfAttr, where: string): AttrValueProto {
  switch (attr.kind) {
    case 'string':
      return stringAttr(attr.value);
    case 'int':
      return intAttr(attr.value);
    case 'float':
      return floatAttr(attr.value);
    case 'bool':
      return boolAttr(attr.value);
    case 'type':
      return { type: typeNumber(attr.value, where) };
    case 'shape':
      return shapeAttr(attr.value);
    case 'tensor':
      return tensorAttr(attr.value);
    case 'list':
      return { list: toListProto(attr.values, where) };
    case 'function':
      throw refusal(`${where} is a function (${attr.name}), whose body a frozen graph does not carry`);
  }
}

function toListProto(values: readonly TfAttr[], where: string): AttrListProto {
  const list: AttrListProto = {};
  for (const value of values) {
    const { s, i, f, b, type, shape, tensor } = toAttrValueProto(value, where);
    if (s !== undefined) (list.s ??= []).push(s);
    else if (i !== undefined) (list.i ??= []).push(i);
    else if (f !== undefined) (list.f ??= []).push(f);
    else if (b !== undefined) (list.b ??= []).push(b);
    else if (type !== undefined) (list.type ??= []).push(type);
    else if (shape !== undefined) (list.shape ??= []).push(shape);
    else if (tensor !== undefined) (list.tensor ??= []).push(tensor);
    else throw refusal(`${where} is a list of lists`);
  }
  return list;
}

function typeNumber(name: string, where: string): number {
  if (Object.hasOwn(DTYPE_NUMBERS, name)) return DTYPE_NUMBERS[name as DTypeName];
  throw refusal(`${where} is the element type ${name}, which TensorFlow does not know`);
}

function shapeProto(shape: readonly number[] | null): TensorShapeProto {
  return shape === null ? { unknownRank: true } : { dim: shape.map((size) => ({ size })) };
}

function refusal(message: string): ConfigError {
  return new ConfigError([{ file: null, path: '', message: `cannot be written as a SavedModel: ${message}` }]);
}
