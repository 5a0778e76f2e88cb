import { elementCount, tensorNumbers, type Tensor } from '../../../serving/tensor.js';
import { graphProblem } from './graph-problem.js';

/** An entry of `weightsManifest[].weights`. */
export type WeightSpec = {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly quantization?: { readonly dtype: string; readonly scale?: number; readonly min?: number };
};

/** How the elements of a type lie in the weight files, and how one of them becomes a number again. */
const STORED: Readonly<Record<string, { readonly bytes: number; readonly tensor: (buffer: ArrayBuffer, length: number) => Tensor }>> = {
  float32: { bytes: 4, tensor: (buffer, length) => ({ dtype: 'float', shape: [length], data: new Float32Array(buffer) }) },
  float16: { bytes: 2, tensor: (buffer, length) => ({ dtype: 'half', shape: [length], data: new Uint16Array(buffer) }) },
  int32: { bytes: 4, tensor: (buffer, length) => ({ dtype: 'int32', shape: [length], data: new Int32Array(buffer) }) },
  uint8: { bytes: 1, tensor: (buffer, length) => ({ dtype: 'uint8', shape: [length], data: new Uint8Array(buffer) }) },
  uint16: { bytes: 2, tensor: (buffer, length) => ({ dtype: 'uint16', shape: [length], data: new Uint16Array(buffer) }) },
  bool: { bytes: 1, tensor: (buffer, length) => ({ dtype: 'bool', shape: [length], data: new Uint8Array(buffer) }) },
};

/** Reads the weights of a TensorFlow.js model: `float32`, `int32` and `bool`; quantised ones (`float16`, `uint8`, `uint16` times scale plus min) are expanded.
 * @param bytes of all weight files, one behind the other @param file for messages
 * @throws {ConfigError} for other types, and when the bytes are too few or too many */
export function readTfjsWeights(specs: readonly WeightSpec[], bytes: Uint8Array, file: string): ReadonlyMap<string, Tensor> {
  const weights = new Map<string, Tensor>();
  let offset = 0;
  for (const spec of specs) {
    const where = `weightsManifest ${spec.name}`;
    const stored = STORED[spec.quantization?.dtype ?? spec.dtype];
    if (stored === undefined || !['float32', 'int32', 'bool'].includes(spec.dtype)) throw graphProblem(file, where, `weights of type ${spec.dtype}${spec.quantization === undefined ? '' : ` stored as ${spec.quantization.dtype}`} are not supported`);
    const count = elementCount(spec.shape);
    if (count === null || offset + count * stored.bytes > bytes.byteLength) throw graphProblem(file, where, `the weight files end before it: ${bytes.byteLength} bytes`);
    const end = offset + count * stored.bytes;
    // A copy, for alignment, and so that one weight does not hold all of them in memory.
    const values = stored.tensor(Uint8Array.from(bytes.subarray(offset, end)).buffer, count);
    weights.set(spec.name, { ...(spec.quantization === undefined ? values : expanded(values, spec)), shape: [...spec.shape] });
    offset = end;
  }
  if (offset !== bytes.byteLength) throw graphProblem(file, 'weightsManifest', `the weight files have ${bytes.byteLength} bytes, the manifest names ${offset}: are they of this model?`);
  return weights;
}

function expanded(values: Tensor, { dtype, shape, quantization }: WeightSpec): Tensor {
  const [scale, min] = values.dtype === 'half' ? [1, 0] : [quantization?.scale ?? 1, quantization?.min ?? 0];
  const numbers = values.dtype === 'half' ? halfNumbers(values.data) : tensorNumbers(values);
  const data = dtype === 'int32' ? new Int32Array(numbers.length) : new Float32Array(numbers.length);
  for (let index = 0; index < data.length; index += 1) {
    const number = (numbers[index] ?? 0) * scale + min;
    data[index] = dtype === 'int32' ? Math.round(number) : number;
  }
  return data instanceof Int32Array ? { dtype: 'int32', shape, data } : { dtype: 'float', shape, data };
}

/** By a table of all there are: models have millions of weights. */
function halfNumbers(bits: Uint16Array): Float32Array {
  const table = tensorNumbers({ dtype: 'half', shape: [2 ** 16], data: Uint16Array.from({ length: 2 ** 16 }, (_, index) => index) });
  const numbers = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index += 1) numbers[index] = table[bits[index] ?? 0] ?? 0;
  return numbers;
}
