import { LinearCost } from './linear-cost.js';
import { MedianWindow } from './median-window.js';

/** A batch on its way. */
export type SentBatch = { readonly images: number; readonly sentMs: number; readonly wasIdle: boolean };

/** From so many measurements on an estimate is relied on. */
const MIN_SAMPLES = 5;
/** Before more is known: share of a batch's time by which the next one is sent ahead of its end. */
const ASSUMED_LEAD_SHARE = 0.1;
const MIN_LEAD_MS = 1;
/** The lead grows by this factor while that still makes answers follow each other faster. */
const LEAD_GROWTH = 1.5;
/** Weight of the newest deviation, and how many of them the lead leaves room for: an answer that comes early must not find the backend without work (as TCP's timer, RFC 6298). */
const DEVIATION_SHARE = 0.1;
const DEVIATIONS = 2;

/** Measures one backend: what a batch costs it, and how long what is in flight will keep it busy.
 *
 * It is taken for a server that works on one batch after the other; one that works on several at a time looks like a faster one. All times are of the monotonic clock, ms. */
export class ServiceClock {
  readonly #inFlight = new Set<SentBatch>();
  /** From the call to the answer, of batches sent while nothing was in flight. */
  readonly #alone = new LinearCost();
  /** From answer to answer, of batches that stood behind another. */
  readonly #queued = new LinearCost();
  readonly #msPerImage = new MedianWindow(15);
  #lastDoneMs = -Infinity;
  /** How far answers are from when they are expected, mean, ms. */
  #deviationMs = 0;

  sent(images: number, nowMs: number): SentBatch {
    const batch = { images, sentMs: nowMs, wasIdle: this.#inFlight.size === 0 };
    this.#inFlight.add(batch);
    return batch;
  }

  /** The batch was answered. */
  done(batch: SentBatch, nowMs: number): void {
    this.#inFlight.delete(batch);
    const tookMs = nowMs - Math.max(batch.sentMs, this.#lastDoneMs);
    const cost = batch.wasIdle ? this.#alone : this.#queued;
    const expectedMs = cost.of(batch.images);
    if (expectedMs !== null) this.#deviationMs += DEVIATION_SHARE * (Math.abs(tookMs - expectedMs) - this.#deviationMs);
    cost.add(batch.images, tookMs);
    this.#msPerImage.add((nowMs - batch.sentMs) / batch.images);
    this.#lastDoneMs = nowMs;
  }

  /** The batch ended without an answer; nothing is learnt from it. */
  failed(batch: SentBatch, nowMs: number): void {
    this.#inFlight.delete(batch);
    this.#lastDoneMs = nowMs;
  }

  /** From the call to the answer, a call of one image's share, median of the last calls; `null` before the first. */
  get msPerImage(): number | null {
    return this.#msPerImage.median();
  }

  /** What a batch of so many images keeps it busy for; `null` before the first answer. */
  costMs(images: number): number | null {
    return (this.#queued.samples >= MIN_SAMPLES ? this.#queued.of(images) : null) ?? this.#alone.of(images) ?? this.#queued.of(images);
  }

  /** Expected time until all that is in flight is answered, >= 0 (0: idle, or overdue); `null` before the first answer. */
  busyForMs(nowMs: number): number | null {
    const leftMs = this.#leftMs(nowMs);
    return leftMs === null ? null : Math.max(0, leftMs);
  }

  /** How much later than expected the next answer is, >= 0. */
  overdueMs(nowMs: number): number {
    return Math.max(0, -(this.#leftMs(nowMs) ?? 0));
  }

  /** How much ahead of the end of one batch the next is to be sent: what it takes to get there, seen from how much sooner answers follow each other than calls are answered alone.
   * To a backend that works on several batches at a time answers come sooner the sooner they are sent, so that the lead grows until as many are in flight as it works on. */
  get leadMs(): number {
    const images = this.#queued.samples > 0 ? this.#queued.meanImages : this.#alone.meanImages;
    const aloneMs = this.#alone.of(images) ?? 0;
    const queuedMs = this.#queued.of(images);
    const spareMs = MIN_LEAD_MS + DEVIATIONS * this.#deviationMs;
    if (queuedMs === null || this.#queued.samples < MIN_SAMPLES || this.#alone.samples === 0) return spareMs + ASSUMED_LEAD_SHARE * aloneMs;
    return Math.min(Math.max(aloneMs, queuedMs), spareMs + LEAD_GROWTH * Math.max(0, aloneMs - queuedMs));
  }

  /** Negative: overdue. */
  #leftMs(nowMs: number): number | null {
    let costMs = 0;
    let firstSentMs = Infinity;
    for (const { images, sentMs } of this.#inFlight) {
      const cost = this.costMs(images);
      if (cost === null) return null;
      costMs += cost;
      firstSentMs = Math.min(firstSentMs, sentMs);
    }
    return this.#inFlight.size === 0 ? 0 : costMs - (nowMs - Math.max(firstSentMs, this.#lastDoneMs));
  }
}
