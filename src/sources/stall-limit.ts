/** Patience with the first frame of a run. */
const FIRST_FRAME_MS = 10_000;
const LIVE_FLOOR_MS = 2000;
/** A file on a slow disk or with a rare `fps` may take long for one frame; nobody watches it live. */
const REPLAY_FLOOR_MS = 30_000;
const INTERVALS = 5;

/** How long a source may owe a frame before it counts as stalled, ms.
 * @param measuredIntervalMs average distance of frames' arrivals in this run, `null` before the second frame
 * @param fps limit of the frame rate: frames cannot come faster */
export function stallLimitMs(options: { readonly live: boolean; readonly hadFrame: boolean; readonly measuredIntervalMs: number | null; readonly fps: number | null }): number {
  const intervalMs = Math.max(options.measuredIntervalMs ?? 0, options.fps === null ? 0 : 1000 / options.fps);
  const floorMs = !options.live ? REPLAY_FLOOR_MS : options.hadFrame ? LIVE_FLOOR_MS : FIRST_FRAME_MS;
  return Math.max(floorMs, INTERVALS * intervalMs);
}
