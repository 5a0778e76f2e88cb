import {
  getModelMetadataRequestCodec,
  getModelMetadataResponseCodec,
  type GetModelMetadataRequest,
  type GetModelMetadataResponse,
} from './metadata-messages.js';
import { predictRequestCodec, predictResponseCodec, type PredictRequest, type PredictResponse } from './predict-messages.js';
import type { Codec } from './proto-root.js';
import {
  getModelStatusRequestCodec,
  getModelStatusResponseCodec,
  healthCheckRequestCodec,
  healthCheckResponseCodec,
  type GetModelStatusRequest,
  type GetModelStatusResponse,
  type HealthCheckRequest,
  type HealthCheckResponse,
} from './status-messages.js';

/** One unary method: where it lives and how its messages travel. */
export type Rpc<Request, Response> = { readonly path: `/${string}/${string}`; readonly request: Codec<Request>; readonly response: Codec<Response> };

export const predictRpc: Rpc<PredictRequest, PredictResponse> = {
  path: '/tensorflow.serving.PredictionService/Predict',
  request: predictRequestCodec,
  response: predictResponseCodec,
};

export const getModelMetadataRpc: Rpc<GetModelMetadataRequest, GetModelMetadataResponse> = {
  path: '/tensorflow.serving.PredictionService/GetModelMetadata',
  request: getModelMetadataRequestCodec,
  response: getModelMetadataResponseCodec,
};

export const getModelStatusRpc: Rpc<GetModelStatusRequest, GetModelStatusResponse> = {
  path: '/tensorflow.serving.ModelService/GetModelStatus',
  request: getModelStatusRequestCodec,
  response: getModelStatusResponseCodec,
};

export const healthCheckRpc: Rpc<HealthCheckRequest, HealthCheckResponse> = {
  path: '/grpc.health.v1.Health/Check',
  request: healthCheckRequestCodec,
  response: healthCheckResponseCodec,
};
