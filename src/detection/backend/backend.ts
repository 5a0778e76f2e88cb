import { ModelOutputError, ServingDeadlineError, ServingOverloadedError, ServingUnavailableError } from '../../core/errors.js';
import type { ModelIdentity, VideoFrame } from '../../core/frames.js';
import type { Size } from '../../core/geometry.js';
import { NO_HINTS } from '../../serving/hints.js';
import type { ServingClientOptions } from '../../serving/serving-client.js';
import type { Logger } from '../../telemetry/logger.js';
import type { FrameFindings } from '../contract/decode-context.js';
import { describePlan } from '../contract/model-plan.js';
import { NO_WISHES, type ModelWishes } from '../contract/model-wishes.js';
import type { JpegEncoder } from '../contract/prepare-inputs.js';
import type { BackendState, BackendStatus, CallOutcome } from '../detector.js';
import type { LabelMap } from '../label-map.js';
import { BackendWatch } from './backend-watch.js';
import { LoadLimit, type LoadBounds } from './load-limit.js';
import { askModel, greyFrame } from './model-call.js';
import type { FoundModel, ModelSelection } from './model-finder.js';
import { ServiceClock, type SentBatch } from './service-clock.js';

export type BackendOptions = {
  /** What people know it by. */
  readonly name: string;
  /** `host:port` that is connected to. */
  readonly endpoint: string;
  /** Name that its certificate has to carry where `endpoint` is an address that it led to; `null`: the endpoint's own. */
  readonly serverName: string | null;
  readonly tls: NonNullable<ServingClientOptions['tls']> | null;
  readonly model: ModelSelection;
  /** Time that a call may take beyond what stands ahead of it, ms. */
  readonly deadlineMs: number;
  readonly maxBatchSize: number;
  readonly maxInFlightBatches: number;
  /** Largest message in either direction, bytes; default: the client's. */
  readonly maxMessageBytes?: number;
  /** Frame size for models that take any and do not say which they like. */
  readonly assumedInputSize: Size;
  readonly labels: LabelMap;
  /** What is said of the model beside its signature; default: nothing. */
  readonly wishes?: ModelWishes;
  /** For models that take encoded pictures; without it they do not fit. */
  readonly encodeJpeg?: JpegEncoder;
  readonly log: Logger;
  /** Its state has changed. */
  readonly onChange: () => void;
  /** It has room again although its state is what it was. */
  readonly onRoom: () => void;
  /** A call has ended. */
  readonly onCall: (outcome: CallOutcome) => void;
};

/** What was found on each frame of a batch, and how long it took, ms. */
export type BackendAnswer = { readonly findings: readonly FrameFindings[]; readonly model: ModelIdentity; readonly predictMs: number };

/** A batch ahead may take this many times what was measured. */
const DEADLINE_SLACK = 4;

/** One TensorFlow Serving: sends it frames while it can be sent any, as many as it takes, and measures it. */
export class Backend {
  readonly name: string;
  readonly #options: BackendOptions;
  readonly #watch: BackendWatch;
  readonly #clock = new ServiceClock();
  readonly #limit = new LoadLimit();
  readonly #calls: Partial<Record<CallOutcome, number>> = {};
  #inFlight = 0;
  #lastSentMs = -Infinity;
  #pauseTimer: NodeJS.Timeout | null = null;
  #whenIdle: () => void = () => undefined;

