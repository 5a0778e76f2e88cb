/** Patience with the first frame of a run, and with the second, as long as nothing was measured. */
const FIRST_FRAME_MS = 10_000;
const LIVE_FLOOR_MS = 2000;
/** A file on a slow disk or with a rare `fps` may take long for one frame; nobody watches it live. */
const REPLAY_FLOOR_MS = 30_000;
const INTERVALS = 5;
const UNDECODABLE_FLOOR_MS = 400;
/** HLS gives its frames a segment at a time. */
const TARGET_DURATIONS = 3;
/** Part of the newest interval in the average. */
const NEWEST = 0.1;
/** A longer distance of two timestamps is a jump of the source's clock, or a gap that says nothing of its rate. */
const LONGEST_INTERVAL_MS = 60_000;

export type StallFacts = {
  readonly live: boolean;
  readonly hadFrame: boolean;
  /** Average distance of frames in this run; `null` before the second. */
  readonly measuredIntervalMs: number | null;
  /** Limit of the frame rate: frames cannot come faster. */
  readonly fps: number | null;
  /** Of an HLS source: how long its segments are at most; `null` for others. */
  readonly targetDurationMs: number | null;
};

/** How long a source may owe a frame before it counts as stalled, ms. */
export function stallLimitMs({ live, hadFrame, measuredIntervalMs, fps, targetDurationMs }: StallFacts): number {
  const intervalMs = Math.max(measuredIntervalMs ?? 0, fps === null ? 0 : 1000 / fps);
  const floorMs = !live ? REPLAY_FLOOR_MS : hadFrame && measuredIntervalMs !== null ? LIVE_FLOOR_MS : FIRST_FRAME_MS;
  return Math.max(floorMs, INTERVALS * intervalMs, TARGET_DURATIONS * (targetDurationMs ?? 0));
}

/** How long nothing that comes may be decodable before it counts as another stream than the one that was opened, ms.
 * @param measuredIntervalMs as above */
export function undecodableLimitMs(measuredIntervalMs: number | null): number {
  return Math.max(UNDECODABLE_FLOOR_MS, INTERVALS * (measuredIntervalMs ?? 0));
}

/** Measures how far apart frames come: by their arrival or by their timestamps, whichever is more, because a source that begins with a burst of what it
 * had buffered is not a fast one. */
export class IntervalMeter {
  #last: { readonly atMs: number; readonly ptsMs: number } | null = null;
  #arrivalMs: number | null = null;
  #stampMs: number | null = null;

  /** Average distance, ms; `null` before the second frame. */
  get intervalMs(): number | null {
    return this.#arrivalMs === null ? null : Math.max(this.#arrivalMs, this.#stampMs ?? 0);
  }

  /** @param atMs arrival, on a monotonic clock */
  frameCame(atMs: number, ptsMs: number): void {
    if (this.#last !== null) {
      this.#arrivalMs = average(this.#arrivalMs, atMs - this.#last.atMs);
      const stampMs = ptsMs - this.#last.ptsMs;
      if (stampMs > 0 && stampMs <= LONGEST_INTERVAL_MS) this.#stampMs = average(this.#stampMs, stampMs);
    }
    this.#last = { atMs, ptsMs };
  }
}

function average(soFarMs: number | null, newestMs: number): number {
  return soFarMs === null ? newestMs : soFarMs * (1 - NEWEST) + newestMs * NEWEST;
}
