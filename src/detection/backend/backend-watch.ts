import { ModelMismatchError, ModelOutputError, ServingDeadlineError, ServingRejectedError, ServingUnavailableError, SightlineError } from '../../core/errors.js';
import { ServingClient, type CallOptions, type ServingClientOptions } from '../../serving/serving-client.js';
import type { Logger } from '../../telemetry/logger.js';
import type { ModelWishes } from '../contract/model-wishes.js';
import type { BackendState } from '../detector.js';
import { CircuitBreaker } from './circuit-breaker.js';
import { askHealth, findModel, isDraining, type FoundModel, type ModelSelection } from './model-finder.js';

export type BackendWatchOptions = {
  /** What people know the backend by. */
  readonly name: string;
  readonly client: ServingClientOptions;
  readonly model: ModelSelection;
  /** What is said of the model beside its signature. */
  readonly wishes: ModelWishes;
  /** Time that a trial may take, ms. */
  readonly deadlineMs: number;
  readonly log: Logger;
  /** Says in one line what was found. */
  readonly describe: (found: FoundModel) => string;
  /** Has the model look at a picture that is nobody's.
   * @throws when it does not answer as it should */
  readonly tryModel: (client: ServingClient, found: FoundModel, call: CallOptions) => Promise<void>;
  /** A model was found that may not be the one before. */
  readonly onFound: () => void;
  readonly onChange: () => void;
};

const PROBE_DEADLINE_MS = 5_000;
const HEALTH_DEADLINE_MS = 2_000;
/** How often a backend that works is asked how it is. */
const HEALTH_INTERVAL_MS = 2_000;
/** A backend that has missed a deadline has to say within this that it lives. */
const SIGN_OF_LIFE_MS = 500;
const TRIAL_INTERVAL_MS = 1_000;
const FIRST_RETRY_MS = 250;
/** A backend that comes back is found within this, and the time that its connection takes. */
const LONGEST_RETRY_MS = 1_000;
const MISCONFIGURED_RETRY_MS = 5_000;

/** Knows whether one backend can be sent frames: finds its model, asks how it is, judges how calls end, and gives it up and takes it back. */
export class BackendWatch {
  readonly #options: BackendWatchOptions;
  readonly #abort = new AbortController();
  readonly #breaker = new CircuitBreaker();
  #client: ServingClient;
  /** Clients of connections that were given up, until their calls have ended. */
  readonly #retired = new Set<ServingClient>();
  #found: FoundModel | null = null;
  #state: BackendState = 'connecting';
  #message: string;
  #retryMs = FIRST_RETRY_MS;
  /** Connections that were lost with a call since the last answer. */
  #lost = 0;
  #timer: NodeJS.Timeout | null = null;
  #asking: Promise<void> | null = null;
  #isLeaving = false;

  constructor(options: BackendWatchOptions) {
    this.#options = options;
    this.#message = `connecting to ${options.name}`;
    this.#client = new ServingClient(options.client);
    this.#ask(() => this.#establish());
  }

  get state(): BackendState {
    return this.#state;
  }

  /** One line: what was found, or what is wrong. */
  get message(): string {
    return this.#message;
  }

  /** `null` before a model that fits was found. */
  get found(): FoundModel | null {
    return this.#found;
  }

  get client(): ServingClient {
    return this.#client;
  }

