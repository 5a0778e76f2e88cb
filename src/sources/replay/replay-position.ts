import { rationalValue } from '../../ffmpeg/rational.js';
import { FrameSearch, type SearchGoal } from './frame-search.js';
import type { SourceInfo } from '../opening/probe-source.js';
import type { SeekTarget } from '../video-source-contract.js';

/** A run that looks for a frame begins this much before it at least, and four times as much with each try in vain. */
const SEARCH_LEAD_MS = 250;
const LEAD_GROWTH = 4;
const LEAD_INTERVALS = 4;

/** What a run is to begin with, and where it must begin to find it. */
export type ReplayStart = { readonly search: FrameSearch; readonly seekMs: number | null; readonly continued: boolean };

/** Where a replay is to go on. */
export class ReplayPosition {
  #goal: SearchGoal = { kind: 'start' };
  /** A position that was asked for before the first frame was known. */
  #earlyMs: number | null = null;
  #leadFactor = 1;
  #firstPtsMs: number | null = null;

  /** Presentation time of the first frame of all, ms; `null` before it came. */
  get firstPtsMs(): number | null {
    return this.#firstPtsMs;
  }

  /** Goes elsewhere.
   * @param durationMs of the source, as far as known
   * @returns `false`: it does so once the first frame is known */
  goTo(target: SeekTarget, durationMs: number | null): boolean {
    if ('positionMs' in target && this.#firstPtsMs === null) {
      this.#earlyMs = target.positionMs;
      return false;
    }
    this.#setGoal(goalOf(target, this.#firstPtsMs ?? 0, durationMs));
    return true;
  }

  /** Tells the first frame of all, before it is handed out.
   * @returns whether a place was asked for before, and it goes there instead */
  takeFirst(ptsMs: number, durationMs: number | null): boolean {
    if (this.#firstPtsMs !== null) return false;
    this.#firstPtsMs = ptsMs;
    if (this.#earlyMs === null) return false;
    this.goTo({ positionMs: this.#earlyMs }, durationMs);
    this.#earlyMs = null;
    return true;
  }

  /** Tells that a frame was handed out: whatever interrupts the run, the next goes on behind it. */
  passed(ptsMs: number): void {
    this.#setGoal({ kind: 'after', ptsMs, frames: 1 });
  }

  /** Tells that the file was read to its end and begins anew. */
  loop(): void {
    this.#setGoal({ kind: 'start' });
  }

  /** Tells what a {@link FrameSearch} found instead of its frame. */
  lookElsewhere(found: 'earlier' | SearchGoal): void {
    if (found === 'earlier') this.#leadFactor *= LEAD_GROWTH;
    else this.#setGoal(found);
  }

  /** Where the next run begins.
   * @param fps at most; `null`: every frame */
  start(info: SourceInfo, fps: number | null): ReplayStart {
    const seekMs = this.#seekMs(info, fps);
    // After a seek, the grid of `fps` cannot tell whether the first frame lies on it.
    const search = new FrameSearch(this.#goal, { fromStart: seekMs === null, distrust: fps === null ? 0 : 1 });
    return { search, seekMs, continued: this.#goal.kind !== 'start' };
  }

  #setGoal(goal: SearchGoal): void {
    this.#goal = goal;
    this.#leadFactor = 1;
  }

  /** ms after the source's start; `null`: at its start. */
  #seekMs(info: SourceInfo, fps: number | null): number | null {
    const goal = this.#goal;
    if (goal.kind === 'start') return null;
    const rate = info.declaredFps === null ? 25 : Math.max(0.1, rationalValue(info.declaredFps));
    const intervalMs = 1000 / Math.min(rate, fps ?? Infinity);
    const leadMs = Math.max(SEARCH_LEAD_MS, LEAD_INTERVALS * intervalMs) * this.#leadFactor + (goal.kind === 'before' ? goal.frames * intervalMs : 0);
    const seekMs = goal.ptsMs - (info.startPtsMs ?? this.#firstPtsMs ?? 0) - leadMs;
    return seekMs > 0 ? seekMs : null;
  }
}

function goalOf(target: SeekTarget, firstMs: number, durationMs: number | null): SearchGoal {
  if ('positionMs' in target) return { kind: 'at', ptsMs: firstMs + Math.min(target.positionMs, durationMs ?? Infinity) };
  const { fromPtsMs: ptsMs, frames } = target;
  return frames > 0 ? { kind: 'after', ptsMs, frames } : { kind: 'before', ptsMs, frames: -frames };
}
