import { NUMERIC_LAYOUTS, elementCount, tensorNumbers, type DType, type Tensor } from '../../../serving/tensor.js';
import type { OnnxDType } from '../onnx/onnx-model.js';
import { tensorContent, type OnnxTensorContent } from '../onnx/onnx-tensor.js';

const ONNX_NAMES: Readonly<Partial<Record<DType, OnnxDType>>> = {
  float: 'float', double: 'double', int32: 'int32', uint8: 'uint8', int16: 'int16', int8: 'int8', string: 'string', int64: 'int64', bool: 'bool', bfloat16: 'bfloat16', uint16: 'uint16', half: 'float16', uint32: 'uint32', uint64: 'uint64',
};

/** What ONNX calls an element type; `null`: it has none that is meant (complex numbers). */
export function onnxDType(dtype: DType): OnnxDType | null {
  return ONNX_NAMES[dtype] ?? null;
}

/** @returns `null` for strings and complex numbers */
export function onnxContent(tensor: Tensor): OnnxTensorContent | null {
  const dtype = onnxDType(tensor.dtype);
  if (dtype === null || tensor.dtype === 'string') return null;
  return tensorContent(dtype, tensor.data, tensor.shape);
}

/** A tensor of whole or real numbers from plain ones. */
export function tensorOf(dtype: Exclude<DType, 'string' | 'half' | 'bfloat16' | 'complex64' | 'complex128'>, values: readonly number[], shape: readonly number[]): Tensor {
  if (dtype === 'int64') return { dtype, shape, data: BigInt64Array.from(values, BigInt) };
  if (dtype === 'uint64') return { dtype, shape, data: BigUint64Array.from(values, BigInt) };
  const data = new NUMERIC_LAYOUTS[dtype].array(values.length);
  values.forEach((value, index) => (data[index] = value));
  return { dtype, shape, data } as Tensor;
}

/** The same numbers with another element type, cut off where it holds whole ones only.
 * @returns `null` where they cannot be kept so */
export function castTensor(tensor: Tensor, dtype: DType): Tensor | null {
  if (tensor.dtype === dtype) return tensor;
  if (tensor.dtype === 'string' || tensor.dtype.startsWith('complex') || dtype === 'string' || dtype === 'half' || dtype === 'bfloat16' || dtype === 'complex64' || dtype === 'complex128') return null;
  const numbers = Array.from(tensorNumbers(tensor));
  if (dtype === 'float' || dtype === 'double') return tensorOf(dtype, numbers, tensor.shape);
  if (numbers.some((value) => !Number.isFinite(value))) return null;
  return tensorOf(dtype, dtype === 'bool' ? numbers.map((value) => (value === 0 ? 0 : 1)) : numbers.map(Math.trunc), tensor.shape);
}

/** The same elements under another shape. */
export function reshapeTensor(tensor: Tensor, shape: readonly number[]): Tensor {
  if (elementCount(shape) !== elementCount(tensor.shape)) throw new RangeError(`Expected as many elements as [${tensor.shape.join(', ')}] has, got [${shape.join(', ')}]`);
  return { ...tensor, shape };
}

/** Moves axes: axis `i` of the result is axis `permutation[i]` of what is given. */
export function transposeTensor(tensor: Tensor, permutation: readonly number[]): Tensor {
  if (tensor.dtype === 'string') throw new RangeError('Expected a tensor of numbers, got strings');
  const shape = permutation.map((axis) => tensor.shape[axis] ?? 1);
  const strides = tensor.shape.map((_, axis) => tensor.shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const steps = permutation.map((axis) => strides[axis] ?? 1);
  const source = tensor.data;
  const target = source.slice();
  const position = shape.map(() => 0);
  let from = 0;
  for (let index = 0; index < target.length; index += 1) {
    target[index] = source[from] as never;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      const step = steps[axis] ?? 0;
      position[axis] = (position[axis] ?? 0) + 1;
      from += step;
      if ((position[axis] ?? 0) < (shape[axis] ?? 0)) break;
      from -= step * (shape[axis] ?? 0);
      position[axis] = 0;
    }
  }
  return { ...tensor, shape, data: target } as Tensor;
}
