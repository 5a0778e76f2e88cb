const FIRST_DELAY_MS = 1000;
const LONGEST_DELAY_MS = 15_000;
/** Spread of the jitter, so that many pages do not come back in the same instant. */
const JITTER = 0.2;

/** How long to wait before the next try to connect: 1 s, doubling to 15 s, each ±20 %, never above 15 s.
 * @param attempt tries that failed in a row, from 0
 * @param random in [0, 1)
 * @returns ms
 */
export function reconnectDelayMs(attempt: number, random: number): number {
  const base = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** Math.min(attempt, 10));
  return Math.min(LONGEST_DELAY_MS, Math.round(base * (1 - JITTER + 2 * JITTER * random)));
}
