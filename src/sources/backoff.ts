/** First and longest wait between two tries. */
const FIRST_MS = 1000;
const LONGEST_MS = 30_000;

/** Wait before try `attempt` (1 = first retry), ms: 1 s doubling to 30 s, less up to a quarter by chance, so that many cameras of one
 * switch do not come back in step.
 * @param random in [0, 1) */
export function backoffMs(attempt: number, random: number): number {
  const full = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 20));
  return full * (1 - random / 4);
}
