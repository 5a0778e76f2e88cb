import { ClosedError, ModelMismatchError, ServingUnavailableError } from '../core/errors.js';
import { BackendPool, type BackendPoolOptions } from '../detection/pool/backend-pool.js';

/** A model server that belongs to this service. */
export interface OwnedServer {
  /** `host:port`, when it serves for the first time. */
  readonly ready: Promise<string>;
  close(): Promise<void>;
}

export type DetectorHostOptions = {
  readonly pool: BackendPoolOptions;
  /** Starts the model server that the pool's endpoints do not name, or `null`. */
  readonly startServer: (() => OwnedServer) | null;
};

/** A detector together with the model server that is started for it. */
export class DetectorHost {
  readonly detector: BackendPool;
  /** Rejects when the model server cannot be started; never resolves. */
  readonly failed: Promise<never>;
  readonly #startServer: DetectorHostOptions['startServer'];
  #server: OwnedServer | null = null;
  #closing: Promise<void> | null = null;
  #fail: (error: Error) => void = () => undefined;

  /** Connects to the endpoints; the model server waits for `start()`. */
  constructor(options: DetectorHostOptions) {
    this.detector = new BackendPool(options.pool);
    this.#startServer = options.startServer;
    this.failed = new Promise((_resolve, reject) => {
      this.#fail = reject;
    });
    // Who does not listen is not interested; who does gets it all the same.
    this.failed.catch(() => undefined);
  }

  /** Starts the model server, if there is one to start. */
  start(): void {
    if (this.#startServer === null || this.#server !== null || this.#closing !== null) return;
    this.#server = this.#startServer();
    this.#server.ready.then(
      (endpoint) => {
        this.detector.add(endpoint);
      },
      (error: Error) => {
        if (this.#closing === null) this.#fail(error);
      },
    );
  }

  /** Resolves when a backend can answer.
   * @throws {ModelMismatchError} at once when the model does not fit
   * @throws {ServingUnavailableError} when every backend was asked in vain, or after `timeoutMs`
   * @throws {ClosedError} when `signal` was aborted
   * @throws what the model server ended with */
  whenReady(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
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
      this.failed.catch(fail);
      look();
    });
  }

  /** Closes the connections, then the model server. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.detector.close().then(() => this.#server?.close());
    return this.#closing;
  }
}
