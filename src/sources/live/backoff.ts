/** First and longest wait between two tries. */
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;
/** A camera that refuses a login may lock the account when it is asked too often. */
const UNAUTHORIZED_MS = 30_000;

/** Why a source waits, and how often it has failed. */
export type RetryReason = {
  readonly reason: 'backoff' | 'unauthorized';
  /** Runs that failed, 1 and up. */
  readonly attempt: number;
  /** Waits that ended early because the camera could be reached again, and the try failed all the same; 0 and up. */
  readonly early: number;
};

/** Wait before try `attempt` (1 = first retry), ms: 1 s doubling to 30 s, and before those up to a quarter more by chance, so that many cameras of one
 * switch do not come back in step. Never less, so that a source that cannot be read is tried no more than five times again in a minute.
 * @param random in [0, 1) */
export function backoffMs(attempt: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 20) * (1 + random / 4));
}

/** How long a source waits for its next try, and from when on it looks whether the camera can be reached.
 * @param random in [0, 1)
 * @returns ms; `watchAfterMs` is `null` where nobody looks: a refused login is not cured by a port that opens */
export function retryPlan({ reason, attempt, early }: RetryReason, random: number): { readonly delayMs: number; readonly watchAfterMs: number | null } {
  if (reason === 'unauthorized') return { delayMs: UNAUTHORIZED_MS, watchAfterMs: null };
  // A camera whose port flaps would be tried at each flap: every try in vain makes the look begin later.
  return { delayMs: backoffMs(attempt, random), watchAfterMs: early === 0 ? 0 : backoffMs(early, random) };
}