  constructor(options: BackendOptions) {
    const { name, endpoint, serverName, tls, maxMessageBytes, model, deadlineMs, log, onChange } = options;
    this.#options = options;
    this.name = name;
    this.#watch = new BackendWatch({
      name,
      client: { endpoint, ...(serverName !== null && { serverName }), ...(tls !== null && { tls }), ...(maxMessageBytes !== undefined && { maxMessageBytes }) },
      model,
      wishes: options.wishes ?? NO_WISHES,
      deadlineMs,
      log,
      describe: (found) => `model ${found.model.name}, version ${found.model.version}, at ${name}: ${describePlan(found.plan, { frameSize: this.inputSize, ...this.#bounds() })}`,
      tryModel: async (client, found, call) => {
        await askModel(client, [greyFrame(this.inputSize)], found, options, call);
      },
      onFound: () => {
        this.#limit.reset(this.#bounds());
      },
      onChange,
    });
  }

  get state(): BackendState {
    return this.#watch.state;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get model(): ModelIdentity | null {
    return this.#watch.found?.model ?? null;
  }

  /** Size that this backend wants its frames in. */
  get inputSize(): Size {
    const { found } = this.#watch;
    return found?.plan.input.fixedInputSize ?? found?.hints.inputSize ?? this.#options.assumedInputSize;
  }

  /** Frames that it takes in a batch at present, >= 1. */
  get maxBatchSize(): number {
    return this.#limit.maxBatchSize;
  }

  /** Batches that it takes at once at present, >= 1. */
  get maxInFlightBatches(): number {
    return this.#limit.maxInFlightBatches;
  }

  /** Whether a batch may be sent now. */
  get hasRoom(): boolean {
    return this.state === 'ok' && this.#inFlight < this.maxInFlightBatches && this.#limit.pauseMs(performance.now()) === 0;
  }

  /** When it was sent something last; monotonic, ms. */
  get lastSentMs(): number {
    return this.#lastSentMs;
  }

  /** How much ahead of the end of one batch the next is to be sent, ms. */
  get leadMs(): number {
    return this.#clock.leadMs;
  }

  /** Expected time until all that is in flight is answered, ms; `null` before the first answer. */
  get busyForMs(): number | null {
    return this.#clock.busyForMs(performance.now());
  }

  /** What a batch of so many frames, or as many as it takes, is expected to cost it, ms; `null` where nothing is known yet. */
  costMs(images: number): number | null {
    return this.#clock.costMs(Math.min(images, this.maxBatchSize));
  }

  /** When a batch of so many frames is expected to be answered that is sent as soon as it may be, ms from now; `null` where nothing is known yet.
   * What takes more than twice the time is expected to go on taking it, and a pause is a wait: a backend that stands still or turns everything away must not
   * be waited for as the one that will be free next. */
  finishMs(images: number): number | null {
    const costMs = this.costMs(images);
    if (costMs === null) return null;
    const nowMs = performance.now();
    return costMs + (this.busyForMs ?? 0) + Math.max(0, this.#clock.overdueMs(nowMs) - costMs) + this.#limit.pauseMs(nowMs);
  }

  status(): BackendStatus {
    return {
      endpoint: this.name,
      state: this.state,
      message: this.#watch.message,
      model: this.model,
      inFlightBatches: this.#inFlight,
      limits: { maxBatchSize: this.maxBatchSize, maxInFlightBatches: this.maxInFlightBatches, isReduced: this.#limit.isReduced },
      msPerImage: this.#clock.msPerImage,
      calls: { ...this.#calls },
    };
  }

  /** Looks at frames of equal model input size; more than the model takes at once go in several calls.
   * @throws as {@link Detector.detect} */
  async detect(frames: readonly VideoFrame[]): Promise<BackendAnswer> {
    const { found } = this.#watch;
    if (found === null || this.state !== 'ok') throw new ServingUnavailableError(this.#watch.message);
    const deadlineMs = this.#deadlineMs(frames.length, found);
    const sent = this.#clock.sent(frames.length, performance.now());
    this.#lastSentMs = sent.sentMs;
    this.#inFlight += 1;
    try {
      const { maxBatchSize } = this.#bounds();
      const parts = Array.from({ length: Math.ceil(frames.length / maxBatchSize) }, (_, part) => frames.slice(part * maxBatchSize, (part + 1) * maxBatchSize));
      const answers = await Promise.all(parts.map((part) => askModel(this.#watch.client, part, found, this.#options, { deadlineMs })));
      const doneMs = performance.now();
      this.#clock.done(sent, doneMs);
      const model = answers[0]?.model ?? found.model;
      this.#answered(model);
      return { findings: answers.flatMap(({ findings }) => findings), model, predictMs: doneMs - sent.sentMs };
    } catch (error) {
      this.#failed(error, sent);
      throw error;
    } finally {
      this.#inFlight -= 1;
      if (this.#inFlight === 0) this.#whenIdle();
    }
  }

  /** Takes no more batches, and closes when those in flight have ended. */
  async drain(): Promise<void> {
    this.#watch.leave();
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    await this.close();
  }

  /** Cancels what is in flight and closes the connection. Idempotent. */
  async close(): Promise<void> {
    if (this.#pauseTimer !== null) clearTimeout(this.#pauseTimer);
    await this.#watch.close();
  }

  /** What it takes by its model and by what it says; a model for one image at a time gets as many calls at once as there would be images in a batch. */
  #bounds(): LoadBounds {
    const { maxBatchSize, maxInFlightBatches } = this.#options;
    const { plan, hints } = this.#watch.found ?? { plan: null, hints: NO_HINTS };
    const fixedBatchSize = plan?.input.fixedBatchSize ?? null;
    return {
      maxBatchSize: Math.min(maxBatchSize, fixedBatchSize ?? Infinity, hints.preferredBatch ?? Infinity),
      maxInFlightBatches: Math.min(fixedBatchSize === 1 ? Math.max(maxBatchSize, maxInFlightBatches) : maxInFlightBatches, hints.maxInFlight ?? Infinity),
    };
  }

  #deadlineMs(images: number, found: FoundModel): number {
    const msPerImage = this.#clock.msPerImage ?? found.hints.msPerImage ?? 0;
    return Math.round(this.#options.deadlineMs + DEADLINE_SLACK * msPerImage * images * this.#inFlight);
  }

  #answered(model: ModelIdentity): void {
    this.#limit.answered();
    this.#count('answered');
    this.#watch.answered(model.version);
  }

  #failed(error: unknown, sent: SentBatch): void {
    const nowMs = performance.now();
    this.#clock.failed(sent, nowMs);
    if (error instanceof ServingOverloadedError) this.#turnedAway(error, sent, nowMs);
    else this.#watch.failed(error);
    this.#count(outcomeOf(error));
  }

  #turnedAway(error: ServingOverloadedError, sent: SentBatch, nowMs: number): void {
    if (error.isQueueFull) this.#limit.queueFull({ sentMs: sent.sentMs, nowMs, others: this.#inFlight - 1 });
    else this.#limit.tooLarge(sent.images, nowMs);
    const pauseMs = this.#limit.pauseMs(nowMs);
    if (pauseMs === 0) return;
    this.#pauseTimer ??= setTimeout(() => {
      this.#pauseTimer = null;
      this.#options.onRoom();
    }, Math.ceil(pauseMs));
  }

  #count(outcome: CallOutcome): void {
    this.#calls[outcome] = (this.#calls[outcome] ?? 0) + 1;
    this.#options.onCall(outcome);
  }
}

function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof ServingOverloadedError) return 'turned-away';
  if (error instanceof ServingDeadlineError) return 'deadline';
  if (error instanceof ServingUnavailableError) return 'lost';
  return error instanceof ModelOutputError ? 'bad-answer' : 'refused';
}
