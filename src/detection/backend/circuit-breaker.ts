/** `closed`: batches go; `open`: none goes; `half-open`: a trial runs. */
export type CircuitState = 'closed' | 'open' | 'half-open';

/** Failures in a row after which nothing is sent any more (reliability.md B2). */
const MAX_FAILURES = 3;

/** Keeps batches from a backend that fails all of them, until a trial has succeeded. */
export class CircuitBreaker {
  #state: CircuitState = 'closed';
  #failures = 0;

  get state(): CircuitState {
    return this.#state;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** A batch or the trial was answered as it should. */
  succeeded(): void {
    this.#failures = 0;
    this.#state = 'closed';
  }

  /** A batch or the trial failed.
   * @returns whether it is open now */
  failed(): boolean {
    this.#failures += 1;
    if (this.#state === 'half-open' || this.#failures >= MAX_FAILURES) this.#state = 'open';
    return this.#state === 'open';
  }

  /** Opens it at once: the backend does not even say that it lives. */
  trip(): void {
    this.#state = 'open';
  }

  /** A trial begins.
   * @throws {RangeError} when it is not open */
  tryAgain(): void {
    if (this.#state !== 'open') throw new RangeError(`Expected an open circuit, it is ${this.#state}`);
    this.#state = 'half-open';
  }
}
