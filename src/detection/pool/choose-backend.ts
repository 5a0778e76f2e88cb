/** What the choice is made by. */
export type Candidate = {
  readonly hasRoom: boolean;
  readonly inFlight: number;
  /** Monotonic, ms. */
  readonly lastSentMs: number;
  /** Expected time until a batch of so many images, sent now, is answered, ms; `null` where nothing was measured yet. */
  finishMs(images: number): number | null;
};

/** A backend that was passed over for so long gets a batch: it may have become faster. */
const FORGOTTEN_MS = 2_000;

/** Chooses where the next batch goes: to the backend that is expected to answer it soonest, among equals to the one with the least in flight, then to the one that has waited longest.
 * @returns `null` while none has room, or while it is sooner answered by one that is still full */
export function chooseBackend<T extends Candidate>(candidates: readonly T[], images: number, nowMs: number): T | null {
  const forgotten = candidates.find(({ hasRoom, inFlight, lastSentMs }) => hasRoom && inFlight === 0 && nowMs - lastSentMs > FORGOTTEN_MS);
  if (forgotten !== undefined) return forgotten;
  const [best] = rankBackends(candidates, images);
  return best?.hasRoom === true ? best : null;
}

/** Expectations this much apart, and a ms, are the same: it is noise, and servers of one kind are to share the work. */
const SAME = 1.25;

/** Candidates, the one that is expected to answer soonest first; those that nothing is known of count as the fastest of the others. */
export function rankBackends<T extends Candidate>(candidates: readonly T[], images: number): T[] {
  const known = candidates.map((candidate) => candidate.finishMs(images));
  const assumedMs = Math.min(...known.filter((finishMs) => finishMs !== null), Infinity);
  const ranked = candidates.map((candidate, index) => ({ candidate, finishMs: known[index] ?? (candidate.inFlight === 0 ? 0 : Number.isFinite(assumedMs) ? assumedMs * (candidate.inFlight + 1) : 0) }));
  const sameMs = Math.min(...ranked.map(({ finishMs }) => finishMs)) * SAME + 1;
  const rank = (finishMs: number): number => (finishMs <= sameMs ? 0 : finishMs);
  ranked.sort((a, b) => rank(a.finishMs) - rank(b.finishMs) || Number(b.candidate.hasRoom) - Number(a.candidate.hasRoom) || a.candidate.inFlight - b.candidate.inFlight || a.candidate.lastSentMs - b.candidate.lastSentMs);
  return ranked.map(({ candidate }) => candidate);
}
