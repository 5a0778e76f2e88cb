import { ModelOutputError } from '../core/errors.js';
import { DTYPE_NUMBERS, dtypeName } from './dtypes.js';
import { decodeMessage, encodeMessage } from './proto-root.js';
import { NUMERIC_LAYOUTS, dtypeFromNumber, elementCount, type NumericData, type NumericLayout, type Tensor, type ValueField } from './tensor.js';

/** A 64-bit integer as protobufjs gives it (Long) or takes it. */
export type Int64Like = number | string | { toString(): string };

/** A dimension's size is -1 where it is unknown. */
export type TensorShapeProto = { readonly dim?: readonly { readonly size?: Int64Like; readonly name?: string }[]; readonly unknownRank?: boolean };

/** A tensor as it travels: `tensorContent`, or the value field of its element type. */
export type TensorProto = {
  readonly dtype: number;
  readonly tensorShape?: TensorShapeProto | null;
  readonly tensorContent?: Uint8Array;
} & { readonly [F in ValueField]?: F extends 'stringVal' ? readonly Uint8Array[] : ArrayLike<number | boolean | Int64Like> };

/** Which form an encoded tensor takes: raw bytes (cheap, what Sightline sends) or one value field (what TensorFlow Serving answers by default). */
export type TensorForm = 'content' | 'values';

export type DecodeTensorOptions = {
  /** Stands in messages: the tensor's name. */
  readonly name?: string;
  /** Memory that a tensor may take beyond what its message carries, bytes: few values, or none, fill any shape by being repeated. */
  readonly maxFilledBytes?: number;
};

/** 8 images of 1920x1080 in RGB fit; a message of 20 bytes cannot ask for more. */
const DEFAULT_MAX_FILLED_BYTES = 64 * 1024 * 1024;
/** TensorFlow's own limit (TensorShape::MaxDimensions). */
const MAX_RANK = 254;
/** What a reference to a shared string costs. */
const REFERENCE_BYTES = 8;

/** Encodes a tensor. In the form `content` its bytes are used as they lie, without a copy; strings always travel as `string_val`.
 * @throws {RangeError} when `data` does not hold what `shape` says */
export function encodeTensor(tensor: Tensor, form: TensorForm = 'content'): TensorProto {
  const count = elementCount(tensor.shape);
  const head = { dtype: DTYPE_NUMBERS[tensor.dtype], tensorShape: { dim: tensor.shape.map((size) => ({ size })) } };
  const expected = tensor.dtype === 'string' ? count : count === null ? null : count * NUMERIC_LAYOUTS[tensor.dtype].valuesPerElement;
  if (expected === null || tensor.data.length !== expected) {
    throw new RangeError(`Expected \`data\` to hold the elements of shape [${tensor.shape.join(',')}], got ${String(tensor.data.length)}`);
  }
  if (tensor.dtype === 'string') return { ...head, stringVal: tensor.data };
  const data: NumericData = tensor.data;
  if (form === 'content') return { ...head, tensorContent: Buffer.from(data.buffer, data.byteOffset, data.byteLength) };
  const values = data instanceof BigInt64Array || data instanceof BigUint64Array ? Array.from(data as Iterable<bigint>, String) : data;
  return { ...head, [NUMERIC_LAYOUTS[tensor.dtype].field]: values };
}

/** Decodes a tensor that came from outside, in either form. `uint8` and string elements are views of the message.
 * @throws {ModelOutputError} when the element type cannot travel, the shape is none, or the bytes do not fit both */
export function decodeTensor(proto: TensorProto, options: DecodeTensorOptions = {}): Tensor {
  const what = options.name === undefined ? 'tensor' : `tensor "${options.name}"`;
  const dtype = dtypeFromNumber(proto.dtype);
  if (dtype === null) throw new ModelOutputError(`${what} has the element type ${dtypeName(proto.dtype)}, which is not supported`);
  const shape = decodeShape(proto.tensorShape ?? {}, what);
  const count = elementCount(shape);
  if (count === null) throw new ModelOutputError(`${what} has no valid shape: [${shape.join(',')}]`);
  const decoding: Decoding = { proto, what, count, maxFilledBytes: options.maxFilledBytes ?? DEFAULT_MAX_FILLED_BYTES };
  const data = dtype === 'string' ? decodeStrings(decoding) : decodeNumbers(decoding, NUMERIC_LAYOUTS[dtype]);
  return { dtype, shape, data } as Tensor;
}

/** Encodes a whole TensorProto message. */
export function encodeTensorMessage(tensor: Tensor, form: TensorForm = 'content'): Buffer {
  return encodeMessage('tensorflow.TensorProto', encodeTensor(tensor, form));
}

