import { readFile } from 'node:fs/promises';
import type { ServiceConfig } from '../config/service-config.js';
import { ClosedError, ConfigError, ModelMismatchError, ServingUnavailableError, type SightlineError } from '../core/errors.js';
import type { Size } from '../core/geometry.js';
import { BackendPool } from '../detection/backend-pool.js';
import { loadLabelMap } from '../detection/label-map.js';
import { startEmbeddedServer, type EmbeddedServer } from '../model-server/embedded-server.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';

export type DetectorConfig = Pick<ServiceConfig, 'backend' | 'model' | 'labelsFile' | 'batching'>;
export type DetectorHostOptions = { readonly config: DetectorConfig; readonly metrics: Metrics; readonly log: Logger };

/** Frame size until a backend tells its own: the embedded server's default model wants this one. */
const EMBEDDED_INPUT_SIZE: Size = { widthPx: 512, heightPx: 512 };
/** For models that take any size and do not say which they like: most Object Detection API models (SSD, EfficientDet) resize to about this. */
const ENDPOINT_INPUT_SIZE: Size = { widthPx: 640, heightPx: 640 };

/** The detector that a configuration asks for, together with the embedded model server where it asks for that. */
export class DetectorHost {
  readonly detector: BackendPool;
  /** Rejects when the embedded model server cannot be started; never resolves. */
  readonly failed: Promise<never>;
  readonly #options: DetectorHostOptions;
  #embedded: EmbeddedServer | null = null;
  #closing: Promise<void> | null = null;
  #fail: (error: unknown) => void = () => undefined;

  /** Reads the label map and the TLS files; nothing is started yet but the connections to endpoints.
   * @throws {ConfigError} when one of them cannot be read */
  static async open(options: DetectorHostOptions): Promise<DetectorHost> {
    const { config, log, metrics } = options;
    const { backend, model, batching } = config;
    const labels = await loadLabelMap(config.labelsFile);
    const tls = backend.kind === 'endpoints' && backend.tls !== null ? await readTls(backend.tls) : null;
    const isEmbedded = backend.kind === 'embedded';
    const pool = new BackendPool({
      endpoints: isEmbedded ? [] : backend.endpoints,
      emptyMessage: 'the embedded model server is starting',
      tls,
      model,
      deadlineMs: model.deadlineMs,
      maxBatchSize: batching.maxBatchSize,
      maxInFlightBatches: batching.maxInFlightBatches,
      assumedInputSize: isEmbedded ? EMBEDDED_INPUT_SIZE : ENDPOINT_INPUT_SIZE,
      labels,
      log,
      metrics,
    });
    return new DetectorHost(options, pool);
  }

  private constructor(options: DetectorHostOptions, pool: BackendPool) {
    this.#options = options;
    this.detector = pool;
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // Who does not listen is not interested; who does gets it all the same.
    this.failed.catch(() => undefined);
  }

  /** Starts the embedded model server where the configuration asks for it. */
  start(): void {
    const { config, log } = this.#options;
    if (config.backend.kind !== 'embedded' || this.#embedded !== null || this.#closing !== null) return;
    this.#embedded = startEmbeddedServer({
      modelBasePath: config.backend.modelDir,
      modelName: config.model.name ?? 'default',
      engine: config.backend.engine,
      log: log.child({ process: 'model-server' }),
    });
    this.#embedded.ready.then(
      (endpoint) => {
        this.detector.add(endpoint);
      },
      (error: unknown) => {
        if (this.#closing === null) this.#fail(error);
      },
    );
  }

  /** Resolves when a backend can answer.
   * @throws {ModelMismatchError} at once when the model does not fit
   * @throws {ServingUnavailableError} when every backend was asked in vain, or after `timeoutMs`
   * @throws {ClosedError} when `signal` was aborted
   * @throws what the embedded model server ended with */
  async whenReady(timeoutMs: number, signal: AbortSignal): Promise<void> {
    const ready = new Promise<void>((resolve, reject) => {
      const fail = (error: SightlineError): void => {
        finish(() => {
          reject(error);
        });
      };
      const look = (): void => {
        const { state, message } = this.detector.state.status;
        const backends = this.detector.backends();
        if (state === 'ok') finish(resolve);
        else if (state === 'misconfigured') fail(new ModelMismatchError(message));
        else if (backends.length > 0 && backends.every((backend) => backend.state === 'unavailable')) fail(new ServingUnavailableError(message));
      };
      const timer = setTimeout(() => {
        fail(new ServingUnavailableError(this.detector.state.status.message));
      }, timeoutMs);
      const onAbort = (): void => {
        fail(new ClosedError('the detector'));
      };
      const stop = this.detector.onChange(look);
      const finish = (end: () => void): void => {
        clearTimeout(timer);
        stop();
        signal.removeEventListener('abort', onAbort);
        end();
      };
      signal.addEventListener('abort', onAbort);
      look();
    });
    await Promise.race([ready, this.failed]);
  }

  /** Closes the connections, then the embedded server. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.detector.close().then(() => this.#embedded?.close());
    return this.#closing;
  }
}

/** Reads the PEM files that the configuration names. */
async function readTls(files: Readonly<Partial<Record<'ca' | 'cert' | 'key', string>>>): Promise<Partial<Record<'ca' | 'cert' | 'key', Buffer>>> {
  const read = async (name: string, path: string): Promise<readonly [string, Buffer]> => {
    try {
      return [name, await readFile(path)];
    } catch (error) {
      throw new ConfigError([{ file: path, path: '', message: `backend.tls.${name} cannot be read (${error instanceof Error ? error.message : String(error)})` }]);
    }
  };
  return Object.fromEntries(await Promise.all(Object.entries(files).map(([name, path]) => read(name, path))));
}
