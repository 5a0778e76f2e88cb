import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FrameSearch, type SearchGoal } from '../../../src/sources/replay/frame-search.js';

/** Plays runs on a list of times until the goal is found; each begins as many frames before the goal as `lead` says, four times as many after each try in vain.
 * @returns index of the frame that is taken, `null` where there is none */
function search(times: readonly number[], goal: SearchGoal, lead: number): number | null {
  let current = goal;
  let factor = lead;
  for (let run = 0; run < 50; run += 1) {
    const from = current.kind === 'start' ? 0 : Math.max(0, times.filter((time) => time <= (current as { ptsMs: number }).ptsMs).length - factor);
    const found = new FrameSearch(current, { fromStart: from === 0, distrust: 0 });
    let at = from;
    let next: 'earlier' | SearchGoal | null;
    for (;;) {
      if (at >= times.length) {
        next = found.atEnd();
        if (next === null) return null;
        break;
      }
      // What waits is one frame at first, then two.
      const alone = found.next(times.slice(at, at + 1), at === times.length - 1);
      const step = alone === 'wait' ? found.next(times.slice(at, at + 2), at >= times.length - 2) : alone;
      if (step === 'take') return at;
      if (step === 'skip') {
        at += 1;
        continue;
      }
      if (step === 'wait') throw new Error('waits with two frames in hand');
      next = step;
      break;
    }
    if (next === 'earlier') {
      factor *= 4;
    } else {
      current = next;
      factor = lead;
    }
  }
  throw new Error('does not end');
}

const times = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 60 }).map((gaps) => gaps.reduce<number[]>((all, gap) => [...all, (all.at(-1) ?? 1000) + gap], []));

describe('FrameSearch', () => {
  it('finds the last frame at or before a time, wherever the run began', () => {
    fc.assert(fc.property(times, fc.integer({ min: 0, max: 30_000 }), fc.integer({ min: 1, max: 5 }), (list, ptsMs, lead) => {
      const last = list.findLastIndex((time) => time <= ptsMs);
      expect(search(list, { kind: 'at', ptsMs }, lead)).toBe(Math.max(0, last));
    }));
  });

  it('steps back and forth by frames, to the ends and no further', () => {
    fc.assert(fc.property(times, fc.nat(), fc.integer({ min: 1, max: 80 }), fc.integer({ min: 1, max: 5 }), (list, pick, frames, lead) => {
      const from = pick % list.length;
      const ptsMs = list[from] ?? 0;
      expect(search(list, { kind: 'before', ptsMs, frames }, lead)).toBe(Math.max(0, from - frames));
      expect(search(list, { kind: 'after', ptsMs, frames }, lead)).toBe(from === list.length - 1 ? null : Math.min(list.length - 1, from + frames));
    }));
  });
});
