// A stand-in for TensorFlow Serving in a process of its own, to be stopped and killed; the script comes as an argument, orders come from the parent.
import { performance } from 'node:perf_hooks';
import { status } from '@grpc/grpc-js';
import { GrpcStatusError, startGrpcServer, unaryMethod } from '../../dist/serving/grpc-server.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc } from '../../dist/serving/rpcs.js';
import { encodeTensor } from '../../dist/serving/tensor-codec.js';
import { splitDataFrames } from './data-frame-splitter.mjs';

/** @typedef {import('./serving-process.js').ServingProcessScript} Script */

const given = /** @type {unknown} */ (JSON.parse(process.argv[2] ?? '{}'));
const script = /** @type {{ -readonly [K in keyof Script]: Script[K] }} */ (given);
const facts = { predicts: 0, answered: 0, dataFrames: 0 };
/** @param {string} signatureName */
const spec = (signatureName) => ({ name: 'default', version: '1', versionLabel: null, signatureName });
/**
 * @param {string} name
 * @param {number[]} shape
 * @returns {[string, { name: string, dtype: 'float', shape: number[] }]} */
const float = (name, shape) => [name, { name: `${name}:0`, dtype: 'float', shape }];
const signature = {
  inputs: new Map([['inputs', { name: 'image_tensor:0', dtype: 'uint8', shape: [-1, -1, -1, 3] }]]),
  outputs: new Map([float('detection_boxes', [-1, 100, 4]), float('detection_classes', [-1, 100]), float('detection_scores', [-1, 100]), float('num_detections', [-1])]),
  methodName: 'tensorflow/serving/predict',
};
let freeAtMs = 0;

/** One object on each image, and as many bytes more as the script says.
 * @param {number} images */
function outputs(images) {
  /**
   * @param {number[]} shape
   * @param {number[]} values of one image */
  const tensor = (shape, values) => encodeTensor({ dtype: 'float', shape, data: Float32Array.from(Array.from({ length: images }, () => values).flat()) });
  return new Map([
    ['detection_boxes', tensor([images, 1, 4], [0.25, 0.25, 0.75, 0.75])],
    ['detection_classes', tensor([images, 1], [85])],
    ['detection_scores', tensor([images, 1], [0.9])],
    ['num_detections', tensor([images], [1])],
    ...(script.ballastBytes > 0 ? [['ballast', encodeTensor({ dtype: 'uint8', shape: [script.ballastBytes], data: new Uint8Array(script.ballastBytes) })]] : []),
  ]);
}

const methods = [
  unaryMethod(predictRpc, async ({ inputs }) => {
    facts.predicts += 1;
    if (script.refusal === 'full') throw new GrpcStatusError(status.UNAVAILABLE, 'The batch scheduling queue to which this task was submitted is full; currently 2 batches enqueued and max_enqueued_batches is 2');
    if (script.refusal === 'failing') throw new GrpcStatusError(status.INTERNAL, 'CUDA error: an illegal memory access was encountered');
    const images = Number(inputs.get('inputs')?.tensorShape?.dim?.[0]?.size?.toString());
    freeAtMs = Math.max(performance.now(), freeAtMs) + script.perCallMs + script.perImageMs * images;
    await new Promise((resolve) => { setTimeout(resolve, freeAtMs - performance.now()); });
    facts.answered += 1;
    return { modelSpec: spec('serving_default'), outputs: outputs(images) };
  }),
  unaryMethod(getModelMetadataRpc, ({ modelSpec }) => {
    if (modelSpec?.name !== 'default') throw new GrpcStatusError(status.NOT_FOUND, 'Servable not found');
    return { modelSpec: spec(''), signatures: new Map([['serving_default', signature]]) };
  }),
  unaryMethod(getModelStatusRpc, () => ({ versions: [{ version: '1', state: 'AVAILABLE', errorCode: 0, errorMessage: '' }] })),
  unaryMethod(healthCheckRpc, () => ({ status: 'SERVING' })),
];

const isSplit = script.dataFrameBytes > 0;
const server = await startGrpcServer({ host: '127.0.0.1', port: isSplit ? 0 : script.port, methods });
const port = isSplit ? await splitDataFrames({ port: script.port, upstreamPort: server.port, dataFrameBytes: script.dataFrameBytes, onFrame: () => { facts.dataFrames += 1; } }) : server.port;

process.on('message', (order) => {
  Object.assign(script, order);
  process.send?.({ ...facts });
});
// The parent is gone.
process.on('disconnect', () => { process.exit(0); });
process.send?.({ port });
