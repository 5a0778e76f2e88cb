/** Which frame a run of a replay is to hand out first. Times are presentation times of the source, ms. */
export type SearchGoal =
  /** The first one. */
  | { readonly kind: 'start' }
  /** The last one at or before a time; where there is none, the first of all. */
  | { readonly kind: 'at'; readonly ptsMs: number }
  /** The one this many (>= 1) after the frame at a time; beyond the end: the last one, unless that is the frame itself. */
  | { readonly kind: 'after'; readonly ptsMs: number; readonly frames: number }
  /** The one this many (>= 1) before the frame at a time; beyond the start: the first. */
  | { readonly kind: 'before'; readonly ptsMs: number; readonly frames: number };

/** What is to be done with the frame that comes next: `take` it (the search is over), `skip` it, `wait` for the one behind it; or run again, from `earlier` on or
 * with another goal. */
export type SearchStep = 'take' | 'skip' | 'wait' | 'earlier' | SearchGoal;

/** Two times that differ by less are the same: they went through other units. */
const EPSILON_MS = 0.01;
/** Frames before a {@link SearchGoal} of kind `before` that are remembered. */
const MAX_REMEMBERED = 20_000;

/** Finds, in the frames of one run that began somewhere before it, the frame that a goal names. Knows nothing of key frames or of how well a container seeks: it sees
 * whether the run began early enough. */
export class FrameSearch {
  readonly goal: SearchGoal;
  readonly #fromStart: boolean;
  #distrust: number;
  #sawBefore = false;
  #passed = 0;
  readonly #before: number[] = [];

  /** @param fromStart whether the run began with the file's first frame
   * @param distrust how many frames at the beginning of a run that began elsewhere may be ones that a run from the start would not have given */
  constructor(goal: SearchGoal, { fromStart, distrust }: { readonly fromStart: boolean; readonly distrust: number }) {
    this.goal = goal;
    this.#fromStart = fromStart;
    this.#distrust = fromStart ? 0 : distrust;
  }

  /** @param times of the frames that wait, oldest first, at least one
   * @param ended whether no others follow them */
  next(times: readonly number[], ended: boolean): SearchStep {
    const [ptsMs = 0, following] = times;
    if (this.#distrust > 0) {
      this.#distrust -= 1;
      return 'skip';
    }
    switch (this.goal.kind) {
      case 'start':
        return 'take';
      case 'at':
        return this.#nextAt(this.goal.ptsMs, ptsMs, following, ended);
      case 'after':
        return this.#nextAfter(this.goal, ptsMs, following, ended);
      case 'before':
        return this.#nextBefore(this.goal, ptsMs);
    }
  }

  /** What to do when the run ends before anything was taken; `null`: there is no such frame. */
  atEnd(): 'earlier' | SearchGoal | null {
    if (this.goal.kind === 'before' && this.#sawBefore) return this.#resolveBefore(this.goal.frames) ?? 'earlier';
    return this.#fromStart || (this.goal.kind === 'after' && this.#sawBefore) ? null : 'earlier';
  }

  #nextAt(goalMs: number, ptsMs: number, following: number | undefined, ended: boolean): SearchStep {
    if (isAfter(ptsMs, goalMs)) return this.#fromStart ? 'take' : 'earlier';
    if (following === undefined) return ended ? 'take' : 'wait';
    return isAfter(following, goalMs) ? 'take' : 'skip';
  }

  #nextAfter({ ptsMs: fromMs, frames }: { readonly ptsMs: number; readonly frames: number }, ptsMs: number, following: number | undefined, ended: boolean): SearchStep {
    if (!isAfter(ptsMs, fromMs) && this.#passed === 0) {
      this.#sawBefore = true;
      return 'skip';
    }
    if (!this.#sawBefore && !this.#fromStart) return 'earlier';
    this.#passed += 1;
    if (this.#passed >= frames) return 'take';
    if (following !== undefined) return 'skip';
    if (ended) return 'take';
    this.#passed -= 1;
    return 'wait';
  }

  #nextBefore({ ptsMs: fromMs, frames }: { readonly ptsMs: number; readonly frames: number }, ptsMs: number): SearchStep {
    if (ptsMs < fromMs - EPSILON_MS) {
      this.#sawBefore = true;
      this.#before.push(ptsMs);
      if (this.#before.length > MAX_REMEMBERED) this.#before.shift();
      return 'skip';
    }
    return this.#resolveBefore(frames) ?? 'earlier';
  }

  #resolveBefore(frames: number): SearchGoal | null {
    const ptsMs = this.#before.at(-frames);
    if (ptsMs !== undefined) return { kind: 'at', ptsMs };
    return this.#fromStart ? { kind: 'start' } : null;
  }
}

function isAfter(ptsMs: number, otherMs: number): boolean {
  return ptsMs > otherMs + EPSILON_MS;
}
