import { ClosedError, ModelMismatchError, ModelOutputError, ServingDeadlineError, ServingUnavailableError, SightlineError } from '../core/errors.js';
import type { ModelIdentity, VideoFrame } from '../core/frames.js';
import type { Size } from '../core/geometry.js';
import { NO_HINTS, type ServingHints } from '../serving/hints.js';
import { ServingClient, type ModelRef, type ServingClientOptions } from '../serving/serving-client.js';
import type { Logger } from '../telemetry/logger.js';
import { decodeAnswer } from './contract/decode-answer.js';
import type { FrameFindings } from './contract/decode-context.js';
import { materialize } from './contract/materialize.js';
import { describePlan, readModelPlan, type ModelPlan } from './contract/model-plan.js';
import { NO_WISHES, type ModelWishes } from './contract/model-wishes.js';
import { prepareInputs, type JpegEncoder } from './contract/prepare-inputs.js';
import type { BackendState, BackendStatus } from './detector.js';
import type { LabelMap } from './label-map.js';
import { MedianWindow } from './median-window.js';

/** Which model is asked for. */
export type ModelSelection = {
  /** `null`: the names that TensorFlow Serving gives a model by itself are tried. */
  readonly name: string | null;
  readonly version: number | null;
  readonly versionLabel: string | null;
  readonly signature: string;
};

export type BackendOptions = {
  /** `host:port` */
  readonly endpoint: string;
  readonly tls: NonNullable<ServingClientOptions['tls']> | null;
  readonly model: ModelSelection;
  /** Time that a call may take beyond what stands ahead of it, ms. */
  readonly deadlineMs: number;
  readonly maxBatchSize: number;
  readonly maxInFlightBatches: number;
  /** Frame size for models that take any and do not say which they like. */
  readonly assumedInputSize: Size;
  readonly labels: LabelMap;
  /** What is said of the model beside its signature; default: nothing. */
  readonly wishes?: ModelWishes;
  /** For models that take encoded pictures; without it they do not fit. */
  readonly encodeJpeg?: JpegEncoder;
  readonly log: Logger;
  readonly onChange: () => void;
};

/** What is known of a backend that answers. */
type Established = { readonly plan: ModelPlan; readonly model: ModelIdentity; readonly hints: ServingHints };

/** Default of tensorflow_model_server's `--model_name`, then of the tensorflow/serving image. */
const DEFAULT_MODEL_NAMES = ['default', 'model'];
const PROBE_DEADLINE_MS = 5_000;
const MIN_RETRY_MS = 500;
const MAX_RETRY_MS = 5_000;
/** Calls in a row past their deadline after which a backend is asked whether it still lives (reliability.md B2: a half-open peer). */
const MAX_MISSED_DEADLINES = 3;
/** A batch ahead may take this many times what was measured. */
const DEADLINE_SLACK = 4;

/** One TensorFlow Serving: finds out whether its model fits, keeps an eye on it, and sends it frames. */
export class Backend {
  readonly endpoint: string;
  readonly #options: BackendOptions;
  readonly #client: ServingClient;
  readonly #abort = new AbortController();
  readonly #measuredMs = new MedianWindow(15);
  #established: Established | null = null;
  #state: BackendState = 'connecting';
  #message: string;
  #inFlight = 0;
  #missedDeadlines = 0;
  #retryMs = MIN_RETRY_MS;
  /** Whether it has looked at frames since its model was found. */
  #hasAnswered = false;
  #retryTimer: NodeJS.Timeout | null = null;
  #probing: Promise<void> | null = null;

  constructor(options: BackendOptions) {
    this.#options = options;
    this.endpoint = options.endpoint;
    this.#message = `connecting to ${options.endpoint}`;
    this.#client = new ServingClient({ endpoint: options.endpoint, ...(options.tls === null ? {} : { tls: options.tls }) });
    this.#probe();
  }

  get state(): BackendState {
    return this.#state;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get model(): ModelIdentity | null {
    return this.#established?.model ?? null;
  }

  /** Size that this backend wants its frames in. */
  get inputSize(): Size {
    const established = this.#established;
    return established?.plan.input.fixedInputSize ?? established?.hints.inputSize ?? this.#options.assumedInputSize;
  }

