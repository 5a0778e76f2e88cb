import { GrpcStatusError, type CallContext, type GrpcMethod, unaryMethod } from '../serving/grpc-server.js';
import { GrpcStatus } from '../serving/grpc-status.js';
import { hintsToHeaders } from '../serving/hints.js';
import { SIGNATURE_DEF_FIELD, type GetModelMetadataRequest, type GetModelMetadataResponse } from '../serving/metadata-messages.js';
import { DEFAULT_SIGNATURE_NAME } from '../serving/model-spec.js';
import type { PredictRequest, PredictResponse } from '../serving/predict-messages.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc } from '../serving/rpcs.js';
import { encodeTensor } from '../serving/tensor-codec.js';
import { readPredictRequest } from './predict-request.js';
import { checkServable, checkStatusServable, requireSpec, type ServableId } from './servable.js';
import type { EnginePool } from './workers/engine-pool.js';

/** Names that TensorFlow Serving's own health service knows. */
const HEALTH_SERVICES = ['', 'ModelService', 'PredictionService', 'tensorflow.serving.ModelService', 'tensorflow.serving.PredictionService'];

/** The methods of TensorFlow Serving's API, of a server with one servable. While no engine process is there it is LOADING, and the server not SERVING. */
export function serviceMethods(pool: EnginePool, servable: ServableId): GrpcMethod[] {
  return [
    unaryMethod(predictRpc, (request, context) => predict(request, context, pool, servable)),
    unaryMethod(getModelMetadataRpc, (request, context) => {
      const response = describeModel(request, pool, servable);
      sendHints(pool, context);
      return response;
    }),
    unaryMethod(getModelStatusRpc, ({ modelSpec }) => {
      checkStatusServable(modelSpec, servable);
      return { versions: [{ version: servable.version, state: pool.state === 'ready' ? ('AVAILABLE' as const) : ('LOADING' as const), errorCode: 0, errorMessage: '' }] };
    }),
    unaryMethod(healthCheckRpc, ({ service }) => {
      if (!HEALTH_SERVICES.includes(service)) throw new GrpcStatusError(GrpcStatus.NOT_FOUND, 'unknown service');
      return { status: pool.state === 'ready' ? ('SERVING' as const) : ('NOT_SERVING' as const) };
    }),
  ];
}

async function predict(request: PredictRequest, context: CallContext, pool: EnginePool, servable: ServableId): Promise<PredictResponse> {
  const { inputs, outputNames, signatureName } = readPredictRequest(request, servable, pool.signature);
  const outputs = await pool.run(inputs, outputNames, context);
  sendHints(pool, context);
  return {
    modelSpec: { name: servable.name, version: servable.version, versionLabel: null, signatureName },
    outputs: new Map([...outputs].map(([name, tensor]) => [name, encodeTensor(tensor)])),
  };
}

function describeModel(request: GetModelMetadataRequest, pool: EnginePool, servable: ServableId): GetModelMetadataResponse {
  requireSpec(request.modelSpec);
  if (request.metadataFields.length === 0) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, 'GetModelMetadataRequest must specify at least one metadata_field');
  const unknown = request.metadataFields.find((field) => field !== SIGNATURE_DEF_FIELD);
  if (unknown !== undefined) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, `Metadata field ${unknown} is not supported`);
  checkServable(request.modelSpec, servable);
  return {
    modelSpec: { name: servable.name, version: servable.version, versionLabel: null, signatureName: '' },
    signatures: new Map([[DEFAULT_SIGNATURE_NAME, pool.signature]]),
  };
}

function sendHints(pool: EnginePool, context: CallContext): void {
  for (const [key, value] of Object.entries(hintsToHeaders(pool.hints))) context.setHeader(key, value);
}
