import type { ViewerLimits } from './viewer-limits.js';

const MAX_UNANSWERED = 2;
/** Looks that came so many times later than they should: this process stood still meanwhile, and cannot blame the viewer for having heard nothing. */
const LATE_TICKS = 4;

/** Decides when to ping a socket and when to give it up: after two pings without any sign of life. Times in ms, passed in. */
export class Heartbeat {
  readonly #limits: Pick<ViewerLimits, 'tickMs' | 'pingIntervalMs' | 'pongWaitMs'>;
  #lastPingMs: number;
  #lastTickMs: number;
  #unanswered = 0;

  constructor(limits: Pick<ViewerLimits, 'tickMs' | 'pingIntervalMs' | 'pongWaitMs'>, nowMs: number) {
    this.#limits = limits;
    this.#lastPingMs = nowMs;
    this.#lastTickMs = nowMs;
  }

  /** A pong or any message came. */
  alive(): void {
    this.#unanswered = 0;
  }

  /** What to do now. */
  tick(nowMs: number): 'nothing' | 'ping' | 'dead' {
    const sinceTickMs = nowMs - this.#lastTickMs;
    this.#lastTickMs = nowMs;
    if (sinceTickMs >= LATE_TICKS * this.#limits.tickMs) this.#lastPingMs += sinceTickMs;
    const sincePingMs = nowMs - this.#lastPingMs;
    if (this.#unanswered >= MAX_UNANSWERED) return sincePingMs >= this.#limits.pongWaitMs ? 'dead' : 'nothing';
    if (sincePingMs < this.#limits.pingIntervalMs) return 'nothing';
    this.#lastPingMs = nowMs;
    this.#unanswered += 1;
    return 'ping';
  }
}
