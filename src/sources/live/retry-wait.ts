import { retryPlan, type RetryReason } from './backoff.js';
import { ReachabilityWatch, type Address } from './reachability.js';

export type RetryWaitOptions = {
  readonly reason: RetryReason;
  /** Multiplies every wait. */
  readonly scale: number;
  /** Where the camera is; `null` for a source that is not on the network. */
  readonly resolve: ((signal: AbortSignal) => Promise<Address>) | null;
  /** Called once when the wait is over; not after {@link onReachable}. */
  readonly onDue: () => void;
  /** Called at most once, before the wait is over, when the camera can be reached again. */
  readonly onReachable: () => void;
};

/** One wait of a source for its next try: a timer, and a look at the camera's port twice a second where that may end it early. */
export class RetryWait {
  /** Length of the wait, ms. */
  readonly delayMs: number;
  readonly #timer: NodeJS.Timeout;
  readonly #watch: ReachabilityWatch | null;

  constructor({ reason, scale, resolve, onDue, onReachable }: RetryWaitOptions) {
    const { delayMs, watchAfterMs } = retryPlan(reason, Math.random());
    this.delayMs = delayMs * scale;
    this.#timer = setTimeout(() => {
      this.close();
      onDue();
    }, this.delayMs);
    const onChange = (): void => {
      this.close();
      onReachable();
    };
    this.#watch = resolve === null || watchAfterMs === null ? null : new ReachabilityWatch({ resolve, afterMs: watchAfterMs * scale, onReachable: onChange });
  }

  /** Ends the wait without a call. Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
    this.#watch?.close();
  }
}