  get maxBatchSize(): number {
    const { plan, hints } = this.#established ?? { plan: null, hints: NO_HINTS };
    return Math.min(this.#options.maxBatchSize, plan?.input.fixedBatchSize ?? Infinity, hints.preferredBatch ?? Infinity);
  }

  get maxInFlightBatches(): number {
    return Math.min(this.#options.maxInFlightBatches, this.#established?.hints.maxInFlight ?? Infinity);
  }

  status(): BackendStatus {
    return {
      endpoint: this.endpoint,
      state: this.#state,
      message: this.#message,
      model: this.model,
      inFlightBatches: this.#inFlight,
      msPerImage: this.#measuredMs.median(),
    };
  }

  /** Looks at frames of equal model input size.
   * @returns what was found on each, and how long the call took, ms
   * @throws as {@link Detector.detect} */
  async detect(frames: readonly VideoFrame[]): Promise<{ findings: FrameFindings[]; model: ModelIdentity; predictMs: number }> {
    const established = this.#established;
    if (established === null || this.#state !== 'ok') throw new ServingUnavailableError(this.#message);
    const { plan } = established;
    const startMs = performance.now();
    const deadlineMs = this.#deadlineMs(frames.length);
    this.#inFlight += 1;
    try {
      const inputs = await prepareInputs(plan, frames, this.#options.encodeJpeg ?? null);
      const answer = await this.#client.predict(
        {
          model: this.#modelRef(established.model.name),
          inputs: materialize(inputs),
          outputFilter: plan.outputNames,
        },
        { deadlineMs, signal: this.#abort.signal },
      );
      const predictMs = performance.now() - startMs;
      const findings = decodeAnswer(plan, answer.outputs, frames.map(({ letterbox }) => letterbox), this.#options.labels);
      this.#measuredMs.add(predictMs / frames.length);
      this.#missedDeadlines = 0;
      this.#retryMs = MIN_RETRY_MS;
      this.#hasAnswered = true;
      return { findings, model: answer.model, predictMs };
    } catch (error) {
      this.#callFailed(error);
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** Cancels what is in flight and closes the connection. Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort();
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    await this.#client.close();
    await this.#probing;
  }

  #deadlineMs(batchSize: number): number {
    const msPerImage = this.#measuredMs.median() ?? this.#established?.hints.msPerImage ?? 0;
    return Math.round(this.#options.deadlineMs + DEADLINE_SLACK * msPerImage * batchSize * this.#inFlight);
  }

  #callFailed(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    if (error instanceof ServingDeadlineError) {
      this.#missedDeadlines += 1;
      if (this.#missedDeadlines < MAX_MISSED_DEADLINES) return;
    } else if (error instanceof ModelMismatchError) {
      this.#setState('misconfigured', error.message);
      this.#probeLater(MAX_RETRY_MS);
      return;
    } else if (error instanceof ModelOutputError) {
      // The model may have been replaced by one that answers otherwise.
      this.#probe();
      return;
    } else if (!(error instanceof ServingUnavailableError)) return;
    if (this.#state !== 'ok') return;
    this.#setState('connecting', describe(error));
    if (this.#hasAnswered) this.#probe();
    else this.#retryLater();
  }

  #probe(): void {
    if (this.#abort.signal.aborted || this.#probing !== null) return;
    this.#probing = this.#establish().then(
      (established) => {
        this.#probing = null;
        this.#established = established;
        this.#hasAnswered = false;
        this.#missedDeadlines = 0;
        const { name, version } = established.model;
        this.#setState('ok', `model ${name}, version ${version}, at ${this.endpoint}: ${describePlan(established.plan, { frameSize: this.inputSize, maxBatchSize: this.maxBatchSize, maxInFlightBatches: this.maxInFlightBatches })}`);
      },
      (error: unknown) => {
        this.#probing = null;
        if (this.#abort.signal.aborted) return;
        this.#setState(error instanceof ModelMismatchError ? 'misconfigured' : 'unavailable', describe(error));
        this.#retryLater();
      },
    );
  }

  /** The time between doubles until frames have been looked at: a server may describe its model and refuse all work. */
  #retryLater(): void {
    this.#probeLater(this.#retryMs);
    this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2);
  }

  #probeLater(delayMs: number): void {
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    if (this.#abort.signal.aborted) return;
    this.#retryTimer = setTimeout(() => {
      this.#probe();
    }, delayMs);
  }

  /** Asks for the model's signature under each name it may have. */
  async #establish(): Promise<Established> {
    const names = this.#options.model.name === null ? DEFAULT_MODEL_NAMES : [this.#options.model.name];
    let mismatch: ModelMismatchError | null = null;
    for (const name of names) {
      try {
        return await this.#ask(name);
      } catch (error) {
        if (!(error instanceof ModelMismatchError)) throw error;
        mismatch ??= error;
      }
    }
    throw mismatch ?? new ClosedError('backend');
  }

  async #ask(name: string): Promise<Established> {
    const answer = await this.#client.getModelMetadata(this.#modelRef(name), { deadlineMs: PROBE_DEADLINE_MS, signal: this.#abort.signal });
    try {
      return { plan: readModelPlan(answer.signatures, this.#options.model.signature, this.#options.wishes ?? NO_WISHES), model: answer.model, hints: answer.hints };
    } catch (error) {
      if (!(error instanceof ModelMismatchError)) throw error;
      throw new ModelMismatchError(`model ${name} at ${this.endpoint} does not fit: ${error.message}`, { cause: error });
    }
  }

  #modelRef(name: string): ModelRef {
    const { version, versionLabel, signature } = this.#options.model;
    return { name, signatureName: signature, ...(version === null ? {} : { version: String(version) }), ...(versionLabel === null ? {} : { versionLabel }) };
  }

  #setState(state: BackendState, message: string): void {
    const changed = state !== this.#state || message !== this.#message;
    this.#state = state;
    this.#message = message;
    if (!changed) return;
    if (state === 'ok') this.#options.log.info({ endpoint: this.endpoint }, message);
    else if (state !== 'connecting') this.#options.log.warn({ endpoint: this.endpoint, state }, message);
    this.#options.onChange();
  }
}

function describe(error: unknown): string {
  return error instanceof SightlineError ? error.message : String(error);
}
