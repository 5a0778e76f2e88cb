import { GrpcStatusError, type CallContext } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';
import type { ServingHints } from '../../serving/hints.js';
import type { SignatureDef } from '../../serving/metadata-messages.js';
import type { Tensor } from '../../serving/tensor.js';
import type { Logger } from '../../telemetry/logger.js';
import type { EngineChoice } from '../engines/engine.js';
import type { RestartTimesMs } from '../restart-policy.js';
import { RollingMedian } from '../rolling-median.js';
import type { ServableFolder } from '../store/servable-manifest.js';
import { isDivisible, joinOutputs, tensorPart } from './batch-parts.js';
import { CallQueue } from './call-queue.js';
import { EngineWorker } from './engine-worker.js';
import type { WorkerFacts } from './worker-messages.js';
import { WorkerSlot } from './worker-slot.js';

export type EnginePoolOptions = {
  readonly servable: ServableFolder;
  readonly engine: EngineChoice;
  /** Processes; default `auto`: what suits engine and machine. */
  readonly workers?: number | 'auto';
  /** Resident memory at which a process is replaced, MiB; default: twice what it takes warmed up, and 512 MiB, but at least 1.5 GiB. */
  readonly memoryMb?: number | null;
  /** Images that may wait or be computed; default 32 a process. */
  readonly maxQueuedImages?: number;
  readonly log: Logger;
  /** JavaScript file that the processes run; default: the built one. */
  readonly entry?: string;
  /** Waiting times, ms; for tests. */
  readonly timesMs?: Partial<RestartTimesMs & PoolTimesMs>;
};

type PoolTimesMs = {
  /** A process that computes longer than this, beside four times what it usually takes, hangs. */
  readonly callLimit: number;
  /** How long calls may go on when the pool is closed. */
  readonly closeGrace: number;
};

/** Engine processes that compute the same servable. */
export interface EnginePool {
  /** Of the servable. */
  readonly signature: SignatureDef;
  /** `restarting`: no process takes calls now, some will. */
  readonly state: 'ready' | 'restarting' | 'closed';
  /** What the processes are, as the first told. */
  readonly facts: WorkerFacts;
  /** Processes that take calls now. */
  readonly pids: readonly number[];
  /** What suits it; its input size is the servable's. */
  readonly hints: ServingHints;
  /** Computes outputs of the signature. Images of one request are divided between the processes.
   * @throws {GrpcStatusError} what the engine answers; UNAVAILABLE when there is no room, no process, or the process dies; CANCELLED when nobody waits any more */
  run(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[], context: Pick<CallContext, 'signal' | 'deadlineAtMs'>): Promise<Map<string, Tensor>>;
  /** Refuses what waits, lets what is computed end for a moment and ends all processes. Idempotent. */
  close(): Promise<void>;
}

/** 4 seconds of work at 8 images a second: whoever waits longer is past its deadline. */
const QUEUED_IMAGES_PER_WORKER = 32;
const DEFAULT_TIMES_MS: PoolTimesMs = { callLimit: 60_000, closeGrace: 500 };
/** Measured 2026-11: a process of the default model takes 180 to 200 MiB, with batches of 8 large pictures 300; models ten times its size have room below this too. */
const MEMORY = { leastMib: 1536, factor: 2, reserveMib: 512 } as const;
/** Runs kept for the measured time per image. */
const MEASURED_RUNS = 15;

/** Starts engine processes and resolves when the first is loaded and warmed up; others join as they are.
 * @throws {ConfigError} model or engine cannot be used
 * @throws {ServingUnavailableError} the process does not start in three attempts */
export async function startEnginePool(options: EnginePoolOptions): Promise<EnginePool> {
  const pool = new RunningEnginePool(options);
  try {
    await pool.start();
  } catch (error) {
    await pool.close();
    throw error;
  }
  return pool;
}

class RunningEnginePool implements EnginePool {
  readonly #options: EnginePoolOptions;
  readonly #timesMs: PoolTimesMs;
  readonly #slots: WorkerSlot[] = [];
  readonly #measuredMs = new RollingMedian(MEASURED_RUNS);
  readonly #queue: CallQueue<WorkerSlot>;
  #facts: WorkerFacts | null = null;
  #isDivisible = false;
  #memoryLimitMib = Infinity;
  #closing: Promise<void> | null = null;

