/** Slowest and fastest playback of a replay, as a multiple of the recording's own speed. */
export const SPEED_LIMITS = { min: 0.1, max: 16 } as const;

/** Times the recording's own speed, in [0.1, 16], or as fast as frames can be looked at. */
export type PlaybackSpeed = number | 'max';

/** What may be asked of a stream. On a live stream only `pause` and `play`: its source is stopped and started. */
export type StreamCommand =
  | { readonly action: 'pause' }
  | { readonly action: 'play' }
  /** Show the last frame at or before the position, ms after the first frame; beyond the end: the last frame. */
  | { readonly action: 'seek'; readonly positionMs: number }
  /** Show the frame this many after (> 0) or before (< 0) the one that is shown; stops at either end. */
  | { readonly action: 'step'; readonly frames: number }
  | { readonly action: 'speed'; readonly speed: PlaybackSpeed };
