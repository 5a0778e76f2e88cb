import { startGrpcServer, type GrpcServer } from '../serving/grpc-server.js';
import type { Logger } from '../telemetry/logger.js';
import type { EngineChoice } from './engines/engine.js';
import { serviceMethods } from './served-model.js';
import { readServable } from './store/read-servable.js';
import { startEnginePool, type EnginePool, type EnginePoolOptions } from './workers/engine-pool.js';

export type ModelServerOptions = {
  /** Address to listen on; default 127.0.0.1. */
  readonly host?: string;
  /** `auto`: any free port. */
  readonly port: number | 'auto';
  /** Name that clients ask for; default `default`, as of tensorflow_model_server. */
  readonly modelName?: string;
  /** Folder with one sub-folder a version; `null`: the built-in default model. */
  readonly modelBasePath: string | null;
  /** Where the default model's servable is kept; `null`: nowhere, its graph is used as it is. */
  readonly cacheDir: string | null;
  readonly engine?: EngineChoice;
  readonly log: Logger;
} & Pick<EnginePoolOptions, 'workers' | 'memoryMb' | 'maxQueuedImages' | 'entry' | 'timesMs'>;

/** A running model server. */
export interface ModelServer {
  readonly host: string;
  readonly port: number;
  readonly modelName: string;
  readonly modelVersion: string;
  /** Engine processes that take calls now. */
  readonly enginePids: readonly number[];
  /** Stops listening, refuses what waits, lets what is computed end for a moment and ends the engine processes. Idempotent. */
  close(): Promise<void>;
}

/** Loads and warms up a model in engine processes and serves it over TensorFlow Serving's gRPC API in this process; ready when it resolves.
 * @throws {ConfigError} the model, the engine or the host cannot be used
 * @throws {ServingUnavailableError} the engine's process does not start
 * @throws {PortInUseError} */
export async function startModelServer(options: ModelServerOptions): Promise<ModelServer> {
  const { log, host, port, modelBasePath, cacheDir, engine, modelName = 'default', ...poolOptions } = options;
  const servable = await readServable(modelName, modelBasePath, { cacheDir, log });
  const pool = await startEnginePool({ ...poolOptions, servable, engine: engine ?? 'auto', log });
  const { facts, hints } = pool;
  log.info({ engine: facts.engine.name, device: facts.engine.device, model: servable.path, msPerImage: hints.msPerImage }, `Successfully loaded servable version {name: ${modelName} version: ${servable.version}}`);
  try {
    const methods = serviceMethods(pool, { name: modelName, version: servable.version });
    const grpc = await startGrpcServer({ host: host ?? '127.0.0.1', port: port === 'auto' ? 0 : port, methods });
    log.info(`Running gRPC ModelServer at ${grpc.host}:${String(grpc.port)} ...`);
    return new RunningModelServer(grpc, pool, modelName, servable.version);
  } catch (error) {
    await pool.close();
    throw error;
  }
}

class RunningModelServer implements ModelServer {
  readonly host: string;
  readonly port: number;
  readonly modelName: string;
  readonly modelVersion: string;
  readonly #grpc: GrpcServer;
  readonly #pool: EnginePool;
  #closing: Promise<void> | null = null;

  constructor(grpc: GrpcServer, pool: EnginePool, modelName: string, modelVersion: string) {
    this.host = grpc.host;
    this.port = grpc.port;
    this.modelName = modelName;
    this.modelVersion = modelVersion;
    this.#grpc = grpc;
    this.#pool = pool;
  }

  get enginePids(): readonly number[] {
    return this.#pool.pids;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.#grpc.close()]);
  }
}
