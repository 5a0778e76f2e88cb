/** Headers of one request; Node drops what is beyond its own limit, one more, without a word. */
export const MAX_HEADERS = 100;

/** Bounds on what viewers and other clients may cost. Tests shorten the times; nobody else changes them. */
export type ViewerLimits = {
  /** How often timers look at all sockets and open answers (heartbeat, stalled sockets, expired tokens). */
  readonly tickMs: number;
  /** Pause between two pings of one socket. */
  readonly pingIntervalMs: number;
  /** How long the second unanswered ping may stay so before the socket is given up. */
  readonly pongWaitMs: number;
  /** How long a socket may be too full for the next frame, without draining at all, before it is given up. */
  readonly stallLimitMs: number;
  /** A socket may buffer this much, or two frames where they are larger: more would only be older pictures on a slow link. */
  readonly maxBufferedBytes: number;
  /** Messages that get an `error` before the socket is closed with 1008, within `badMessageWindowMs`. */
  readonly maxBadMessages: number;
  readonly badMessageWindowMs: number;
  /** Open viewer sockets; more are closed with 1013 as soon as they are open. */
  readonly maxViewers: number;
  /** TCP connections in all; more are dropped. */
  readonly maxConnections: number;
  /** TCP connections of one address: a proxy on this machine may have a full house of viewers behind it. */
  readonly maxConnectionsPerAddress: number;
  /** Requests and upgrades of one address in the long run, and at once after a pause; a wall of snapshots takes some. */
  readonly requestsPerSecond: number;
  readonly requestBurst: number;
  /** Wrong tokens of one address, and of all; as many at once after a pause. */
  readonly wrongTriesPerMinute: number;
  readonly wrongTriesPerMinuteInAll: number;
  /** How long a client may take to send its headers (and to agree on TLS), and then the rest of its request. */
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  /** How long a connection on which a request is under way may be silent in both directions; open pictures streams have their own limit. */
  readonly idleTimeoutMs: number;
  /** How long `close()` waits for clients before it cuts them off. */
  readonly closeWaitMs: number;
};

/** Two missed pings free a dead viewer within 35 s: 15 s to the first, 15 s to the second, 5 s for its answer.
 * Node's own times for headers and requests (60 s, 300 s) let a client hold a connection for minutes without saying anything. */
export const DEFAULT_VIEWER_LIMITS: ViewerLimits = {
  tickMs: 500,
  pingIntervalMs: 15_000,
  pongWaitMs: 5000,
  stallLimitMs: 10_000,
  maxBufferedBytes: 64 * 1024,
  maxBadMessages: 20,
  badMessageWindowMs: 60_000,
  maxViewers: 2000,
  maxConnections: 4096,
  maxConnectionsPerAddress: 2048,
  requestsPerSecond: 200,
  requestBurst: 2000,
  wrongTriesPerMinute: 10,
  wrongTriesPerMinuteInAll: 100,
  headersTimeoutMs: 9000,
  requestTimeoutMs: 15_000,
  idleTimeoutMs: 120_000,
  closeWaitMs: 2000,
};