/** Decodes a whole TensorProto message.
 * @throws {ModelOutputError} */
export function decodeTensorMessage(bytes: Uint8Array, options?: DecodeTensorOptions): Tensor {
  return decodeTensor(decodeMessage<TensorProto>('tensorflow.TensorProto', bytes), options);
}


type Decoding = { readonly proto: TensorProto; readonly what: string; readonly count: number; readonly maxFilledBytes: number };

function decodeShape(shape: TensorShapeProto, what: string): number[] {
  const dims = shape.dim ?? [];
  if (shape.unknownRank === true || dims.length > MAX_RANK) throw new ModelOutputError(`${what} has no valid shape: ${shape.unknownRank === true ? 'its rank is unknown' : `it has ${String(dims.length)} dimensions`}`);
  return dims.map((dim) => Number((dim.size ?? 0).toString()));
}

function decodeNumbers(decoding: Decoding, layout: NumericLayout): NumericData {
  const { proto, what, count } = decoding;
  const content = proto.tensorContent;
  const length = count * layout.valuesPerElement;
  const elementBytes = layout.array.BYTES_PER_ELEMENT;
  if (content !== undefined && content.length > 0) {
    if (content.length !== length * elementBytes) throw new ModelOutputError(`${what} carries ${String(content.length)} bytes, its shape needs ${String(length * elementBytes)}`);
    return viewNumbers(content, layout, length);
  }
  const values = (proto[layout.field] ?? []);
  if (values.length > length || values.length % layout.valuesPerElement !== 0) {
    throw new ModelOutputError(`${what} carries ${String(values.length)} values, its shape holds ${String(length)}`);
  }
  // As the reader of answers gives them.
  if (values instanceof layout.array && values.length === length) return values;
  checkFilled(decoding, (length - values.length) * elementBytes);
  const data = new layout.array(length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let index = 0; index < values.length; index += 1) data[index] = BigInt((values[index] ?? 0).toString());
  } else {
    for (let index = 0; index < values.length; index += 1) data[index] = Number(values[index]);
  }
  if (values.length > 0 && values.length < length) repeatLast(data, values.length, layout.valuesPerElement);
  return data;
}

/** TensorFlow fills the rest of a shape with the last element given. */
function repeatLast(data: NumericData, given: number, valuesPerElement: number): void {
  for (let index = given; index < data.length; index += 1) data[index] = data[index - valuesPerElement] as never;
}

function viewNumbers(content: Uint8Array, layout: NumericLayout, length: number): NumericData {
  if (content.byteOffset % layout.array.BYTES_PER_ELEMENT === 0) return new layout.array(content.buffer, content.byteOffset, length);
  const aligned = content.slice();
  // A Buffer's slice() is another view, at the same odd place.
  const copy = aligned.buffer === content.buffer ? Uint8Array.from(content) : aligned;
  return new layout.array(copy.buffer, copy.byteOffset, length);
}

function decodeStrings(decoding: Decoding): Buffer[] {
  const { proto, what, count } = decoding;
  const content = proto.tensorContent;
  if (content !== undefined && content.length > 0) return decodeStringContent(content, count, what);
  const given = proto.stringVal ?? [];
  if (given.length > count) throw new ModelOutputError(`${what} carries ${String(given.length)} strings, its shape holds ${String(count)}`);
  checkFilled(decoding, (count - given.length) * REFERENCE_BYTES);
  const strings = given.map(asBuffer);
  const last = strings.at(-1) ?? Buffer.alloc(0);
  while (strings.length < count) strings.push(last);
  return strings;
}

/** Strings in `tensor_content`: all lengths as varints, then all bytes. */
function decodeStringContent(content: Uint8Array, count: number, what: string): Buffer[] {
  if (count > content.length) throw new ModelOutputError(`${what} carries ${String(content.length)} bytes, too few for ${String(count)} strings`);
  const lengths: number[] = [];
  let offset = 0;
  while (lengths.length < count) {
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = content[offset];
      if (byte === undefined || shift > 28) throw new ModelOutputError(`${what} does not carry the lengths of its strings`);
      offset += 1;
      length += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) break;
    }
    lengths.push(length);
  }
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total !== content.length - offset) throw new ModelOutputError(`${what} carries ${String(content.length - offset)} bytes of strings, their lengths add up to ${String(total)}`);
  const bytes = asBuffer(content);
  return lengths.map((length) => bytes.subarray(offset, (offset += length)));
}

function checkFilled(decoding: Decoding, bytes: number): void {
  if (bytes > decoding.maxFilledBytes) {
    throw new ModelOutputError(`${decoding.what} asks for ${String(bytes)} bytes beyond what its message carries, ${String(decoding.maxFilledBytes)} are allowed`);
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
