import { describe, expect, it } from 'vitest';
import { ownFloor, scoreFloor } from '../../web/src/model/score-floor.js';
import { applyFilter, isFiltering, NO_FILTER, type ViewFilter } from '../../web/src/model/view-filter.js';

const FOUND = [
  { classId: 1, label: 'person', score: 0.9 },
  { classId: 2, label: 'bicycle', score: 0.6 },
  { classId: 1, label: 'person', score: 0.5 },
] as const;
const hiding = (...classIds: number[]): ViewFilter => ({ minScore: null, hidden: new Map(classIds.map((classId) => [classId, ''])) });

describe('a view filter', () => {
  it.each<[string, ViewFilter, readonly number[], boolean]>([
    ['lets everything through when there is none', NO_FILTER, [0.9, 0.6, 0.5], false],
    ['hides a class', hiding(1), [0.6], true],
    ['hides a class that is not there', hiding(7), [0.9, 0.6, 0.5], true],
    ['hides all classes', hiding(1, 2), [], true],
    ['keeps a score that is just enough', { minScore: 0.6, hidden: new Map() }, [0.9, 0.6], true],
    ['takes 0 for a choice', { minScore: 0, hidden: new Map() }, [0.9, 0.6, 0.5], true],
    ['does both', { minScore: 0.6, hidden: hiding(2).hidden }, [0.9], true],
  ])('%s', (_title, filter, scores, filtering) => {
    expect(applyFilter(FOUND, filter).map(({ score }) => score)).toEqual(scores);
    expect(isFiltering(filter)).toBe(filtering);
  });
});

describe('the floor of scores', () => {
  it.each<[Readonly<Record<string, number | false>>, number]>([
    [{}, 0.4],
    [{ '*': 0.3 }, 0.3],
    [{ '*': 0.5, person: 0.2 }, 0.2],
    [{ '*': 0.5, person: 0.7 }, 0.5],
    [{ '*': false, person: 0.7 }, 0.7],
    [{ '*': false }, 0],
    [{ person: 0.7 }, 0.4],
  ])('of %o is %d', (thresholds, floor) => {
    expect(scoreFloor({ thresholds })).toBe(floor);
  });

  it('is told of a class only where it is higher than that of all', () => {
    const status = { thresholds: { '*': 0.4, person: 0.6, bicycle: 0.4, car: false } as const };
    expect(['person', 'bicycle', 'car', 'dog', 'constructor'].map((label) => ownFloor(label, status))).toEqual([0.6, null, null, null, null]);
    expect(ownFloor('dog', { thresholds: { '*': 0.5, person: 0.2 } })).toBe(0.5);
  });
});
