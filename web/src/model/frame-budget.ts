/** Counts what became of a page's frames, over all streams. */
export type FrameTally = {
  received: number;
  /** Of those, the ones that a newer one replaced before they were painted: work for nothing. */
  discarded: number;
};

/** Frames a second that a page decodes and paints at most, all pictures together; a laptop of 2020 does about 300 of a tile's size. */
const BASE_FPS = 240;
const LEAST_FPS = 24;
const WINDOW_MS = 1000;
/** Less than this tells nothing. */
const LEAST_RECEIVED = 10;
const TOO_MANY = 0.1;
const FEW = 0.02;
const CUT = 0.75;
const RAISE = 1.15;
/** After a cut nothing is raised for this long, else the page would swing. */
const PATIENCE_MS = 5000;

/** Rates that are asked for: few, so that a tile more or less does not ask anew for all the others. */
const STEPS_FPS = [60, 30, 25, 20, 15, 12, 10, 8, 6, 5, 4, 3, 2] as const;
const MIN_FPS = 1;

/** Divides the frames that a page can decode and paint among its pictures. It starts from what an ordinary machine does and learns
 * from frames that came for nothing. No clock of its own. */
export class FrameBudget {
  #fps = BASE_FPS;
  #cutAtMs = Number.NEGATIVE_INFINITY;
  #since: { readonly atMs: number; readonly received: number; readonly discarded: number } | null = null;

  /** Frames a second of the whole page. */
  get fps(): number {
    return this.#fps;
  }

  /** Looks at the counts so far; call a few times a second.
   * @param nowMs any clock that does not go back
   * @returns whether the budget is another one now
   */
  observe({ received, discarded }: FrameTally, nowMs: number): boolean {
    const since = this.#since;
    if (since !== null && nowMs - since.atMs < WINDOW_MS) return false;
    this.#since = { atMs: nowMs, received, discarded };
    // A window that was interrupted (a hidden tab, a sleeping machine) is not measured.
    if (since === null || nowMs - since.atMs > 2 * WINDOW_MS || received - since.received < LEAST_RECEIVED) return false;
    const before = this.#fps;
    const wasted = (discarded - since.discarded) / (received - since.received);
    if (wasted > TOO_MANY) {
      this.#fps = Math.max(LEAST_FPS, this.#fps * CUT);
      this.#cutAtMs = nowMs;
    } else if (wasted <= FEW && nowMs - this.#cutAtMs > PATIENCE_MS) this.#fps = Math.min(BASE_FPS, this.#fps * RAISE);
    return this.#fps !== before;
  }

  /** Frames a second to ask for, for each of so many pictures.
   * @param pictures in sight, >= 1
   * @param limitFps as fast as such a picture should ever be
   */
  maxFps(pictures: number, limitFps: number): number {
    const share = Math.min(limitFps, this.#fps / Math.max(1, pictures));
    return STEPS_FPS.find((step) => step <= share) ?? MIN_FPS;
  }
}
