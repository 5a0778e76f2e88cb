import { ClosedError } from './errors.js';

/** Does one thing after another, in the order in which they were asked for; one that fails does not keep the next from being done. */
export class SerialQueue {
  readonly #name: string;
  #tail: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /** @param name of what the queue belongs to, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /** Does `work` when its turn comes; gives what it gives.
   * @throws {ClosedError} its turn comes after `close()` */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(() => {
      if (this.#isClosed) throw new ClosedError(this.#name);
      return work();
    });
    // Whoever asked hears of the failure; the next in line does not.
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Lets what is being done end, and refuses the rest. Idempotent. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#tail;
  }
}
