import { ModelOutputError } from '../../core/errors.js';
import { elementCount, tensorNumbers, type Tensor } from '../../serving/tensor.js';
import { formatShape, listNames } from './signature-text.js';

/** The numbers of an output, row-major. */
export type NumericOutput = { readonly name: string; readonly shape: readonly number[]; readonly data: ReturnType<typeof tensorNumbers> };

const FLOAT_TYPES: ReadonlySet<string> = new Set(['float', 'half', 'bfloat16', 'double']);
const WHOLE_TYPES: ReadonlySet<string> = new Set(['int32', 'int64', 'uint8', 'int16', 'int8', 'uint16', 'uint32', 'uint64']);

/** Rounding in float16 models puts scores a little outside [0, 1]. */
export const SCORE_TOLERANCE = 1e-3;

export function isFloatType(dtype: string): boolean {
  return FLOAT_TYPES.has(dtype);
}

/** Reads an output of real numbers of any precision.
 * @throws {ModelOutputError} if it is missing or of another element type */
export function floatOutput(outputs: ReadonlyMap<string, Tensor>, name: string): NumericOutput {
  return read(outputs, name, isFloatType, 'float32');
}

/** Reads an output of whole numbers, which may travel as real ones.
 * @throws {ModelOutputError} if it is missing or of another element type */
export function wholeOutput(outputs: ReadonlyMap<string, Tensor>, name: string): NumericOutput {
  return read(outputs, name, (dtype) => isFloatType(dtype) || WHOLE_TYPES.has(dtype), 'whole numbers');
}

/** @throws {ModelOutputError} if a dimension differs; -1 stands for any size */
export function expectShape({ name, shape }: NumericOutput, expected: readonly number[]): void {
  if (shape.length !== expected.length || expected.some((size, axis) => size >= 0 && size !== shape[axis])) {
    throw new ModelOutputError(`output ${name} has shape ${formatShape(shape)}, expected ${formatShape(expected)}`);
  }
}

/** @returns the score within [0, 1]
 * @throws {ModelOutputError} if it is no score, not even a badly rounded one */
export function checkedScore(score: number, name: string): number {
  if (!(score >= -SCORE_TOLERANCE && score <= 1 + SCORE_TOLERANCE)) throw new ModelOutputError(`${name} holds ${String(score)}, expected values from 0 to 1`);
  return Math.min(1, Math.max(0, score));
}

/** @throws {ModelOutputError} if the class is not a whole number */
export function checkedClass(value: number, name: string): number {
  if (!Number.isSafeInteger(value)) throw new ModelOutputError(`${name} holds ${String(value)}, expected whole numbers`);
  return value;
}

/** @param rows that there are
 * @throws {ModelOutputError} if the count is not a whole number from 0 to `rows` */
export function checkedCount(count: number, rows: number, name: string): number {
  if (!Number.isInteger(count) || count < 0 || count > rows) throw new ModelOutputError(`${name} is ${String(count)}, expected a whole number from 0 to ${String(rows)}`);
  return count;
}

/** @throws {ModelOutputError} if one of the numbers is infinite or none at all */
export function expectFinite({ name, data }: NumericOutput, from: number, to: number): void {
  for (let index = from; index < to; index += 1) if (!Number.isFinite(data[index])) throw new ModelOutputError(`${name} holds a value that is not a number`);
}

function read(outputs: ReadonlyMap<string, Tensor>, name: string, fits: (dtype: string) => boolean, expected: string): NumericOutput {
  const tensor = outputs.get(name);
  if (tensor === undefined) throw new ModelOutputError(`the answer has no output ${name}, only ${listNames(outputs.keys())}`);
  if (!fits(tensor.dtype)) throw new ModelOutputError(`output ${name} is ${tensor.dtype}, expected ${expected}`);
  const data = tensorNumbers(tensor);
  if (data.length !== elementCount(tensor.shape)) throw new ModelOutputError(`output ${name} has ${String(data.length)} values, which are not those of shape ${formatShape(tensor.shape)}`);
  return { name, shape: tensor.shape, data };
}
