import type { DropReason, FailReason, FrameCounters } from '../core/stream-status.js';
import type { FrameOutcome, Metrics } from '../telemetry/metrics.js';

/** Stands in the metrics for all streams that were removed; no id looks like it. */
const GONE = '(removed)';

type Series = { readonly outcome: FrameOutcome; readonly reason: string; readonly count: number };

/** Keeps the books of one stream's frames: each decoded frame ends exactly once, as shown, dropped or failed.
 * @throws {RangeError} from every method when a frame would begin or end twice: a defect of the pipeline, never of the world */
export class FrameLedger {
  readonly #streamId: string;
  readonly #metrics: Pick<Metrics, 'frames'>;
  readonly #inFlight = new Set<number>();
  readonly #dropped: Partial<Record<DropReason, number>> = {};
  readonly #failed: Partial<Record<FailReason, number>> = {};
  #decoded = 0;
  #shown = 0;
  #viewerSkipped = 0;
  /** What this stream has in the metrics, keyed by outcome and reason. */
  readonly #series = new Map<string, Series>();
  #isGone = false;

  constructor(streamId: string, metrics: Pick<Metrics, 'frames'>) {
    this.#streamId = streamId;
    this.#metrics = metrics;
  }

  decoded(seq: number): void {
    if (this.#inFlight.has(seq)) throw new RangeError(`Frame ${String(seq)} of ${this.#streamId} was decoded twice`);
    this.#inFlight.add(seq);
    this.#decoded += 1;
    this.#count('decoded');
  }

  shown(seq: number): void {
    this.#end(seq);
    this.#shown += 1;
    this.#count('shown');
  }

  dropped(seq: number, reason: DropReason): void {
    this.#end(seq);
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
    this.#count('dropped', reason);
  }

  failed(seq: number, reason: FailReason): void {
    this.#end(seq);
    this.#failed[reason] = (this.#failed[reason] ?? 0) + 1;
    this.#count('failed', reason);
  }

  /** Frames that a viewer was too slow for; they are in `shown` as well. */
  viewerSkipped(count: number): void {
    this.#viewerSkipped += count;
    this.#count('viewer_skipped', '', count);
  }

  counters(): FrameCounters {
    return {
      decoded: this.#decoded,
      shown: this.#shown,
      inFlight: this.#inFlight.size,
      viewerSkipped: this.#viewerSkipped,
      dropped: { ...this.#dropped },
      failed: { ...this.#failed },
    };
  }

  #end(seq: number): void {
    if (!this.#inFlight.delete(seq)) throw new RangeError(`Frame ${String(seq)} of ${this.#streamId} ended twice or was never decoded`);
  }

  /** Takes the stream out of the metrics, for good: streams come and go, and each would leave its series behind. What it has counted, and what still ends, is counted for
   * all that are gone together, so that no sum over streams ever falls. Idempotent. */
  withdraw(): void {
    this.#isGone = true;
    for (const { outcome, reason, count } of this.#series.values()) {
      this.#metrics.frames.remove({ stream: this.#streamId, outcome, reason });
      this.#count(outcome, reason, count);
    }
    this.#series.clear();
  }

  #count(outcome: FrameOutcome, reason = '', count = 1): void {
    this.#metrics.frames.inc({ stream: this.#isGone ? GONE : this.#streamId, outcome, reason }, count);
    if (this.#isGone) return;
    const key = `${outcome} ${reason}`;
    this.#series.set(key, { outcome, reason, count: (this.#series.get(key)?.count ?? 0) + count });
  }
}