  /** A batch was answered as it should. */
  answered(version: string): void {
    this.#breaker.succeeded();
    this.#retryMs = FIRST_RETRY_MS;
    this.#lost = 0;
    if (version !== this.#found?.model.version) this.#ask(() => this.#establish());
  }

  /** A batch failed. What a call says that was made before the state changed changes nothing. */
  failed(error: unknown): void {
    if (this.#state !== 'ok') return;
    if (error instanceof ModelMismatchError) {
      this.#setState('misconfigured', error.message);
      // It describes itself as one that fits; to ask at once would go round in circles.
      this.#later(MISCONFIGURED_RETRY_MS, () => this.#establish());
    } else if (error instanceof ServingUnavailableError) {
      this.#setState('connecting', error.message);
      // At once the first time; a server may describe its model and break every connection that a frame comes over.
      this.#later(this.#lost === 0 ? 0 : Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this.#lost - 1)), () => this.#establish());
      this.#lost += 1;
    } else if (error instanceof ServingDeadlineError) this.#missed(error);
    else if (error instanceof ServingRejectedError || error instanceof ModelOutputError) {
      if (this.#breaker.failed()) this.#open(error.message);
      // The model may have been replaced by one that answers otherwise.
      else if (error instanceof ModelOutputError) this.#ask(() => this.#establish());
    }
  }

  /** Wants no more frames for it: its address is gone. */
  leave(): void {
    this.#setState('draining', `${this.#options.name} is leaving: its address is not there any more`);
    this.#isLeaving = true;
    this.#stopTimer();
  }

  /** Cancels what is in flight and closes the connection. Idempotent. */
  async close(): Promise<void> {
    this.#abort.abort();
    this.#stopTimer();
    await Promise.all([this.#client, ...this.#retired].map((client) => client.close()));
    await this.#asking;
  }

  /** A call was not answered in time: until the backend has said that it lives nothing more is sent to it. */
  #missed(error: ServingDeadlineError): void {
    const found = this.#found;
    if (this.#breaker.failed() || found === null) {
      this.#open(error.message);
      return;
    }
    this.#setState('circuit-open', error.message);
    this.#later(0, async () => {
      try {
        await askHealth(this.#client, found, this.#options.model, this.#call(SIGN_OF_LIFE_MS));
      } catch {
        // Whatever went wrong, it was no sign of life.
        this.#breaker.trip();
        this.#open(error.message);
        return;
      }
      this.#beOk(found);
    });
  }

  /** From here on it gets one trial a second, over a new connection: the old one may lead nowhere. */
  #open(reason: string): void {
    if (this.#abort.signal.aborted) return;
    this.#setState('circuit-open', `${reason}; it gets no frames until it has answered a trial with a grey picture, one a second`);
    const old = this.#client;
    this.#client = new ServingClient(this.#options.client);
    this.#retired.add(old);
    void old.closeAfterCalls().then(() => this.#retired.delete(old));
    this.#later(TRIAL_INTERVAL_MS, () => this.#try());
  }

  async #try(): Promise<void> {
    const found = this.#found;
    if (found === null || this.#breaker.state !== 'open') return;
    this.#breaker.tryAgain();
    try {
      await this.#options.tryModel(this.#client, found, this.#call(this.#options.deadlineMs));
    } catch (error) {
      this.#breaker.failed();
      if (error instanceof ServingUnavailableError || error instanceof ModelMismatchError) this.#unfit(error);
      else this.#later(TRIAL_INTERVAL_MS, () => this.#try());
      return;
    }
    this.#breaker.succeeded();
    this.#beOk(found);
  }

  async #establish(): Promise<void> {
    const call = this.#call(PROBE_DEADLINE_MS);
    try {
      const found = await findModel(this.#client, this.#options.model, this.#options.wishes, call);
      if (await isDraining(this.#client, call)) {
        this.#drained();
        return;
      }
      const isKnown = this.#state === 'ok' && found.model.version === this.#found?.model.version;
      this.#found = found;
      if (!isKnown) {
        // A server that was away or has another model is judged anew.
        this.#breaker.succeeded();
        this.#options.onFound();
      }
      this.#beOk(found);
    } catch (error) {
      this.#unfit(error);
    }
  }

  async #checkHealth(): Promise<void> {
    const found = this.#found;
    const isOk = (): boolean => this.#state === 'ok';
    if (found === null || !isOk()) return;
    try {
      const finding = await askHealth(this.#client, found, this.#options.model, this.#call(HEALTH_DEADLINE_MS));
      if (!isOk()) return;
      if (finding === 'draining') this.#drained();
      else if (finding === 'replaced') await this.#establish();
      else this.#beOk(found);
    } catch (error) {
      if (!isOk()) return;
      if (error instanceof ServingUnavailableError || error instanceof ModelMismatchError) this.#unfit(error);
      // A busy server may be slow to say how it is: its calls tell whether it is well.
      else this.#beOk(found);
    }
  }

  #drained(): void {
    this.#setState('draining', `${this.#options.name} says that it takes no more work (grpc.health.v1: NOT_SERVING)`);
    this.#later(LONGEST_RETRY_MS, () => this.#establish());
  }

  /** The time between questions doubles until frames have been looked at: a server may describe its model and refuse all work. */
  #unfit(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    const isMismatch = error instanceof ModelMismatchError;
    const longestMs = isMismatch ? MISCONFIGURED_RETRY_MS : LONGEST_RETRY_MS;
    this.#setState(isMismatch ? 'misconfigured' : 'unavailable', error instanceof SightlineError ? error.message : String(error));
    this.#later(Math.min(longestMs, this.#retryMs), () => this.#establish());
    this.#retryMs = Math.min(longestMs, this.#retryMs * 2);
  }

  #beOk(found: FoundModel): void {
    this.#setState('ok', this.#options.describe(found));
    this.#later(HEALTH_INTERVAL_MS, () => this.#checkHealth());
  }

  /** One question at a time; one that comes up while another runs is left out: the answer to that brings the next. */
  #ask(question: () => Promise<void>): void {
    if (this.#abort.signal.aborted || this.#asking !== null || this.#isLeaving) return;
    this.#asking = question().finally(() => {
      this.#asking = null;
    });
  }

  #later(delayMs: number, question: () => Promise<void>): void {
    this.#stopTimer();
    if (this.#abort.signal.aborted || this.#isLeaving) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      // The one that runs is about what was before.
      if (this.#asking === null) this.#ask(question);
      else this.#later(10, question);
    }, delayMs);
  }

  #call(deadlineMs: number): CallOptions {
    return { deadlineMs, signal: this.#abort.signal };
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #setState(state: BackendState, message: string): void {
    if (this.#isLeaving || this.#abort.signal.aborted) return;
    const changed = state !== this.#state || message !== this.#message;
    this.#state = state;
    this.#message = message;
    if (!changed) return;
    const fields = { endpoint: this.#options.name, state };
    if (state === 'ok') this.#options.log.info(fields, message);
    else if (state !== 'connecting') this.#options.log.warn(fields, message);
    this.#options.onChange();
  }
}
