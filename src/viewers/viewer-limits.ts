/** Bounds on what one viewer may cost. Tests shorten the times; nobody else changes them. */
export type ViewerLimits = {
  /** How often timers look at all sockets (heartbeat, stalled sockets, expired tokens). */
  readonly tickMs: number;
  /** Pause between two pings of one socket. */
  readonly pingIntervalMs: number;
  /** How long the second unanswered ping may stay so before the socket is given up. */
  readonly pongWaitMs: number;
  /** How long a socket may be too full for the next frame, without draining at all, before it is given up. */
  readonly stallLimitMs: number;
  /** A socket may buffer this much, or two frames where they are larger. */
  readonly maxBufferedBytes: number;
  /** Messages that get an `error` before the socket is closed with 1008, within `badMessageWindowMs`. */
  readonly maxBadMessages: number;
  readonly badMessageWindowMs: number;
  /** Open viewer sockets; more are refused with 503. */
  readonly maxViewers: number;
  /** How long `close()` waits for clients before it cuts them off. */
  readonly closeWaitMs: number;
};

/** Two missed pings free a dead viewer within 35 s: 15 s to the first, 15 s to the second, 5 s for its answer. */
export const DEFAULT_VIEWER_LIMITS: ViewerLimits = {
  tickMs: 1000,
  pingIntervalMs: 15_000,
  pongWaitMs: 5000,
  stallLimitMs: 10_000,
  maxBufferedBytes: 512 * 1024,
  maxBadMessages: 20,
  badMessageWindowMs: 60_000,
  maxViewers: 2000,
  closeWaitMs: 2000,
};
