import type { BatchPlace } from '../../core/batch-place.js';
import { clock } from '../../core/clock.js';
import { ServingOverloadedError, ServingUnavailableError } from '../../core/errors.js';
import type { DetectedFrame, FrameBatch } from '../../core/frames.js';
import type { Size } from '../../core/geometry.js';
import type { DetectorStatus } from '../../core/stream-status.js';
import type { Metrics } from '../../telemetry/metrics.js';
import { Backend, type BackendAnswer, type BackendOptions } from '../backend/backend.js';
import type { FrameFindings } from '../contract/decode-context.js';
import { BACKEND_STATES, type BackendStatus, type Detector, type DetectorState } from '../detector.js';
import { chooseBackend, rankBackends } from './choose-backend.js';
import { resolveHost, type ResolveHost } from './endpoint-addresses.js';
import { BackendRoster } from './backend-roster.js';

export type BackendPoolOptions = Omit<BackendOptions, 'name' | 'endpoint' | 'serverName' | 'onChange' | 'onRoom' | 'onCall'> & {
  /** `host:port`; more may be added. A name is looked up again and again: each of its addresses is a backend. */
  readonly endpoints: readonly string[];
  /** Says why there is no detector while there is no endpoint. */
  readonly emptyMessage?: string;
  /** Default: as the system does. */
  readonly resolve?: ResolveHost;
  readonly metrics: Metrics;
};

/** All backends as one detector: a batch goes where it is expected to be answered soonest, and elsewhere if it never got there. */
export class BackendPool implements Detector {
  readonly #options: BackendPoolOptions;
  readonly #roster: BackendRoster;
  readonly #listeners = new Set<(state: DetectorState) => void>();
  readonly #roomListeners = new Set<() => void>();
  #inputSize: Size;
  /** Whether some backend is given less than it was configured for. */
  #isReduced = false;
  #closing: Promise<void> | null = null;

  constructor(options: BackendPoolOptions) {
    this.#options = options;
    this.#inputSize = options.assumedInputSize;
    this.#roster = new BackendRoster({
      resolve: options.resolve ?? resolveHost,
      create: (name, endpoint, serverName) =>
        new Backend({
          ...options,
          name,
          endpoint,
          serverName,
          onChange: () => {
            this.#changed();
          },
          onRoom: () => {
            for (const listener of this.#roomListeners) listener();
          },
          onCall: (outcome) => {
            options.metrics.backendCalls.inc({ endpoint: name, outcome });
            // Limits only move while a backend has no room, or had none.
            if (this.#isReduced || outcome !== 'answered') this.#tellLimits();
          },
        }),
      onChange: () => {
        this.#changed();
      },
      onGone: (name) => {
        forget(options.metrics, name);
      },
    });
    for (const endpoint of options.endpoints) this.add(endpoint);
  }

