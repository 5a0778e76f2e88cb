import { ModelOutputError } from '../core/errors.js';
import type { TensorProto, TensorShapeProto } from './tensor-codec.js';
import { dtypeFromNumber, NUMERIC_LAYOUTS, type ValueField } from './tensor.js';
import { WireReader, WireType } from './wire-reader.js';

/** Numbers of TensorProto's fields. */
const DTYPE = 1;
const SHAPE = 2;
const CONTENT = 4;
const VALUE_FIELDS: Readonly<Record<ValueField, number>> = { floatVal: 5, doubleVal: 6, intVal: 7, stringVal: 8, scomplexVal: 9, int64Val: 10, boolVal: 11, dcomplexVal: 12, halfVal: 13, uint32Val: 16, uint64Val: 17 };
/** TensorFlow's own limit (TensorShape::MaxDimensions), and strings that are not an answer any more: each costs far more than its bytes. */
const MAX_RANK = 254;
const MAX_STRINGS = 100_000;

type Values = Float32Array | Float64Array | Int32Array | Uint32Array | Uint8Array | BigInt64Array | BigUint64Array;

/** How values travel and where they are put: `fixed` ones as they lie, varints by `store`. */
type ValueKind = { readonly make: (count: number) => Values; readonly fixedBytes: 4 | 8 | null; readonly store: (values: Values, index: number, reader: WireReader) => void };

const nothing = (): void => undefined;
const float32: ValueKind = { make: (count) => new Float32Array(count), fixedBytes: 4, store: nothing };
const float64: ValueKind = { make: (count) => new Float64Array(count), fixedBytes: 8, store: nothing };
const int32: ValueKind = { make: (count) => new Int32Array(count), fixedBytes: null, store: (values, index, { low }) => { values[index] = low | 0; } };
const storeHalves: ValueKind['store'] = (values, index, { low, high }) => {
  const halves = new Uint32Array(values.buffer, values.byteOffset + index * 8, 2);
  halves[0] = low;
  halves[1] = high;
};

const KINDS: Readonly<Record<Exclude<ValueField, 'stringVal'>, ValueKind>> = {
  floatVal: float32,
  scomplexVal: float32,
  doubleVal: float64,
  dcomplexVal: float64,
  intVal: int32,
  halfVal: int32,
  uint32Val: { make: (count) => new Uint32Array(count), fixedBytes: null, store: (values, index, { low }) => { values[index] = low; } },
  boolVal: { make: (count) => new Uint8Array(count), fixedBytes: null, store: (values, index, { low, high }) => { values[index] = low === 0 && high === 0 ? 0 : 1; } },
  int64Val: { make: (count) => new BigInt64Array(count), fixedBytes: null, store: storeHalves },
  uint64Val: { make: (count) => new BigUint64Array(count), fixedBytes: null, store: storeHalves },
};

/** Reads a TensorProto. Its values lie in a typed array, `tensor_content` and strings are views of the message; values of fields that its element type does not have are passed over.
 * Takes at most 4 times the memory of the message (8 times for 64-bit integers of one byte), and a constant.
 * @throws {ModelOutputError} when the bytes are no such message */
export function readTensorProto(bytes: Uint8Array): TensorProto {
  const reader = new WireReader(bytes);
  let dtype = 0;
  let tensorContent: Uint8Array | undefined;
  const dim: { size: number }[] = [];
  let unknownRank = false;
  while (reader.next()) {
    if (reader.field === DTYPE && reader.wireType === WireType.VARINT) {
      reader.readVarint();
      dtype = reader.low | 0;
    } else if (reader.field === SHAPE && reader.wireType === WireType.DELIMITED) {
      unknownRank = readShape(reader.delimited(), dim) || unknownRank;
    } else if (reader.field === CONTENT && reader.wireType === WireType.DELIMITED) {
      tensorContent = reader.delimited();
    } else reader.skip();
  }
  const tensorShape: TensorShapeProto = { dim, unknownRank };
  return { dtype, tensorShape, ...(tensorContent !== undefined && { tensorContent }), ...readValues(bytes, dtype) };
}

/** Adds a shape's dimensions to `dim`.
 * @returns whether its rank is unknown */
