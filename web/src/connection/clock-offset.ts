const SAMPLES_KEPT = 8;

type Sample = { readonly offsetMs: number; readonly roundTripMs: number };

/** Difference between the server's clock and the page's own, from the quickest of the last round trips:
 * the less time an answer took, the less its halves can have differed. */
export class ClockOffset {
  #samples: Sample[] = [];

  /** Starts again from a server time that came unasked, so without a known round trip. */
  reset(localMs: number, serverNowMs: number): void {
    this.#samples = [{ offsetMs: serverNowMs - localMs, roundTripMs: Number.POSITIVE_INFINITY }];
  }

  /** Takes in one round trip; times of the page are on the page's clock, ms. */
  add(sentMs: number, receivedMs: number, serverNowMs: number): void {
    const roundTripMs = receivedMs - sentMs;
    if (!(roundTripMs >= 0)) return;
    this.#samples.push({ offsetMs: serverNowMs - (sentMs + receivedMs) / 2, roundTripMs });
    if (this.#samples.length > SAMPLES_KEPT) this.#samples.shift();
  }

  /** A time on the page's clock as the server's epoch ms; `null` before the first sample. */
  toServerMs(localMs: number): number | null {
    let best = this.#samples[0];
    if (best === undefined) return null;
    for (const sample of this.#samples) if (sample.roundTripMs <= best.roundTripMs) best = sample;
    return localMs + best.offsetMs;
  }
}
