/** Lets one line a second through, so that a fault that every frame meets does not fill the log. */
export class LogLimiter {
  readonly #intervalMs: number;
  #quietUntilMs = -Infinity;
  #suppressed = 0;

  constructor(intervalMs = 1000) {
    this.#intervalMs = intervalMs;
  }

  /** Calls `write` with how many were held back since the last time, or holds this one back. */
  log(write: (suppressed: number) => void, nowMs = performance.now()): void {
    if (nowMs < this.#quietUntilMs) {
      this.#suppressed += 1;
      return;
    }
    this.#quietUntilMs = nowMs + this.#intervalMs;
    write(this.#suppressed);
    this.#suppressed = 0;
  }
}
