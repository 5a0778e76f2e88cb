import { availableParallelism } from 'node:os';
import { ConfigError, ModelOutputError, ServingUnavailableError } from '../../core/errors.js';
import { PACKAGE_ROOT } from '../../core/package-paths.js';
import { GrpcStatusError } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import { requestStretches } from '../../serving/predict-request-writer.js';
import { readPredictResponse } from '../../serving/predict-response-reader.js';
import { decodeTensor } from '../../serving/tensor-codec.js';
import type { Tensor } from '../../serving/tensor.js';
import type { Logger } from '../../telemetry/logger.js';
import type { EngineChoice } from '../engines/engine.js';
import { NodeProcess } from '../node-process.js';
import type { ServableFolder } from '../store/servable-manifest.js';
import { FrameReader, frameStretches, type Frame } from './frames.js';
import { asWorkerMessage, type LoadOrder, type WorkerFacts } from './worker-messages.js';

export type EngineWorkerOptions = {
  readonly servable: ServableFolder;
  readonly engine: EngineChoice;
  readonly workers: number | 'auto';
  /** From start to loaded; a process that takes longer is killed, ms. */
  readonly startLimitMs: number;
  readonly log: Logger;
  /** JavaScript file that the process runs; default: the built one. */
  readonly entry?: string;
  /** Once, when the process is gone, before anything else is told of it; `reason` is one line. */
  readonly onEnd: (reason: string) => void;
};

/** A call that waits for its answer. */
type Pending = { readonly id: number; readonly resolve: (outputs: Map<string, Tensor>) => void; readonly reject: (error: Error) => void; readonly timer: NodeJS.Timeout };

const DEFAULT_ENTRY = `${PACKAGE_ROOT}dist/model-server/workers/engine-process.js`;

/** One engine process: computes one call at a time. */
export class EngineWorker {
  /** Rejects with {@link ConfigError} when model or engine cannot be used, with {@link ServingUnavailableError} when the process ends before it is ready. */
  readonly loaded: Promise<WorkerFacts>;
  readonly #options: EngineWorkerOptions;
  readonly #process: NodeProcess;
  readonly #reader: FrameReader;
  #resolveLoaded: (facts: WorkerFacts) => void = () => undefined;
  #rejectLoaded: (error: Error) => void = () => undefined;
  #startTimer: NodeJS.Timeout | null = null;
  #pending: Pending | null = null;
  #lastId = 0;
  #residentMib = 0;
  #problem: ConfigError | null = null;
  /** Why it was killed, where it was. */
  #killed: string | null = null;

  constructor(options: EngineWorkerOptions) {
    this.#options = options;
    const { log, servable, engine, workers, startLimitMs } = options;
    this.loaded = new Promise((resolve, reject) => {
      this.#resolveLoaded = resolve;
      this.#rejectLoaded = reject;
    });
    this.#reader = new FrameReader({
      onFrame: (frame) => {
        this.#onAnswer(frame);
      },
    });
    this.#process = new NodeProcess({
      entry: options.entry ?? DEFAULT_ENTRY,
      args: [`--log-level=${log.level}`],
      execArgv: [],
      hasPipe: true,
      log,
      onMessage: (message) => {
        this.#onMessage(message);
      },
      onExit: (reason) => {
        this.#onExit(reason);
      },
    });
    this.#process.pipe?.on('data', (chunk: Buffer) => {
      this.#onData(chunk);
    });
    this.#startTimer = setTimeout(() => {
      this.#kill(`not ready within ${String(startLimitMs)} ms`);
    }, startLimitMs);
    this.#process.send({ type: 'load', servable, engine, workers, cores: availableParallelism() } satisfies LoadOrder);
  }

  get pid(): number | null {
    return this.#process.pid;
  }

  /** Resident memory as the process told it last, MiB. */
  get residentMib(): number {
    return this.#residentMib;
  }

  /** Computes outputs of the signature; the next call waits for the end of this one.
   * @param limitMs a process that takes longer hangs, and is killed
   * @throws {GrpcStatusError} what the engine answers; UNAVAILABLE when the process ends before it does */
  call(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[], limitMs: number): Promise<Map<string, Tensor>> {
    const id = (this.#lastId = (this.#lastId + 1) % 2 ** 32);
    let stretches: Uint8Array[];
    try {
      stretches = frameStretches({ callId: id, status: 0, residentMib: 0 }, requestStretches(inputs, outputNames));
    } catch (error) {
      return Promise.reject(new GrpcStatusError(GrpcStatus.RESOURCE_EXHAUSTED, error instanceof Error ? error.message : String(error)));
    }
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#kill(`no answer within ${String(Math.round(limitMs))} ms`);
      }, limitMs);
      this.#pending = { id, resolve, reject, timer };
      const { pipe } = this.#process;
      pipe?.cork();
      for (const stretch of stretches) pipe?.write(stretch);
      pipe?.uncork();
    });
  }

  /** Ends the process, whatever it does; resolves when it is gone. Idempotent. */
  async close(): Promise<void> {
    await this.#process.stop();
  }

  #onMessage(value: unknown): void {
    const message = asWorkerMessage(value);
    if (message?.type === 'failed') this.#problem = new ConfigError(message.problems.map((problem) => ({ file: null, path: '', message: problem })));
    if (message?.type !== 'loaded') return;
    this.#stopStartTimer();
    this.#residentMib = message.facts.residentMib;
    this.#resolveLoaded(message.facts);
  }

  #onData(chunk: Buffer): void {
    try {
      this.#reader.push(chunk);
    } catch (error) {
      if (!(error instanceof ModelOutputError)) throw error;
      this.#kill(error.message);
    }
  }

  #onAnswer({ callId, status, residentMib, body }: Frame): void {
    const pending = this.#pending;
    if (pending?.id !== callId) {
      this.#kill('an answer that nobody asked for');
      return;
    }
    this.#residentMib = residentMib;
    this.#pending = null;
    clearTimeout(pending.timer);
    try {
      if (status !== 0) throw new GrpcStatusError(status, body.toString());
      pending.resolve(new Map([...readPredictResponse(body).outputs].map(([name, proto]) => [name, decodeTensor(proto, { name })])));
    } catch (error) {
      pending.reject(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #onExit(ending: string): void {
    const reason = this.#killed ?? ending;
    this.#stopStartTimer();
    this.#options.onEnd(this.#problem?.message ?? reason);
    this.#rejectLoaded(this.#problem ?? new ServingUnavailableError(`the engine process does not start (${reason})`, { retryable: false }));
    const pending = this.#pending;
    this.#pending = null;
    if (pending === null) return;
    clearTimeout(pending.timer);
    pending.reject(new GrpcStatusError(GrpcStatus.UNAVAILABLE, `The engine process ended while it computed (${reason})`));
  }

  #kill(reason: string): void {
    this.#killed ??= reason;
    this.#process.kill();
  }

  #stopStartTimer(): void {
    if (this.#startTimer !== null) clearTimeout(this.#startTimer);
    this.#startTimer = null;
  }
}
