import { DTYPE_NUMBERS } from './dtypes.js';
import { toModelSpecProto, type ModelSpec } from './model-spec.js';
import { encodeMessage } from './proto-root.js';
import { encodeTensor } from './tensor-codec.js';
import { elementCount, NUMERIC_LAYOUTS, type Tensor, type TensorWriter } from './tensor.js';

/** What is asked of a model. */
export type PredictInputs = {
  readonly modelSpec: ModelSpec;
  readonly inputs: Readonly<Record<string, Tensor | TensorWriter>>;
  /** Outputs that are asked for; empty: all. */
  readonly outputFilter: readonly string[];
};

/** Numbers of the fields that are written by hand: `PredictRequest.inputs`, `PredictResponse.outputs`, the key and value of a map's entry, `TensorProto.tensor_content`. */
const INPUTS_FIELD = 2;
const OUTPUTS_FIELD = 1;
const KEY_FIELD = 1;
const VALUE_FIELD = 2;
const TENSOR_CONTENT_FIELD = 4;
/** What typed arrays of any element type can begin at. */
const ALIGNMENT = 8;

/** A stretch of a message: bytes that are there, or a tensor's that are yet to be written. */
type Segment = Uint8Array | { readonly byteLength: number; readonly write: (target: Uint8Array) => void };

/** A message, and the memory that it lies in. */
export type WrittenMessage = { readonly message: Buffer; readonly memory: Buffer };

/** Writes a PredictRequest into memory that is taken once, each tensor's bytes straight to their place: protobufjs grows its buffer while it writes and copies pictures three
 * times over, and so does every concatenation (measured 2026-11: 6 MB of garbage for one picture of 512x512).
 * @param take gives memory of at least so many bytes, aligned for any element type
 * @throws {RangeError} when a tensor does not hold what its shape says */
export function writePredictRequest({ modelSpec, inputs, outputFilter }: PredictInputs, take: (byteLength: number) => Buffer): WrittenMessage {
  // A message in parts is their concatenation: what is small is left to the library.
  const segments: Segment[] = [
    encodeMessage('tensorflow.serving.PredictRequest', { modelSpec: toModelSpecProto(modelSpec) }),
    ...Object.entries(inputs).flatMap(([name, tensor]) => entrySegments(INPUTS_FIELD, name, tensor)),
    encodeMessage('tensorflow.serving.PredictRequest', { outputFilter }),
  ];
  const byteLength = lengthOf(segments);
  const memory = take(byteLength + ALIGNMENT);
  const start = alignedStart(segments);
  let at = start;
  for (const segment of segments) {
    const target = memory.subarray(at, at + segment.byteLength);
    if (segment instanceof Uint8Array) target.set(segment);
    else writeAligned(target, segment.write);
    at += segment.byteLength;
  }
  return { message: memory.subarray(start, start + byteLength), memory };
}

/** {@link writePredictRequest} into memory of its own. */
export function encodePredictRequest(request: PredictInputs): Buffer {
  return writePredictRequest(request, (byteLength) => Buffer.allocUnsafeSlow(byteLength)).message;
}

/** A PredictRequest without a model, in the stretches that it consists of; tensors' are their own memory: for who can write many at once, without a copy.
 * @throws {RangeError} when a tensor does not hold what its shape says */
export function requestStretches(inputs: ReadonlyMap<string, Tensor>, outputFilter: readonly string[]): Uint8Array[] {
  return [...tensorStretches(INPUTS_FIELD, inputs), encodeMessage('tensorflow.serving.PredictRequest', { outputFilter })];
}

/** The same for a PredictResponse. */
export function responseStretches(outputs: ReadonlyMap<string, Tensor>): Uint8Array[] {
  return tensorStretches(OUTPUTS_FIELD, outputs);
}

function tensorStretches(field: number, tensors: ReadonlyMap<string, Tensor>): Uint8Array[] {
  return [...tensors].flatMap(([name, tensor]) => entrySegments(field, name, tensor)) as Uint8Array[];
}

/** One entry of a map of tensors; of a tensor that lies in memory all segments do. */
function entrySegments(field: number, name: string, tensor: Tensor | TensorWriter): Segment[] {
  const content = contentOf(tensor);
  const head = content === null ? encodeMessage('tensorflow.TensorProto', encodeTensor(tensor as Tensor)) : encodeMessage('tensorflow.TensorProto', { dtype: DTYPE_NUMBERS[tensor.dtype], tensorShape: { dim: tensor.shape.map((size) => ({ size })) } });
  const value = content === null || content.byteLength === 0 ? [head] : [head, ...delimited(TENSOR_CONTENT_FIELD, [content])];
  return delimited(field, [...delimited(KEY_FIELD, [Buffer.from(name)]), ...delimited(VALUE_FIELD, value)]);
}

/** The tensor's raw bytes; `null` of strings, which have none. */
function contentOf(tensor: Tensor | TensorWriter): Segment | null {
  if (tensor.dtype === 'string') return null;
  const { array, valuesPerElement } = NUMERIC_LAYOUTS[tensor.dtype];
  const count = elementCount(tensor.shape);
  const length = count === null ? null : count * valuesPerElement;
  if (length === null || ('data' in tensor && tensor.data.length !== length)) {
    throw new RangeError(`Expected a tensor to hold the elements of its shape [${tensor.shape.join(',')}]${'data' in tensor ? `, got ${String(tensor.data.length)}` : ''}`);
  }
  if ('data' in tensor) return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return { byteLength: length * array.BYTES_PER_ELEMENT, write: tensor.write };
}

/** Where the message has to begin so that its first tensor is aligned. */
function alignedStart(segments: readonly Segment[]): number {
  const first = segments.findIndex((segment) => !(segment instanceof Uint8Array));
  return first < 0 ? 0 : (ALIGNMENT - (lengthOf(segments.slice(0, first)) % ALIGNMENT)) % ALIGNMENT;
}

/** Only the first of several tensors can be chosen a place for; others may need a copy more. */
function writeAligned(target: Uint8Array, write: (target: Uint8Array) => void): void {
  if (target.byteOffset % ALIGNMENT === 0) {
    write(target);
    return;
  }
  const aligned = new Uint8Array(target.byteLength);
  write(aligned);
  target.set(aligned);
}

/** A field of wire type 2: tag, length, bytes. */
function delimited(field: number, segments: readonly Segment[]): Segment[] {
  return [Buffer.from([field * 8 + 2, ...varint(lengthOf(segments))]), ...segments];
}

function lengthOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}
