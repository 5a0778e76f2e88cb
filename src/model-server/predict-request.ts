import { ModelOutputError } from '../core/errors.js';
import type { Size } from '../core/geometry.js';
import { dtypeName } from '../serving/dtypes.js';
import { GrpcStatusError } from '../serving/grpc-server.js';
import { GrpcStatus } from '../serving/grpc-status.js';
import { DEFAULT_SIGNATURE_NAME } from '../serving/model-spec.js';
import type { PredictRequest } from '../serving/predict-messages.js';
import { decodeTensor, type TensorProto } from '../serving/tensor-codec.js';
import type { Tensor } from '../serving/tensor.js';
import { checkServable, type ServableId } from './servable.js';
import { INPUT_FEED_NAME, INPUT_NAME, SERVED_SIGNATURE } from './served-signature.js';

/** A request that can be computed. */
export type ImageBatch = {
  readonly imageCount: number;
  /** Of every image. */
  readonly size: Size;
  /** RGB of one image, a view of the request. */
  pixels(index: number): Uint8Array;
  /** Outputs that are asked for. */
  readonly outputNames: readonly string[];
  readonly signatureName: string;
};

/** Checks a request in TensorFlow Serving's order, with its codes and words, and reads its images.
 * @throws {GrpcStatusError} */
export function readPredictRequest(request: PredictRequest, servable: ServableId): ImageBatch {
  const spec = checkServable(request.modelSpec, servable);
  const signatureName = spec.signatureName === '' ? DEFAULT_SIGNATURE_NAME : spec.signatureName;
  if (signatureName !== DEFAULT_SIGNATURE_NAME) throw new GrpcStatusError(GrpcStatus.FAILED_PRECONDITION, `Serving signature key "${signatureName}" not found.`);
  const proto = onlyInput(request.inputs);
  const tensor = parseTensor(proto);
  const outputNames = wantedOutputs(request.outputFilter);
  const images = checkImages(proto, tensor);
  return { ...images, outputNames, signatureName };
}

function onlyInput(inputs: ReadonlyMap<string, TensorProto>): TensorProto {
  const expected = SERVED_SIGNATURE.inputs;
  if (inputs.size !== expected.size) {
    const sent = set([...inputs.keys()]);
    const extra = set([...inputs.keys()].filter((name) => !expected.has(name)));
    const missing = set([...expected.keys()].filter((name) => !inputs.has(name)));
    throw invalid(
      `input size does not match signature: ${String(inputs.size)}!=${String(expected.size)} len(${sent}) != len(${set([...expected.keys()])}). Sent extra: ${extra}. Missing but required: ${missing}.`,
    );
  }
  const proto = inputs.get(INPUT_NAME);
  if (proto !== undefined) return proto;
  throw invalid(
    `Signature input alias: ${INPUT_NAME}(feed name: ${INPUT_FEED_NAME}) not found in request and no default value provided. Inputs expected to be in the request ${set([...inputs.keys()])}, or default input alias set: `,
  );
}

function parseTensor(proto: TensorProto): Tensor {
  try {
    return decodeTensor(proto, { name: INPUT_NAME });
  } catch (error) {
    if (error instanceof ModelOutputError) throw invalid(`tensor parsing error: ${INPUT_NAME}`);
    throw error;
  }
}

function wantedOutputs(filter: readonly string[]): readonly string[] {
  const all = [...SERVED_SIGNATURE.outputs.keys()];
  const wanted = new Set<string>();
  for (const name of filter) {
    if (!SERVED_SIGNATURE.outputs.has(name)) throw invalid(`output tensor alias not found in signature: ${name} Outputs expected to be in the set ${set(all)}.`);
    if (wanted.has(name)) throw invalid(`duplicate output tensor alias: ${name}`);
    wanted.add(name);
  }
  return wanted.size === 0 ? all : [...wanted];
}

function checkImages(proto: TensorProto, tensor: Tensor): Pick<ImageBatch, 'imageCount' | 'size' | 'pixels'> {
  if (tensor.dtype !== 'uint8') throw invalid(`Expects arg[0] to be uint8 but ${dtypeName(proto.dtype)} is provided`);
  const [imageCount, heightPx, widthPx, channels] = tensor.shape;
  if (tensor.shape.length !== 4 || !isPositive(imageCount) || !isPositive(heightPx) || !isPositive(widthPx) || channels !== 3) {
    throw invalid(`${INPUT_NAME} has the shape [${tensor.shape.join(',')}]: expected images as [batch, height, width, 3], each at least 1`);
  }
  const { data } = tensor;
  const imageBytes = heightPx * widthPx * channels;
  return { imageCount, size: { widthPx, heightPx }, pixels: (index) => data.subarray(index * imageBytes, (index + 1) * imageBytes) };
}

function isPositive(value: number | undefined): value is number {
  return value !== undefined && value >= 1;
}

function set(names: readonly string[]): string {
  return `{${[...names].sort().join(',')}}`;
}

function invalid(message: string): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, message);
}
