import { ConfigError, ServingUnavailableError, ClosedError, type SightlineError } from '../core/errors.js';
import { PACKAGE_ROOT } from '../core/package-paths.js';
import type { Logger } from '../telemetry/logger.js';
import type { EngineChoice } from './engines/engine.js';
import { NodeProcess } from './node-process.js';
import { asParentMessage, type ParentMessage } from './parent-channel.js';
import { MAX_FIRST_STARTS, RestartPolicy, type RestartTimesMs } from './restart-policy.js';

/** `restarting`: it died and is started again after a while; `failed`: it cannot be started and nobody tries any more. */
export type EmbeddedServerState = 'starting' | 'ready' | 'restarting' | 'failed' | 'closed';

export type EmbeddedServerOptions = {
  /** Folder with one sub-folder a version; `null`: the built-in default model. */
  readonly modelBasePath: string | null;
  readonly modelName: string;
  readonly engine: EngineChoice;
  /** Engine processes; default: what suits engine and machine. */
  readonly workers?: number | 'auto';
  /** Resident memory at which an engine process is replaced, MB; default: by the size of its model. */
  readonly memoryMb?: number;
  readonly log: Logger;
  /** Called on every change of state; `message` is one line. */
  readonly onState?: (state: EmbeddedServerState, message: string) => void;
  /** JavaScript file that the process runs; default: the built model server. */
  readonly entry?: string;
  /** Options of Node itself for the process. */
  readonly execArgv?: readonly string[];
  /** Waiting times, ms; for tests. */
  readonly timesMs?: Partial<RestartTimesMs>;
};

/** The model server as a process of its own, kept running. */
export interface EmbeddedServer {
  /** `host:port`, when it serves for the first time; the same after every restart. Rejects with {@link ConfigError} when model or engine cannot be used,
   * with {@link ServingUnavailableError} when the process does not come up in three attempts, with {@link ClosedError} when it was closed before. */
  readonly ready: Promise<string>;
  readonly state: EmbeddedServerState;
  /** Process that runs now. */
  readonly pid: number | null;
  /** Ends the process: SIGTERM, 2 s, SIGKILL. Idempotent. */
  close(): Promise<void>;
}

const HOST = '127.0.0.1';
const DEFAULT_ENTRY = `${PACKAGE_ROOT}dist/model-server/main.js`;

/** Starts the model server's process on a free loopback port and keeps it running: it is started again, on the same port, when it dies, and it is gone when this
 * process is gone, however that ends. Returns at once. */
export function startEmbeddedServer(options: EmbeddedServerOptions): EmbeddedServer {
  return new Supervisor(options);
}

class Supervisor implements EmbeddedServer {
  readonly ready: Promise<string>;
  readonly #options: EmbeddedServerOptions;
  readonly #policy: RestartPolicy;
  #state: EmbeddedServerState = 'starting';
  #process: NodeProcess | null = null;
  /** Kept over restarts. */
  #port: number | null = null;
  #problem: SightlineError | null = null;
  #timedOut = false;
  #timer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  #resolveReady: (endpoint: string) => void = () => undefined;
  #rejectReady: (error: SightlineError) => void = () => undefined;

  constructor(options: EmbeddedServerOptions) {
    this.#options = options;
    this.#policy = new RestartPolicy(options.timesMs);
    this.ready = new Promise((resolve, reject) => {
      this.#resolveReady = resolve;
      this.#rejectReady = reject;
    });
    // Who does not wait for it learns of a failure by `onState` and the log.
    this.ready.catch(() => undefined);
    this.#spawn();
  }

  get state(): EmbeddedServerState {
    return this.#state;
  }

  get pid(): number | null {
    return this.#process?.pid ?? null;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stopTimer();
    await this.#process?.stop();
    this.#setState('closed', 'the model server was stopped');
    this.#rejectReady(new ClosedError('the embedded model server'));
  }

  #spawn(): void {
    const { modelName, modelBasePath, engine, workers, memoryMb, log, entry, execArgv } = this.#options;
    this.#problem = null;
    this.#timedOut = false;
    const args = [`--port=${this.#port === null ? 'auto' : String(this.#port)}`, `--host=${HOST}`, `--model_name=${modelName}`, `--engine=${engine}`, `--log-level=${log.level}`, '--log-format=json'];
    if (workers !== undefined) args.push(`--engine_workers=${String(workers)}`);
    if (memoryMb !== undefined) args.push(`--engine_memory_mb=${String(memoryMb)}`);
    if (modelBasePath !== null) args.push(`--model_base_path=${modelBasePath}`);
    const server = new NodeProcess({
      entry: entry ?? DEFAULT_ENTRY,
      args,
      execArgv: execArgv ?? [],
      log,
      onMessage: (value) => {
        const message = asParentMessage(value);
        if (message !== null) this.#onMessage(message);
      },
      onExit: (reason) => {
        this.#onExit(reason);
      },
    });
    this.#process = server;
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      server.kill();
    }, this.#policy.timesMs.startLimit);
  }

  #onMessage(message: ParentMessage): void {
    if (message.type === 'failed') {
      this.#problem = new ConfigError(message.problems.map((problem) => ({ file: null, path: '', message: problem })));
      return;
    }
    this.#stopTimer();
    this.#port = message.port;
    this.#policy.ready();
    const endpoint = `${HOST}:${String(message.port)}`;
    if (this.#closing !== null) return;
    this.#setState('ready', `the model server answers at ${endpoint}`);
    this.#resolveReady(endpoint);
  }

  #onExit(ending: string): void {
    const reason = this.#timedOut ? `not ready within ${String(this.#policy.timesMs.startLimit)} ms` : ending;
    this.#stopTimer();
    this.#process = null;
    if (this.#closing !== null) return;
    const { deaths, delayMs } = this.#policy.died();
    const isFirstStart = this.#port === null;
    if (isFirstStart && (this.#problem !== null || deaths >= MAX_FIRST_STARTS)) {
      this.#fail(this.#problem ?? new ServingUnavailableError(`the embedded model server does not start (${reason})`, { retryable: false }));
      return;
    }
    const message = `the model server died (${this.#problem?.message ?? reason}) and is started again in ${String(Math.round(delayMs))} ms`;
    this.#options.log.error(message);
    this.#setState('restarting', message);
    this.#timer = setTimeout(() => {
      this.#spawn();
    }, delayMs);
  }

  #fail(error: SightlineError): void {
    this.#setState('failed', error.message);
    this.#rejectReady(error);
  }

  #setState(state: EmbeddedServerState, message: string): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#options.onState?.(state, message);
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
