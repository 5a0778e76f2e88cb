import type { ViewerLimits } from './viewer-limits.js';

const MAX_UNANSWERED = 2;

/** Decides when to ping a socket and when to give it up: after two pings without any sign of life. Times in ms, passed in. */
export class Heartbeat {
  readonly #limits: Pick<ViewerLimits, 'pingIntervalMs' | 'pongWaitMs'>;
  #lastPingMs: number;
  #unanswered = 0;

  constructor(limits: Pick<ViewerLimits, 'pingIntervalMs' | 'pongWaitMs'>, nowMs: number) {
    this.#limits = limits;
    this.#lastPingMs = nowMs;
  }

  /** A pong or any message came. */
  alive(): void {
    this.#unanswered = 0;
  }

  /** What to do now. */
  tick(nowMs: number): 'nothing' | 'ping' | 'dead' {
    const sincePingMs = nowMs - this.#lastPingMs;
    if (this.#unanswered >= MAX_UNANSWERED) return sincePingMs >= this.#limits.pongWaitMs ? 'dead' : 'nothing';
    if (sincePingMs < this.#limits.pingIntervalMs) return 'nothing';
    this.#lastPingMs = nowMs;
    this.#unanswered += 1;
    return 'ping';
  }
}
