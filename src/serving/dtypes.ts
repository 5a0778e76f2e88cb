/** TensorFlow's element types: name as TensorFlow prints it → number on the wire. */
export const DTYPE_NUMBERS = {
  invalid: 0,
  float: 1,
  double: 2,
  int32: 3,
  uint8: 4,
  int16: 5,
  int8: 6,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  qint8: 11,
  quint8: 12,
  qint32: 13,
  bfloat16: 14,
  qint16: 15,
  quint16: 16,
  uint16: 17,
  complex128: 18,
  half: 19,
  resource: 20,
  variant: 21,
  uint32: 22,
  uint64: 23,
  float8_e5m2: 24,
  float8_e4m3fn: 25,
  float8_e4m3fnuz: 26,
  float8_e4m3b11fnuz: 27,
  float8_e5m2fnuz: 28,
  int4: 29,
  uint4: 30,
  int2: 31,
  uint2: 32,
} as const;

/** Name of any element type that TensorFlow knows. */
export type DTypeName = keyof typeof DTYPE_NUMBERS;

/** Reference types are the value type's number plus this (`DT_FLOAT_REF` = 101). */
const REFERENCE_OFFSET = 100;

/** Name of an element type on the wire: `float`, `float_ref` for reference types, `dtype 77` for numbers nobody knows. */
export function dtypeName(number: number): string {
  const isReference = number > REFERENCE_OFFSET;
  const value = isReference ? number - REFERENCE_OFFSET : number;
  const found = Object.entries(DTYPE_NUMBERS).find(([, candidate]) => candidate === value);
  if (found === undefined) return `dtype ${String(number)}`;
  return isReference ? `${found[0]}_ref` : found[0];
}
