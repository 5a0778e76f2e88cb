import { GrpcStatusError, startGrpcServer, unaryMethod, type CallContext, type GrpcMethod, type GrpcServer } from '../serving/grpc-server.js';
import { GrpcStatus } from '../serving/grpc-status.js';
import { hintsToHeaders } from '../serving/hints.js';
import { SIGNATURE_DEF_FIELD, type GetModelMetadataRequest, type GetModelMetadataResponse } from '../serving/metadata-messages.js';
import { DEFAULT_SIGNATURE_NAME } from '../serving/model-spec.js';
import type { PredictRequest, PredictResponse } from '../serving/predict-messages.js';
import { getModelMetadataRpc, getModelStatusRpc, healthCheckRpc, predictRpc } from '../serving/rpcs.js';
import { encodeTensor } from '../serving/tensor-codec.js';
import type { Logger } from '../telemetry/logger.js';
import type { EngineChoice } from './engines/engine.js';
import { chooseEngine, type Importer } from './engines/load-engine.js';
import { ImageQueue } from './image-queue.js';
import { readModelFiles } from './model-files.js';
import { readPredictRequest } from './predict-request.js';
import { joinAnswers, ServedModel } from './served-model.js';
import { checkServable, checkStatusServable, requireSpec, type ServableId } from './servable.js';
import { SERVED_SIGNATURE } from './served-signature.js';

export type ModelServerOptions = {
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** `auto`: any free port. */
  readonly port: number | 'auto';
  /** Name that clients ask for; default `default`, as of tensorflow_model_server. */
  readonly modelName?: string;
  /** Folder with one sub-folder a version; `null`: the built-in default model. */
  readonly modelBasePath: string | null;
  readonly engine?: EngineChoice;
  /** Images that may wait; default 32. */
  readonly maxQueuedImages?: number;
  readonly log: Logger;
  /** For tests: how optional packages are imported. */
  readonly importer?: Importer;
};

/** A running model server. */
export interface ModelServer {
  readonly host: string;
  readonly port: number;
  readonly modelName: string;
  readonly modelVersion: string;
  /** Tensors alive in this process: the same before and after a request. */
  tensorCount(): number;
  /** Stops listening, refuses what waits, lets the image in work end and frees the model. Idempotent. */
  close(): Promise<void>;
}

/** 4 seconds of work at 8 images a second: whoever waits longer is past its deadline. */
const DEFAULT_MAX_QUEUED_IMAGES = 32;
/** Names that TensorFlow Serving's own health service knows. */
const HEALTH_SERVICES = ['', 'ModelService', 'PredictionService', 'tensorflow.serving.ModelService', 'tensorflow.serving.PredictionService'];

/** Loads and warms up a model and serves it over TensorFlow Serving's gRPC API in this process; ready when it resolves.
 * @throws {ConfigError} the model, the engine or the host cannot be used
 * @throws {PortInUseError} */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { log } = options;
  const modelName = options.modelName ?? 'default';
  const servable = await readModelFiles(modelName, options.modelBasePath);
  const engine = await chooseEngine(options.engine ?? 'auto', servable, log, options.importer);
  const model = new ServedModel(servable, await engine.load(servable, { threads: 1 }));
  log.info({ engine: engine.name, model: servable.path }, `Successfully loaded servable version {name: ${modelName} version: ${model.version}}`);
  const queue = new ImageQueue(options.maxQueuedImages ?? DEFAULT_MAX_QUEUED_IMAGES);
  try {
    const methods = serviceMethods(model, queue, { name: modelName, version: model.version });
    const grpc = await startGrpcServer({ host: options.host ?? '127.0.0.1', port: options.port === 'auto' ? 0 : options.port, methods });
    log.info(`Running gRPC ModelServer at ${grpc.host}:${String(grpc.port)} ...`);
    return new RunningModelServer(grpc, queue, model, modelName);
  } catch (error) {
    await model.close();
    throw error;
  }
}

class RunningModelServer implements ModelServer {
  readonly host: string;
  readonly port: number;
  readonly modelName: string;
  readonly modelVersion: string;
  readonly #grpc: GrpcServer;
  readonly #queue: ImageQueue;
  readonly #model: ServedModel;
  #closing: Promise<void> | null = null;

  constructor(grpc: GrpcServer, queue: ImageQueue, model: ServedModel, modelName: string) {
    this.host = grpc.host;
    this.port = grpc.port;
    this.modelName = modelName;
    this.modelVersion = model.version;
    this.#grpc = grpc;
    this.#queue = queue;
    this.#model = model;
  }

  tensorCount(): number {
    return this.#model.tensorCount();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#queue.close(), this.#grpc.close()]);
    await this.#model.close();
  }
}

function serviceMethods(model: ServedModel, queue: ImageQueue, servable: ServableId): GrpcMethod[] {
  return [
    unaryMethod(predictRpc, (request, context) => predict(request, context, model, queue, servable)),
    unaryMethod(getModelMetadataRpc, (request, context) => {
      const response = describeModel(request, servable);
      sendHints(model, context);
      return response;
    }),
    unaryMethod(getModelStatusRpc, ({ modelSpec }) => {
      checkStatusServable(modelSpec, servable);
      return { versions: [{ version: servable.version, state: 'AVAILABLE' as const, errorCode: 0, errorMessage: '' }] };
    }),
    unaryMethod(healthCheckRpc, ({ service }) => {
      if (!HEALTH_SERVICES.includes(service)) throw new GrpcStatusError(GrpcStatus.NOT_FOUND, 'unknown service');
      return { status: 'SERVING' as const };
    }),
  ];
}

async function predict(request: PredictRequest, context: CallContext, model: ServedModel, queue: ImageQueue, servable: ServableId): Promise<PredictResponse> {
  const batch = readPredictRequest(request, servable);
  const answers = await queue.run(batch.imageCount, context, (index) => model.detect(batch.pixels(index), batch.size, batch.outputNames));
  sendHints(model, context);
  return {
    modelSpec: { name: servable.name, version: servable.version, versionLabel: null, signatureName: batch.signatureName },
    outputs: new Map([...joinAnswers(answers)].map(([name, tensor]) => [name, encodeTensor(tensor)])),
  };
}

function describeModel(request: GetModelMetadataRequest, servable: ServableId): GetModelMetadataResponse {
  requireSpec(request.modelSpec);
  if (request.metadataFields.length === 0) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, 'GetModelMetadataRequest must specify at least one metadata_field');
  const unknown = request.metadataFields.find((field) => field !== SIGNATURE_DEF_FIELD);
  if (unknown !== undefined) throw new GrpcStatusError(GrpcStatus.INVALID_ARGUMENT, `Metadata field ${unknown} is not supported`);
  checkServable(request.modelSpec, servable);
  return {
    modelSpec: { name: servable.name, version: servable.version, versionLabel: null, signatureName: '' },
    signatures: new Map([[DEFAULT_SIGNATURE_NAME, SERVED_SIGNATURE]]),
  };
}

function sendHints(model: ServedModel, context: CallContext): void {
  // One image at a time on one thread: neither batches nor parallel requests gain anything.
  const hints = hintsToHeaders({ inputSize: model.inputSize, preferredBatch: 1, maxInFlight: 1, msPerImage: model.msPerImage });
  for (const [key, value] of Object.entries(hints)) context.setHeader(key, value);
}
