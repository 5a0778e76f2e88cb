import { setTimeout as delay } from 'node:timers/promises';
import { status } from '@grpc/grpc-js';
import { GrpcStatusError } from '../../src/serving/grpc-server.js';

/** How long a model takes for a call: `perCallMs + perImageMs · images`. */
export type ServiceTime = { readonly perCallMs: number; readonly perImageMs: number };

/** When a call was computed, `performance.now()`. */
export type Turn = { readonly beginMs: number; readonly endMs: number };

/** The one thread that a model runs on: calls are computed one after the other, in the order they came.
 *
 * Turns are booked on arrival, so that a timer that fires late makes one answer late and not all that follow. What was booked is computed even if
 * nobody waits for it any more, as in TensorFlow Serving. */
export class ModelThread {
  #freeAtMs = 0;
  readonly #bookedBegins: number[] = [];

  /** Calls that have not begun. */
  get queued(): number {
    const nowMs = performance.now();
    while ((this.#bookedBegins[0] ?? Infinity) <= nowMs) this.#bookedBegins.shift();
    return this.#bookedBegins.length;
  }

  /** Books the next turn.
   * @param maxQueued calls that may wait for their turn; `null`: any number
   * @throws {GrpcStatusError} UNAVAILABLE, in TensorFlow Serving's words, when more would wait */
  book(images: number, time: ServiceTime, maxQueued: number | null): Turn {
    const nowMs = performance.now();
    const beginMs = Math.max(nowMs, this.#freeAtMs);
    if (maxQueued !== null && beginMs > nowMs && this.queued >= maxQueued) throw new GrpcStatusError(status.UNAVAILABLE, queueFullMessage(this.queued, maxQueued));
    this.#freeAtMs = beginMs + time.perCallMs + time.perImageMs * images;
    if (beginMs > nowMs) this.#bookedBegins.push(beginMs);
    return { beginMs, endMs: this.#freeAtMs };
  }
}

/** Waits until the end of a turn. Timers count whole milliseconds and may be early by one: the rest is looked at again. */
export async function turnEnds({ endMs }: Turn, signal: AbortSignal): Promise<void> {
  for (let leftMs = endMs - performance.now(); leftMs > 0; leftMs = endMs - performance.now()) await delay(Math.max(1, Math.floor(leftMs)), undefined, { signal });
}

/** What TensorFlow Serving says when its queue is full (shared_batch_scheduler.h). */
export function queueFullMessage(enqueued: number, max: number): string {
  return `The batch scheduling queue to which this task was submitted is full; currently ${String(enqueued)} batches enqueued and max_enqueued_batches is ${String(max)}`;
}
