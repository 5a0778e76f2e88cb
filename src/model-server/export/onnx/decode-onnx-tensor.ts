import { ConfigError } from '../../../core/errors.js';
import { elementCount } from '../../../serving/tensor.js';
import type { Int64, TensorMessage } from './onnx-messages.js';
import { ONNX_DTYPES, type OnnxDType, type OnnxTensor } from './onnx-model.js';
import { ONNX_ELEMENT_BYTES } from './onnx-tensor.js';

/** Number of TensorProto.DataLocation: the bytes are in another file. */
const EXTERNAL = 1;

/** Reads a constant; elements in a field of their type are turned into bytes.
 * @param what name of the file, for messages @param path where it stands in it
 * @throws {ConfigError} for strings, types nobody knows, bytes in another file, and bytes that do not fill the shape */
export function decodeOnnxTensor(tensor: TensorMessage, what: string, path: string): OnnxTensor {
  const name = tensor.name ?? '';
  const problem = (message: string): ConfigError => new ConfigError([{ file: what, path: name === '' ? path : `${path} ${name}`, message }]);
  if (tensor.dataLocation === EXTERNAL || (tensor.externalData ?? []).length > 0) throw problem('its bytes are in another file, which is not supported: save the model as one file');
  const dtype = (Object.keys(ONNX_DTYPES) as OnnxDType[]).find((candidate) => ONNX_DTYPES[candidate] === tensor.dataType);
  if (dtype === undefined || dtype === 'string') throw problem(`constants of ${dtype ?? `element type ${String(tensor.dataType ?? 0)}`} are not supported`);
  const shape = (tensor.dims ?? []).map((size) => (typeof size === 'number' ? size : size.toNumber()));
  const count = elementCount(shape);
  const data = tensor.rawData !== undefined && tensor.rawData.byteLength > 0 ? tensor.rawData : packed(tensor, dtype);
  if (count === null || data.byteLength !== count * ONNX_ELEMENT_BYTES[dtype]) throw problem(`${data.byteLength} bytes do not fill ${dtype} [${shape.join(', ')}]`);
  return { name, dtype, shape, data };
}

/** Bytes of the elements in the field that belongs to the type. */
function packed(tensor: TensorMessage, dtype: Exclude<OnnxDType, 'string'>): Uint8Array {
  switch (dtype) {
    case 'float':
      return bytesOf(Float32Array.from(tensor.floatData ?? []));
    case 'double':
      return bytesOf(Float64Array.from(tensor.doubleData ?? []));
    case 'int64':
      return bytesOf(BigInt64Array.from(tensor.int64Data ?? [], toBigInt));
    case 'uint64':
      return bytesOf(BigUint64Array.from(tensor.uint64Data ?? [], (value) => BigInt.asUintN(64, toBigInt(value))));
    case 'uint32':
      return bytesOf(Uint32Array.from(tensor.uint64Data ?? [], (value) => Number(BigInt.asUintN(32, toBigInt(value)))));
    case 'int32':
      return bytesOf(Int32Array.from(tensor.int32Data ?? []));
    case 'int16':
      return bytesOf(Int16Array.from(tensor.int32Data ?? []));
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return bytesOf(Uint16Array.from(tensor.int32Data ?? []));
    case 'int8':
      return bytesOf(Int8Array.from(tensor.int32Data ?? []));
    case 'uint8':
    case 'bool':
      return Uint8Array.from(tensor.int32Data ?? []);
  }
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

function toBigInt(value: Int64): bigint {
  if (typeof value === 'number') return BigInt(value);
  return (BigInt(value.high) << 32n) | BigInt(value.low >>> 0);
}