  /** Adds an endpoint; it is used as soon as it answers.
   * @throws {RangeError} when it is not `host:port` */
  add(endpoint: string): void {
    if (this.#closing === null) this.#roster.add(endpoint);
  }

  get state(): DetectorState {
    const ready = this.#ready();
    return {
      status: this.#status(ready),
      model: ready[0]?.model ?? null,
      inputSize: this.#inputSize,
      maxBatchSize: ready.length === 0 ? this.#options.maxBatchSize : Math.max(...ready.map(({ maxBatchSize }) => maxBatchSize)),
      maxInFlightBatches: ready.reduce((sum, backend) => sum + backend.maxInFlightBatches, 0),
    };
  }

  onChange(listener: (state: DetectorState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  onRoom(listener: () => void): () => void {
    this.#roomListeners.add(listener);
    return () => {
      this.#roomListeners.delete(listener);
    };
  }

  nextPlace(images: number): BatchPlace | null {
    const backend = chooseBackend(this.#ready(), images, performance.now());
    if (backend === null) return null;
    const { maxBatchSize, inFlight, busyForMs, leadMs } = backend;
    return { maxBatchSize, inFlightBatches: inFlight, busyForMs, costMs: backend.costMs(images), leadMs, detect: (batch) => this.#detectOn(backend, batch) };
  }

  detect(batch: FrameBatch): Promise<readonly DetectedFrame[]> {
    const ranked = rankBackends(this.#ready(), batch.frames.length);
    const backend = ranked.find(({ hasRoom }) => hasRoom) ?? ranked[0];
    if (backend === undefined) return Promise.reject(new ServingUnavailableError(this.state.status.message));
    return this.#detectOn(backend, batch);
  }

  backends(): readonly BackendStatus[] {
    return this.#roster.statuses();
  }

  close(): Promise<void> {
    this.#listeners.clear();
    this.#roomListeners.clear();
    this.#closing ??= this.#roster.close();
    return this.#closing;
  }

  async #detectOn(first: Backend, { frames }: FrameBatch): Promise<readonly DetectedFrame[]> {
    this.#options.metrics.batchSize.observe(frames.length);
    const queueMs = frames.map(({ capturedAtMs }) => clock.ageMs(capturedAtMs));
    const { findings, model, predictMs } = await this.#withFailover(first, { frames });
    return frames.map((frame, index) => ({
      frame,
      ...shownFindings(findings[index]),
      model,
      timingsMs: { capture: frame.captureMs, queue: queueMs[index] ?? 0, predict: predictMs, annotate: 0 },
    }));
  }

  async #withFailover(first: Backend, { frames }: FrameBatch): Promise<BackendAnswer> {
    const tried = new Set<Backend>();
    let mayHaveReached = 0;
    for (let backend = first; ; ) {
      tried.add(backend);
      try {
        return await backend.detect(frames);
      } catch (error) {
        if (error instanceof ServingUnavailableError && error.reached) mayHaveReached += 1;
        // A batch that a server may have died of is tried once more, not on every server there is.
        const next = mayHaveReached < 2 ? this.#failoverTarget(error, frames.length, tried) : undefined;
        if (next === undefined || this.#closing !== null) throw error;
        this.#options.metrics.failovers.inc();
        backend = next;
      }
    }
  }

  /** Where a batch goes that was not worked on. What was with a backend that is gone goes to the others beyond what they are given otherwise: it is not more than that backend had. */
  #failoverTarget(error: unknown, images: number, tried: ReadonlySet<Backend>): Backend | undefined {
    const others = rankBackends(this.#ready(), images).filter((backend) => !tried.has(backend));
    if (error instanceof ServingOverloadedError && error.isQueueFull) return others.find(({ hasRoom }) => hasRoom);
    return error instanceof ServingUnavailableError ? (others.find(({ hasRoom }) => hasRoom) ?? others[0]) : undefined;
  }

  /** Backends that can answer now and want frames of the size in use. */
  #ready(): Backend[] {
    return this.#roster.backends().filter(({ state, inputSize }) => state === 'ok' && isSameSize(inputSize, this.#inputSize));
  }

  /** Stays while a backend that wants it answers, and when none does: each change makes every source begin anew. */
  #chooseInputSize(): void {
    const answering = this.#roster.backends().filter(({ state }) => state === 'ok');
    if (!answering.some(({ inputSize }) => isSameSize(inputSize, this.#inputSize))) this.#inputSize = answering[0]?.inputSize ?? this.#inputSize;
  }

  #status(ready: readonly Backend[]): DetectorStatus {
    const statuses = this.backends();
    const [first] = ready;
    if (first !== undefined) return { state: 'ok', message: first.status().message };
    const misconfigured = statuses.find(({ state }) => state === 'misconfigured');
    if (misconfigured !== undefined) return { state: 'misconfigured', message: misconfigured.message };
    if (statuses.length === 0) return { state: 'unavailable', message: this.#options.emptyMessage ?? 'no backend is configured' };
    return { state: 'unavailable', message: statuses.map(({ message }) => message).join('; ') };
  }

  #tellLimits(): void {
    const { backendLimit } = this.#options.metrics;
    this.#isReduced = false;
    for (const { endpoint, limits } of this.backends()) {
      this.#isReduced ||= limits.isReduced;
      backendLimit.set({ endpoint, limit: 'batch_frames' }, limits.maxBatchSize);
      backendLimit.set({ endpoint, limit: 'batches_in_flight' }, limits.maxInFlightBatches);
    }
  }

  #changed(): void {
    if (this.#closing !== null) return;
    this.#chooseInputSize();
    for (const { endpoint, state } of this.backends()) {
      for (const candidate of BACKEND_STATES) this.#options.metrics.backendState.set({ endpoint, state: candidate }, candidate === state ? 1 : 0);
    }
    this.#tellLimits();
    const state = this.state;
    for (const listener of this.#listeners) listener(state);
    for (const listener of this.#roomListeners) listener();
    if (this.backends().some((backend) => backend.state !== 'ok')) this.#roster.refresh();
  }
}

/** Frames of models that do not classify them carry no classes at all. */
function shownFindings(findings: FrameFindings | undefined): Pick<DetectedFrame, 'detections' | 'classes'> {
  const { detections, classes } = findings ?? { detections: [], classes: [] };
  return { detections, ...(classes.length === 0 ? {} : { classes }) };
}

function isSameSize(a: Size, b: Size): boolean {
  return a.widthPx === b.widthPx && a.heightPx === b.heightPx;
}

/** What an endpoint has counted stays: counters do not fall. */
function forget({ backendState, backendLimit }: Metrics, endpoint: string): void {
  for (const state of BACKEND_STATES) backendState.remove({ endpoint, state });
  for (const limit of ['batch_frames', 'batches_in_flight']) backendLimit.remove({ endpoint, limit });
}
