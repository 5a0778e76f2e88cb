import { setTimeout as delay } from 'node:timers/promises';
import { ConfigError } from '../../core/errors.js';
import type { Tensor } from '../../serving/tensor.js';
import type { Logger } from '../../telemetry/logger.js';
import { MAX_FIRST_STARTS, RestartPolicy, type RestartTimesMs } from '../restart-policy.js';
import type { EngineWorker } from './engine-worker.js';
import type { WorkerFacts } from './worker-messages.js';

export type WorkerSlotOptions = {
  /** Starts a process. */
  readonly start: (onEnd: (reason: string) => void, startLimitMs: number) => EngineWorker;
  readonly timesMs: Partial<RestartTimesMs>;
  readonly log: Logger;
  /** It can take a call: after its process was loaded, after every call. */
  readonly onIdle: () => void;
  /** Its process died: it takes no call until it is idle again. */
  readonly onGone: (reason: string) => void;
};

/** A place for one engine process, which is started again when it dies, and replaced without a gap when that is asked for. */
export class WorkerSlot {
  /** When its process is loaded for the first time. Rejects with {@link ConfigError} when model or engine cannot be used, with what kept the process from starting
   * when it died three times before. */
  readonly loaded: Promise<WorkerFacts>;
  readonly #options: WorkerSlotOptions;
  readonly #policy: RestartPolicy;
  /** Takes calls. */
  #worker: EngineWorker | null = null;
  /** Is loading, to take the place of `#worker`. */
  #candidate: EngineWorker | null = null;
  /** Is loaded, and waits for the end of the call that `#worker` computes. */
  #successor: EngineWorker | null = null;
  readonly #ending = new Set<Promise<void>>();
  #facts: WorkerFacts | null = null;
  #call: Promise<unknown> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #resolveLoaded: (facts: WorkerFacts) => void = () => undefined;
  #rejectLoaded: (error: unknown) => void = () => undefined;

  constructor(options: WorkerSlotOptions) {
    this.#options = options;
    this.#policy = new RestartPolicy(options.timesMs);
    this.loaded = new Promise((resolve, reject) => {
      this.#resolveLoaded = resolve;
      this.#rejectLoaded = reject;
    });
    // Who does not wait for it learns of failures by the log.
    this.loaded.catch(() => undefined);
    this.#launch();
  }

  /** Whether a process takes calls. */
  get isServing(): boolean {
    return this.#worker !== null;
  }

  /** Whether another process is on its way. */
  get isChanging(): boolean {
    return this.#candidate !== null || this.#successor !== null || this.#timer !== null;
  }

  /** Of the process that takes calls; `null` when there is none. */
  get pid(): number | null {
    return this.#worker?.pid ?? null;
  }

  /** Memory of that process, MiB; 0 when there is none. */
  get residentMib(): number {
    return this.#worker?.residentMib ?? 0;
  }

  /** What the process told that was loaded last. */
  get facts(): WorkerFacts | null {
    return this.#facts;
  }

  /** Computes one call; only when it is idle. Throws as {@link EngineWorker.call} does. */
  async run(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[], limitMs: number): Promise<Map<string, Tensor>> {
    if (this.#worker === null || this.#call !== null) throw new Error('Expected an idle worker');
    const call = this.#worker.call(inputs, outputNames, limitMs);
    this.#call = call;
    try {
      return await call;
    } finally {
      this.#call = null;
      this.#afterCall();
    }
  }

  /** Starts another process, and ends the one that takes calls when that is loaded and no call is in flight. */
  replace(): void {
    if (!this.isChanging && !this.#closed) this.#launch();
  }

  /** Lets a call end for so long, then ends all processes. Idempotent. */
  async close(graceMs: number): Promise<void> {
    this.#closed = true;
    this.#stopTimer();
    for (const worker of [this.#candidate, this.#successor]) if (worker !== null) this.#end(worker);
    await this.#callEnded(graceMs);
    if (this.#worker !== null) this.#end(this.#worker);
    await Promise.all(this.#ending);
  }

  #afterCall(): void {
    if (this.#successor !== null) this.#succeed(this.#successor);
    else if (this.#worker !== null && !this.#closed) this.#options.onIdle();
  }

  #launch(): void {
    const worker: EngineWorker = this.#options.start((reason) => {
      this.#onEnd(worker, reason);
    }, this.#policy.timesMs.startLimit);
    this.#candidate = worker;
    worker.loaded.then(
      (facts) => {
        this.#onLoaded(worker, facts);
      },
      (error: unknown) => {
        if (this.#candidate === worker) this.#onFailed(error);
      },
    );
  }

  #onLoaded(worker: EngineWorker, facts: WorkerFacts): void {
    if (this.#candidate !== worker || this.#closed) return;
    this.#candidate = null;
    this.#facts = facts;
    this.#policy.ready();
    this.#resolveLoaded(facts);
    if (this.#call === null) this.#succeed(worker);
    else this.#successor = worker;
  }

  #succeed(worker: EngineWorker): void {
    const before = this.#worker;
    this.#successor = null;
    this.#worker = worker;
    if (before !== null) this.#end(before);
    if (!this.#closed) this.#options.onIdle();
  }

  #onFailed(error: unknown): void {
    this.#candidate = null;
    if (this.#closed) {
      this.#rejectLoaded(error);
      return;
    }
    const { deaths, delayMs } = this.#policy.died();
    if (this.#facts === null && (error instanceof ConfigError || deaths >= MAX_FIRST_STARTS)) {
      this.#rejectLoaded(error);
      return;
    }
    this.#options.log.error(`${error instanceof Error ? error.message : String(error)}; the next try is in ${String(Math.round(delayMs))} ms`);
    this.#launchIn(delayMs);
  }

  #onEnd(worker: EngineWorker, reason: string): void {
    if (worker === this.#successor) this.#successor = null;
    if (worker !== this.#worker) return;
    this.#worker = null;
    if (this.#closed) return;
    this.#options.onGone(reason);
    if (this.isChanging) return;
    const { delayMs } = this.#policy.died();
    this.#options.log.error(`the engine process died (${reason}) and is started again in ${String(Math.round(delayMs))} ms`);
    this.#launchIn(delayMs);
  }

  #launchIn(delayMs: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#launch();
    }, delayMs);
  }

  #end(worker: EngineWorker): void {
    const ending = worker.close().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async #callEnded(graceMs: number): Promise<void> {
    if (this.#call === null) return;
    const stop = new AbortController();
    const ended = this.#call.catch(() => undefined);
    await Promise.race([ended, delay(graceMs, undefined, { signal: stop.signal }).catch(() => undefined)]);
    stop.abort();
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
