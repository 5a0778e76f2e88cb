import { GrpcStatusError } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import type { SignatureDef } from '../../serving/metadata-messages.js';
import { NUMERIC_LAYOUTS, type NumericData, type Tensor } from '../../serving/tensor.js';
import type { Part } from './call-queue.js';

/** Whether a request may be computed in parts: its one input is images `[N, height, width, 3]`, and all its outputs have N first. */
export function isDivisible({ inputs, outputs }: SignatureDef): boolean {
  const [input, ...others] = inputs.values();
  const takesImages = others.length === 0 && input?.dtype === 'uint8' && input.shape?.length === 4 && input.shape[0] === -1;
  return takesImages && [...outputs.values()].every(({ shape, dtype }) => dtype !== 'string' && shape?.[0] === -1);
}

/** A tensor's elements from one index of its first dimension to another; a view. */
export function tensorPart(tensor: Tensor, { begin, end }: Part): Tensor {
  const [count = 0, ...rest] = tensor.shape;
  if (begin === 0 && end === count) return tensor;
  const stride = count === 0 ? 0 : tensor.data.length / count;
  const data = tensor.dtype === 'string' ? tensor.data.slice(begin * stride, end * stride) : tensor.data.subarray(begin * stride, end * stride);
  return { ...tensor, shape: [end - begin, ...rest], data } as Tensor;
}

/** Puts the outputs of a request's parts together, in order.
 * @param parts outputs, and how many images they are of; never empty
 * @throws {GrpcStatusError} INTERNAL when they do not fit together */
export function joinOutputs(parts: readonly { readonly outputs: ReadonlyMap<string, Tensor>; readonly images: number }[]): Map<string, Tensor> {
  const [first] = parts;
  if (first === undefined) throw new RangeError('Expected at least one part');
  if (parts.length === 1) return new Map(first.outputs);
  return new Map([...first.outputs.keys()].map((name) => [name, joinTensors(name, parts.map(({ outputs, images }) => ({ tensor: outputs.get(name), images })))]));
}

function joinTensors(name: string, parts: readonly { readonly tensor: Tensor | undefined; readonly images: number }[]): Tensor {
  const tensors = parts.map(({ tensor, images }) => {
    if (tensor === undefined || tensor.dtype === 'string' || tensor.shape[0] !== images) throw unfit(name, `has the shape [${tensor?.shape.join(',') ?? ''}] for ${String(images)} images`);
    return tensor;
  });
  const [{ dtype, shape: [, ...rest] }] = tensors as [(typeof tensors)[number]];
  const other = tensors.find((tensor) => tensor.dtype !== dtype || tensor.shape.slice(1).join() !== rest.join());
  if (other !== undefined) throw unfit(name, `has the shapes [N,${rest.join(',')}] and [N,${other.shape.slice(1).join(',')}] in one batch`);
  const data = new NUMERIC_LAYOUTS[dtype].array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0));
  let at = 0;
  for (const tensor of tensors) {
    (data as { set(values: NumericData, offset: number): void }).set(tensor.data, at);
    at += tensor.data.length;
  }
  return { dtype, shape: [parts.reduce((sum, { images }) => sum + images, 0), ...rest], data } as Tensor;
}

function unfit(name: string, what: string): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.INTERNAL, `the output ${name} ${what}`);
}
