import { isUtf8 } from 'node:buffer';
import { GrpcStatusError } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import { NUMERIC_LAYOUTS, type DType, type Tensor } from '../../serving/tensor.js';
import type { OrtModule, OrtTensor } from './onnxruntime-module.js';

/** ONNX Runtime's names of the element types that it shares with TensorFlow. */
const ORT_TYPES: Partial<Record<DType, string>> = {
  float: 'float32',
  double: 'float64',
  half: 'float16',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  bool: 'bool',
  string: 'string',
};

/** The element type that ONNX Runtime calls so, or `null` when TensorFlow has none. */
export function fromOrtType(type: string): DType | null {
  return (Object.keys(ORT_TYPES) as DType[]).find((dtype) => ORT_TYPES[dtype] === type) ?? null;
}

/** Hands a tensor to ONNX Runtime, which reads the very same memory; only strings are copied.
 * @throws {GrpcStatusError} INVALID_ARGUMENT for element types that it does not have and for strings that are not UTF-8, which it takes only */
export function toOrtTensor(ort: OrtModule, name: string, tensor: Tensor): OrtTensor {
  const type = ORT_TYPES[tensor.dtype];
  if (type === undefined) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, `${name} is of ${tensor.dtype}, which ONNX Runtime does not have`);
  if (tensor.dtype !== 'string') return new ort.Tensor(type, tensor.data, [...tensor.shape]);
  const texts = tensor.data.map((bytes) => {
    if (!isUtf8(bytes)) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, `${name} has a string that is not UTF-8`);
    return bytes.toString('utf8');
  });
  return new ort.Tensor(type, texts, [...tensor.shape]);
}

/** Takes an output over; its elements are in JavaScript's memory already, copied there by ONNX Runtime.
 * @throws {Error} when TensorFlow has no such element type */
export function fromOrtTensor({ type, dims, data }: OrtTensor): Tensor {
  const dtype = fromOrtType(type);
  if (dtype === null) throw new Error(`an output is of ${type}, which TensorFlow does not have`);
  const shape = [...dims];
  if (!ArrayBuffer.isView(data)) return { dtype: 'string', shape, data: data.map((text) => Buffer.from(text, 'utf8')) };
  const { array } = NUMERIC_LAYOUTS[dtype as Exclude<DType, 'string'>];
  // Where JavaScript has a Float16Array, halves come in one: the bits are what travels.
  const bits = data instanceof array ? data : new array(data.buffer, data.byteOffset, data.byteLength / array.BYTES_PER_ELEMENT);
  return { dtype, shape, data: bits } as Tensor;
}
