import { ModelOutputError } from '../core/errors.js';
import { GrpcStatusError } from '../serving/grpc-server.js';
import { GrpcStatus } from '../serving/grpc-status.js';
import type { SignatureDef, TensorInfo } from '../serving/metadata-messages.js';
import { DEFAULT_SIGNATURE_NAME } from '../serving/model-spec.js';
import type { PredictRequest } from '../serving/predict-messages.js';
import { decodeTensor, type TensorProto } from '../serving/tensor-codec.js';
import type { Tensor } from '../serving/tensor.js';
import { checkServable, type ServableId } from './servable.js';

/** A request that can be computed. */
export type PredictTensors = {
  /** What the signature takes, by name, in its order; numbers of one byte are views of the request. */
  readonly inputs: ReadonlyMap<string, Tensor>;
  /** Outputs that are asked for. */
  readonly outputNames: readonly string[];
  readonly signatureName: string;
};

/** Checks a request in TensorFlow Serving's order, with its codes and words, and reads its tensors.
 * @throws {GrpcStatusError} */
export function readPredictRequest(request: PredictRequest, servable: ServableId, signature: SignatureDef): PredictTensors {
  const spec = checkServable(request.modelSpec, servable);
  const signatureName = spec.signatureName === '' ? DEFAULT_SIGNATURE_NAME : spec.signatureName;
  if (signatureName !== DEFAULT_SIGNATURE_NAME) throw new GrpcStatusError(GrpcStatus.FAILED_PRECONDITION, `Serving signature key "${signatureName}" not found.`);
  checkNames(request.inputs, signature);
  const inputs = new Map([...signature.inputs].map(([name, info]) => [name, parseInput(name, info, request.inputs)]));
  const outputNames = wantedOutputs(request.outputFilter, signature);
  [...signature.inputs.keys()].sort().forEach((name, index) => {
    checkInput(name, index, signature.inputs.get(name), inputs.get(name));
  });
  return { inputs, outputNames, signatureName };
}

function checkNames(sent: ReadonlyMap<string, TensorProto>, { inputs }: SignatureDef): void {
  if (sent.size === inputs.size) return;
  const extra = set([...sent.keys()].filter((name) => !inputs.has(name)));
  const missing = set([...inputs.keys()].filter((name) => !sent.has(name)));
  throw invalid(
    `input size does not match signature: ${String(sent.size)}!=${String(inputs.size)} len(${set([...sent.keys()])}) != len(${set([...inputs.keys()])}). Sent extra: ${extra}. Missing but required: ${missing}.`,
  );
}

function parseInput(name: string, info: TensorInfo, sent: ReadonlyMap<string, TensorProto>): Tensor {
  const proto = sent.get(name);
  if (proto === undefined) {
    throw invalid(
      `Signature input alias: ${name}(feed name: ${info.name}) not found in request and no default value provided. Inputs expected to be in the request ${set([...sent.keys()])}, or default input alias set: `,
    );
  }
  try {
    return decodeTensor(proto, { name });
  } catch (error) {
    if (error instanceof ModelOutputError) throw invalid(`tensor parsing error: ${name}`);
    throw error;
  }
}

function wantedOutputs(filter: readonly string[], { outputs }: SignatureDef): readonly string[] {
  const wanted = new Set<string>();
  for (const name of filter) {
    if (!outputs.has(name)) throw invalid(`output tensor alias not found in signature: ${name} Outputs expected to be in the set ${set([...outputs.keys()])}.`);
    if (wanted.has(name)) throw invalid(`duplicate output tensor alias: ${name}`);
    wanted.add(name);
  }
  return wanted.size === 0 ? [...outputs.keys()] : [...wanted];
}

/** What TensorFlow finds when it runs the graph: the element type of each argument, in the order of their names, then their shapes. */
function checkInput(name: string, index: number, info: TensorInfo | undefined, tensor: Tensor | undefined): void {
  if (info === undefined || tensor === undefined) return;
  if (tensor.dtype !== info.dtype) throw invalid(`Expects arg[${String(index)}] to be ${info.dtype} but ${tensor.dtype} is provided`);
  const { shape } = info;
  if (shape === null) return;
  const isPictures = info.dtype === 'uint8' && shape.length === 4 && shape[3] === 3;
  const fits = tensor.shape.length === shape.length && tensor.shape.every((size, axis) => (shape[axis] === -1 ? size >= (isPictures ? 1 : 0) : size === shape[axis]));
  if (!fits) throw invalid(`${name} has the shape [${tensor.shape.join(',')}]: expected ${isPictures ? 'images as [batch, height, width, 3], each at least 1' : `[${shape.join(',')}]`}`);
}

function set(names: readonly string[]): string {
  return `{${[...names].sort().join(',')}}`;
}

function invalid(message: string): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, message);
}
