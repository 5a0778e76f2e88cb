import { GrpcStatusError } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import type { SignatureDef } from '../../serving/metadata-messages.js';
import type { Tensor } from '../../serving/tensor.js';

/** Checks that tensors are what a signature takes, so that no engine has to say it in its own words.
 * @throws {GrpcStatusError} INVALID_ARGUMENT naming the first that is not */
export function checkInputs(signature: SignatureDef, inputs: ReadonlyMap<string, Tensor>): void {
  for (const name of inputs.keys()) if (!signature.inputs.has(name)) throw invalid(`there is no input ${name}: expected ${[...signature.inputs.keys()].join(', ')}`);
  for (const [name, info] of signature.inputs) {
    const tensor = inputs.get(name);
    if (tensor === undefined) throw invalid(`the input ${name} is missing`);
    if (tensor.dtype !== info.dtype) throw invalid(`${name} is of ${tensor.dtype}: expected ${info.dtype}`);
    if (info.shape !== null && !fitsShape(tensor.shape, info.shape)) throw invalid(`${name} has the shape ${shapeText(tensor.shape)}: expected ${shapeText(info.shape)}`);
  }
}

/** Whether a shape is one of those that a declared one stands for.
 * @param declared -1 where any size will do */
export function fitsShape(shape: readonly number[], declared: readonly number[]): boolean {
  return shape.length === declared.length && shape.every((size, axis) => declared[axis] === -1 || size === declared[axis]);
}

/** `[1,-1,3]`; `null`: of any rank. */
export function shapeText(shape: readonly number[] | null): string {
  return shape === null ? '[…]' : `[${shape.join(',')}]`;
}

function invalid(message: string): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, message);
}
