import { clock } from '../core/clock.js';
import { ServingUnavailableError } from '../core/errors.js';
import type { DetectedFrame, FrameBatch } from '../core/frames.js';
import type { Size } from '../core/geometry.js';
import type { DetectorStatus } from '../core/stream-status.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Backend, type BackendOptions } from './backend.js';
import type { FrameFindings } from './contract/decode-context.js';
import { BACKEND_STATES, type BackendStatus, type Detector, type DetectorState } from './detector.js';

export type BackendPoolOptions = Omit<BackendOptions, 'endpoint' | 'onChange'> & {
  /** `host:port`; more may be added. */
  readonly endpoints: readonly string[];
  /** Says why there is no detector while there is no endpoint. */
  readonly emptyMessage?: string;
  readonly metrics: Metrics;
};

/** All backends as one detector: of those that take more, the one with the least in flight gets the next batch. */
export class BackendPool implements Detector {
  readonly #options: BackendPoolOptions;
  readonly #backends: Backend[] = [];
  readonly #listeners = new Set<(state: DetectorState) => void>();
  #inputSize: Size;
  #closing: Promise<void> | null = null;

  constructor(options: BackendPoolOptions) {
    this.#options = options;
    this.#inputSize = options.assumedInputSize;
    for (const endpoint of options.endpoints) this.add(endpoint);
  }

  /** Adds a backend; it is used as soon as it answers. */
  add(endpoint: string): void {
    if (this.#closing !== null) return;
    const onChange = (): void => {
      this.#changed();
    };
    this.#backends.push(new Backend({ ...this.#options, endpoint, onChange }));
    this.#changed();
  }

  get state(): DetectorState {
    const ready = this.#ready();
    return {
      status: this.#status(ready),
      model: ready[0]?.model ?? null,
      inputSize: this.#inputSize,
      maxBatchSize: ready.reduce((size, backend) => Math.min(size, backend.maxBatchSize), this.#options.maxBatchSize),
      maxInFlightBatches: ready.reduce((sum, backend) => sum + backend.maxInFlightBatches, 0),
    };
  }

  onChange(listener: (state: DetectorState) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  async detect(batch: FrameBatch): Promise<readonly DetectedFrame[]> {
    const ready = this.#ready().sort((a, b) => a.inFlight - b.inFlight);
    const backend = ready.find(({ inFlight, maxInFlightBatches }) => inFlight < maxInFlightBatches) ?? ready[0];
    if (backend === undefined) throw new ServingUnavailableError(this.state.status.message);
    this.#options.metrics.batchSize.observe(batch.frames.length);
    const queueMs = batch.frames.map(({ capturedAtMs }) => clock.ageMs(capturedAtMs));
    const { findings, model, predictMs } = await backend.detect(batch.frames);
    return batch.frames.map((frame, index) => ({
      frame,
      ...shownFindings(findings[index]),
      model,
      timingsMs: { capture: frame.captureMs, queue: queueMs[index] ?? 0, predict: predictMs, annotate: 0 },
    }));
  }

  backends(): readonly BackendStatus[] {
    return this.#backends.map((backend) => backend.status());
  }

  close(): Promise<void> {
    this.#listeners.clear();
    this.#closing ??= Promise.all(this.#backends.map((backend) => backend.close())).then(() => undefined);
    return this.#closing;
  }

  /** Backends that can answer now and want frames of the size in use. */
  #ready(): Backend[] {
    return this.#backends.filter(({ state, inputSize }) => state === 'ok' && isSameSize(inputSize, this.#inputSize));
  }

  /** Stays while a backend that wants it answers, and when none does: each change makes every source begin anew. */
  #chooseInputSize(): void {
    const answering = this.#backends.filter(({ state }) => state === 'ok');
    if (!answering.some(({ inputSize }) => isSameSize(inputSize, this.#inputSize))) this.#inputSize = answering[0]?.inputSize ?? this.#inputSize;
  }

  #status(ready: readonly Backend[]): DetectorStatus {
    const statuses = this.#backends.map((backend) => backend.status());
    const [first] = ready;
    if (first !== undefined) return { state: 'ok', message: first.status().message };
    const misconfigured = statuses.find(({ state }) => state === 'misconfigured');
    if (misconfigured !== undefined) return { state: 'misconfigured', message: misconfigured.message };
    if (statuses.length === 0) return { state: 'unavailable', message: this.#options.emptyMessage ?? 'no backend is configured' };
    return { state: 'unavailable', message: statuses.map(({ message }) => message).join('; ') };
  }

  #changed(): void {
    this.#chooseInputSize();
    for (const { endpoint, state } of this.backends()) {
      for (const candidate of BACKEND_STATES) this.#options.metrics.backendState.set({ endpoint, state: candidate }, candidate === state ? 1 : 0);
    }
    const state = this.state;
    for (const listener of this.#listeners) listener(state);
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