function readShape(bytes: Uint8Array, dim: { size: number }[]): boolean {
  const reader = new WireReader(bytes);
  let unknownRank = false;
  while (reader.next()) {
    if (reader.field === 2 && reader.wireType === WireType.DELIMITED) {
      if (dim.length >= MAX_RANK) throw new ModelOutputError(`a shape has more than ${String(MAX_RANK)} dimensions`);
      dim.push({ size: readSize(reader.delimited()) });
    } else if (reader.field === 3 && reader.wireType === WireType.VARINT) {
      reader.readVarint();
      unknownRank = reader.low !== 0 || reader.high !== 0;
    } else reader.skip();
  }
  return unknownRank;
}

function readSize(bytes: Uint8Array): number {
  const reader = new WireReader(bytes);
  let size = 0;
  while (reader.next()) {
    if (reader.field === 1 && reader.wireType === WireType.VARINT) {
      reader.readVarint();
      size = reader.signed;
    } else reader.skip();
  }
  return size;
}

function readValues(bytes: Uint8Array, dtypeNumber: number): Partial<TensorProto> {
  const dtype = dtypeFromNumber(dtypeNumber);
  if (dtype === null) return {};
  if (dtype === 'string') return { stringVal: readStrings(bytes) };
  const { field } = NUMERIC_LAYOUTS[dtype];
  const kind = KINDS[field as keyof typeof KINDS];
  const fieldNumber = VALUE_FIELDS[field];
  // Counted first: where there is room for all of them nothing has to grow, and nothing is held twice.
  let count = 0;
  eachValue(bytes, fieldNumber, kind, (packed) => {
    count += packed === null ? 1 : kind.fixedBytes === null ? varintsIn(packed) : packed.length / kind.fixedBytes;
  });
  const values = kind.make(count);
  const target = new Uint8Array(values.buffer);
  let index = 0;
  eachValue(bytes, fieldNumber, kind, (packed, reader) => {
    if (kind.fixedBytes !== null) {
      const fixed = packed ?? reader.take(kind.fixedBytes);
      target.set(fixed, index * kind.fixedBytes);
      index += fixed.length / kind.fixedBytes;
      return;
    }
    for (const source = packed === null ? reader : new WireReader(packed); ; ) {
      source.readVarint();
      kind.store(values, index, source);
      index += 1;
      if (packed === null || source.atEnd) return;
    }
  }, true);
  return { [field]: values };
}

/** Calls back for each value that stands alone (`null`: it is the reader's next) and each packed run of them.
 * @param consumes whether the callback reads what stands alone */
function eachValue(bytes: Uint8Array, field: number, { fixedBytes }: ValueKind, callback: (packed: Uint8Array | null, reader: WireReader) => void, consumes = false): void {
  const alone = fixedBytes === null ? WireType.VARINT : fixedBytes === 4 ? WireType.FIXED32 : WireType.FIXED64;
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.field === field && reader.wireType === WireType.DELIMITED) {
      const packed = reader.delimited();
      if (packed.length % (fixedBytes ?? 1) !== 0) throw new ModelOutputError('a value is cut off');
      if (packed.length > 0) callback(packed, reader);
    } else if (reader.field === field && reader.wireType === alone) {
      callback(null, reader);
      if (!consumes) reader.skip();
    } else reader.skip();
  }
}

function varintsIn(packed: Uint8Array): number {
  let count = 0;
  for (const byte of packed) if (byte < 0x80) count += 1;
  if ((packed.at(-1) ?? 0) >= 0x80) throw new ModelOutputError('it ends in the middle of a number');
  return count;
}

function readStrings(bytes: Uint8Array): Uint8Array[] {
  const reader = new WireReader(bytes);
  const strings: Uint8Array[] = [];
  while (reader.next()) {
    if (reader.field !== VALUE_FIELDS.stringVal || reader.wireType !== WireType.DELIMITED) reader.skip();
    else if (strings.length >= MAX_STRINGS) throw new ModelOutputError(`it has more than ${String(MAX_STRINGS)} strings`);
    else strings.push(reader.delimited());
  }
  return strings;
}