  constructor(options: EnginePoolOptions) {
    this.#options = options;
    this.#timesMs = { ...DEFAULT_TIMES_MS, ...options.timesMs };
    this.#queue = new CallQueue({
      maxQueuedImages: () => options.maxQueuedImages ?? QUEUED_IMAGES_PER_WORKER * this.#workers,
      // Image by image, whoever is idle takes the next, and who is not waited for any more is not computed to the end.
      partSize: (imageCount) => (this.#facts?.plan.gainsFromBatches === true ? Math.ceil(imageCount / this.#workers) : 1),
    });
  }

  async start(): Promise<void> {
    const first = this.#addSlot(this.#options.engine);
    const facts = await first.loaded;
    const { engine, plan, msPerImage, residentMib } = facts;
    this.#facts = facts;
    this.#isDivisible = isDivisible(facts.signature);
    if (msPerImage !== null) this.#measuredMs.push(msPerImage);
    this.#memoryLimitMib = this.#chooseMemoryLimit(residentMib);
    const what = { engine: engine.name, version: engine.version, device: engine.device, workers: plan.workers, threads: plan.threads, msPerImage, residentMib, memoryLimitMib: this.#memoryLimitMib };
    this.#options.log.info(what, `computing with ${engine.name} ${engine.version} on ${engine.device}: ${String(plan.workers)} ${plan.workers === 1 ? 'process' : 'processes'} of ${String(plan.threads)} ${plan.threads === 1 ? 'thread' : 'threads'}`);
    for (let count = 1; count < plan.workers; count += 1) this.#addSlot(engine.name);
  }

  get facts(): WorkerFacts {
    if (this.#facts === null) throw new Error('Expected a started pool');
    return this.#facts;
  }

  get #workers(): number {
    return this.#facts?.plan.workers ?? 1;
  }

  get signature(): SignatureDef {
    return this.facts.signature;
  }

  get state(): EnginePool['state'] {
    if (this.#closing !== null) return 'closed';
    return this.#slots.some(({ isServing }) => isServing) ? 'ready' : 'restarting';
  }

  get pids(): readonly number[] {
    return this.#slots.flatMap(({ pid }) => pid ?? []);
  }

  get hints(): ServingHints {
    const { workers, gainsFromBatches } = this.facts.plan;
    const measuredMs = this.#measuredMs.get();
    const ahead = measuredMs !== null && measuredMs >= SLOW_MS ? 1 : 2;
    return {
      inputSize: this.#options.servable.manifest.inputSize,
      preferredBatch: gainsFromBatches ? null : this.#isDivisible ? workers : 1,
      maxInFlight: gainsFromBatches ? null : this.#isDivisible ? Math.max(ahead, workers > 1 ? 2 : 1) : workers - 1 + ahead,
      msPerImage: measuredMs === null ? null : Math.max(1, measuredMs / workers),
    };
  }

  async run(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[], context: Pick<CallContext, 'signal' | 'deadlineAtMs'>): Promise<Map<string, Tensor>> {
    if (this.state === 'restarting') throw noWorker('it is started again');
    const [name, input] = [...inputs][0] ?? [];
    if (!this.#isDivisible || name === undefined || input === undefined) {
      const [outputs] = await this.#queue.run(1, context, (slot) => this.#compute(slot, inputs, outputNames, 1));
      return outputs ?? new Map<string, Tensor>();
    }
    const parts = await this.#queue.run(input.shape[0] ?? 1, context, async (slot, part) => {
      const images = part.end - part.begin;
      return { outputs: await this.#compute(slot, new Map([[name, tensorPart(input, part)]]), outputNames, images), images };
    });
    return joinOutputs(parts);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const ended = Promise.all(this.#slots.map((slot) => slot.close(this.#timesMs.closeGrace)));
    await Promise.all([this.#queue.close(), ended]);
  }

  async #compute(slot: WorkerSlot, inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[], images: number): Promise<Map<string, Tensor>> {
    const startMs = performance.now();
    const outputs = await slot.run(inputs, outputNames, this.#timesMs.callLimit + 4 * images * (this.#measuredMs.get() ?? 0));
    this.#measuredMs.push((performance.now() - startMs) / images);
    return outputs;
  }

  #addSlot(engine: EngineChoice): WorkerSlot {
    const { servable, workers, entry, timesMs } = this.#options;
    const log = this.#options.log.child({ process: `engine-${String(this.#slots.length + 1)}` });
    const slot: WorkerSlot = new WorkerSlot({
      start: (onEnd, startLimitMs) => new EngineWorker({ servable, engine: this.#facts?.engine.name ?? engine, workers: workers ?? 'auto', startLimitMs, log, ...(entry === undefined ? {} : { entry }), onEnd }),
      timesMs: timesMs ?? {},
      log,
      onIdle: () => {
        this.#onIdle(slot);
      },
      onGone: (reason) => {
        this.#queue.withdraw(slot);
        if (this.state === 'restarting') this.#queue.refuseWaiting(noWorker(reason));
      },
    });
    this.#slots.push(slot);
    return slot;
  }

  #onIdle(slot: WorkerSlot): void {
    // One at a time: each takes the memory of two while it is replaced.
    if (slot.residentMib > this.#memoryLimitMib && !this.#slots.some(({ isChanging }) => isChanging)) {
      this.#options.log.info(`the engine process ${String(slot.pid)} takes ${String(slot.residentMib)} MiB, more than ${String(this.#memoryLimitMib)}, and is replaced`);
      slot.replace();
    }
    this.#queue.offer(slot);
  }

  #chooseMemoryLimit(residentMib: number): number {
    const byModel = residentMib * MEMORY.factor + MEMORY.reserveMib;
    const wanted = this.#options.memoryMb ?? Math.max(MEMORY.leastMib, byModel);
    if (wanted > residentMib) return wanted;
    this.#options.log.warn(`the model alone takes ${String(residentMib)} MiB, more than the limit of ${String(wanted)}: a process is replaced at ${String(byModel)} MiB`);
    return byModel;
  }
}

/** Where an image takes less than this, the bytes of the next travel while it is computed; where it takes more, that gains a few percent and doubles the age of every answer (measured 2026-11: 4 %
 * at 555 ms). Several processes are kept busy by two requests, as they do not end together. */
const SLOW_MS = 100;

function noWorker(reason: string): GrpcStatusError {
  return new GrpcStatusError(GrpcStatus.UNAVAILABLE, `No engine process is running (${reason})`);
}
