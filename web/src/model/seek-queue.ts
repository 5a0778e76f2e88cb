/** Longer than this nothing is waited for, ms: the server has had its time, and what it shows is the truth. */
export const COMMAND_LASTS_MS = 1_000;

/** How near to where it was sent a frame of a recording that plays must be to count as the one, ms at speed 1. */
const NEAR_MS = 500;

type Seek = { readonly targetMs: number; readonly sinceSeq: number; readonly atMs: number };

/** What is known of the picture when a frame of a recording is shown. */
export type ShownPlace = { readonly seq: number; readonly positionMs: number };

/** Sends a recording elsewhere, one seek at a time: while one is on its way, of all the others only the newest is kept. */
export class SeekQueue {
  /** @returns whether it could be sent */
  readonly #send: (positionMs: number) => boolean;
  #inFlight: Seek | null = null;
  #next: number | null = null;
  #seq = -1;

  constructor(send: (positionMs: number) => boolean) {
    this.#send = send;
  }

  /** Where it is being sent, ms; `null`: nowhere. */
  get targetMs(): number | null {
    return this.#next ?? this.#inFlight?.targetMs ?? null;
  }

  request(positionMs: number, nowMs: number): void {
    this.#next = positionMs;
    if (this.#inFlight === null) this.#sendNext(nowMs);
  }

  /** Sends what waits without waiting any longer. */
  flush(nowMs: number): void {
    if (this.#next !== null) this.#sendNext(nowMs);
  }

  /** Tells that a frame is shown.
   * @param speed times the recording's own; `null`: it stands still, and a new frame can only be the one
   * @returns whether the seek that was on its way is through */
  shown({ seq, positionMs }: ShownPlace, speed: number | null, nowMs: number): boolean {
    const isNew = this.#inFlight !== null && seq !== this.#inFlight.sinceSeq;
    this.#seq = seq;
    if (this.#inFlight === null || !isNew) return false;
    if (speed !== null && Math.abs(positionMs - this.#inFlight.targetMs) > NEAR_MS * Math.max(1, speed)) return false;
    this.#inFlight = null;
    this.flush(nowMs);
    return true;
  }

  /** Gives up what takes too long; to be called several times a second. */
  tick(nowMs: number): void {
    if (this.#inFlight === null || nowMs - this.#inFlight.atMs < COMMAND_LASTS_MS) return;
    this.#inFlight = null;
    this.flush(nowMs);
  }

  #sendNext(nowMs: number): void {
    const targetMs = this.#next;
    this.#next = null;
    this.#inFlight = targetMs !== null && this.#send(targetMs) ? { targetMs, sinceSeq: this.#seq, atMs: nowMs } : null;
  }
}
