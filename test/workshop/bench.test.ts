import { describe, expect, test } from 'vitest';
import type { Benchmark, FigureGoal, Goal, RatioGoal, Sample } from '../../bench/harness/benchmark.js';
import { formatResult } from '../../bench/harness/report.js';
import { judgeGoal, median, percentile, runBenchmark } from '../../bench/harness/run-benchmark.js';

const context = { quick: true, cacheFolder: '/nowhere', log: () => undefined };
const goal = (changes: Partial<RatioGoal> = {}): RatioGoal => ({ metric: 'cpuMsPerItem', ours: 'a', peer: 'b', direction: 'at-most', base: 1.3, moonshot: 1.05, failsBeyond: 2, ...changes });
const sample = (cpuMs: number): Sample => ({ items: 10, wallMs: 100, cpuMs });

describe('runBenchmark()', () => {
  function scripted(run: (name: string) => Promise<Sample>, goals: readonly Goal[] = [goal()]): { benchmark: Benchmark; closed: () => number } {
    let closed = 0;
    const contenders = ['a', 'b'].map((name) => ({ name, run: () => run(name) }));
    return {
      benchmark: { id: 'B0', name: 'scripted', what: 'nothing', prepare: () => Promise.resolve({ contenders, goals, close: async () => void closed++ }) },
      closed: () => closed,
    };
  }

  test('warms each contender up once, then lets them take turns in going first', async () => {
    const order: string[] = [];
    const { benchmark, closed } = scripted((name) => {
      order.push(name);
      return Promise.resolve(sample(1));
    });
    await runBenchmark(benchmark, context, 3);
    expect(order.join('')).toBe('ab' + 'abbaab');
    expect(closed()).toBe(1);
  });

  test("judges by the median of the rounds' ratios, in which the warm-up has no part", async () => {
    const cpuMs = { a: [999, 20, 30, 400], b: [1, 20, 20, 20] };
    const { benchmark } = scripted((name) => Promise.resolve(sample(cpuMs[name as 'a' | 'b'].shift() ?? 0)));
    const result = await runBenchmark(benchmark, context, 3);
    expect(result.goals).toMatchObject([{ ratio: 1.5, verdict: 'missed' }]);
    expect(result.contenders).toEqual([
      { name: 'a', itemsPerSecond: 100, cpuMsPerItem: 3 },
      { name: 'b', itemsPerSecond: 100, cpuMsPerItem: 2 },
    ]);
    expect(formatResult(result)).toContain('cpuMsPerItem of a ÷ b: 1.50 (goal ≤ 1.3, moonshot ≤ 1.05, fails beyond 2): goal missed');
  });

  test('judges and prints figures as they are', async () => {
    const lost = [99, 3, 1, 2];
    const goals: FigureGoal[] = [{ figure: 'lost', ours: 'a', direction: 'at-most', base: 3, moonshot: 2, failsBeyond: 9 }];
    const { benchmark } = scripted((name) => Promise.resolve(name === 'a' ? { ...sample(1), figures: { lost: lost.shift() ?? 0, gapMs: 40.126 } } : sample(1)), goals);
    const result = await runBenchmark(benchmark, context, 3);
    expect(result.goals).toMatchObject([{ ratio: 2, verdict: 'moonshot' }]);
    expect(result.contenders[0]).toMatchObject({ figures: { lost: 2, gapMs: 40.126 } });
    expect(formatResult(result)).toMatch(/^ {2}a {2}.* lost 2, gapMs 40.13$/m);
    expect(formatResult(result)).toContain('lost of a: 2.00 (goal ≤ 3, moonshot ≤ 2, fails beyond 9): moonshot reached');
  });

  test('closes what it opened when a contender fails', async () => {
    const { benchmark, closed } = scripted(() => Promise.reject(new Error('no ffmpeg')));
    await expect(runBenchmark(benchmark, context, 1)).rejects.toThrow('no ffmpeg');
    expect(closed()).toBe(1);
  });

  test('refuses a goal about a contender that does not run', async () => {
    const { benchmark } = scripted(() => Promise.resolve(sample(1)), [goal({ peer: 'c' })]);
    await expect(runBenchmark(benchmark, context, 1)).rejects.toThrow('got `c`');
  });
});

describe('judgeGoal()', () => {
  test.each([
    { direction: 'at-most', ours: 10.5, verdict: 'moonshot' },
    { direction: 'at-most', ours: 13, verdict: 'met' },
    { direction: 'at-most', ours: 20, verdict: 'missed' },
    { direction: 'at-most', ours: 20.1, verdict: 'failed' },
    { direction: 'at-least', ours: 10.5, verdict: 'missed' },
    { direction: 'at-least', ours: 1, verdict: 'failed' },
  ] as const)('of $direction calls $ours to 10 $verdict', ({ direction, ours, verdict }) => {
    const bounds = direction === 'at-most' ? {} : { base: 1.3, moonshot: 2, failsBeyond: 0.9 };
    expect(judgeGoal(goal({ direction, ...bounds }), [sample(ours)], [sample(10)]).verdict).toBe(verdict);
  });

  test('compares speeds by items a second', () => {
    const slow = { items: 10, wallMs: 400, cpuMs: 0 };
    const fast = { items: 10, wallMs: 100, cpuMs: 0 };
    expect(judgeGoal(goal({ metric: 'itemsPerSecond', direction: 'at-least', base: 0.8, moonshot: 0.95, failsBeyond: 0.2 }), [slow], [fast])).toMatchObject({ ratio: 0.25, verdict: 'missed' });
  });

  test('compares how long things take by their percentiles', () => {
    const slow = { ...sample(1), latenciesMs: [30, 10, 20] };
    const fast = { ...sample(1), latenciesMs: [10, 10, 15] };
    expect(judgeGoal(goal({ metric: 'p99Ms' }), [slow], [fast])).toMatchObject({ ratio: 2, verdict: 'missed' });
    expect(judgeGoal(goal({ metric: 'p50Ms' }), [slow], [fast])).toMatchObject({ ratio: 2 });
  });

  test('refuses to judge without samples, and without the figure', () => {
    expect(() => judgeGoal(goal(), [], [])).toThrow(RangeError);
    expect(() => judgeGoal({ figure: 'lost', ours: 'a', direction: 'at-most', base: 1, moonshot: 1, failsBeyond: 1 }, [{ ...sample(1), figures: { found: 1 } }], [])).toThrow(/figure `lost`/);
  });
});

test.each([
  { values: [], percent: 99, expected: Number.NaN },
  { values: [7], percent: 1, expected: 7 },
  { values: [3, 1, 2], percent: 50, expected: 2 },
  { values: Array.from({ length: 200 }, (_, index) => index + 1), percent: 99, expected: 198 },
])('percentile $percent of $values is $expected', ({ values, percent, expected }) => {
  expect(percentile(values, percent)).toBe(expected);
});

test.each([
  { values: [], expected: Number.NaN },
  { values: [3], expected: 3 },
  { values: [3, 1], expected: 2 },
  { values: [9, 1, 2], expected: 2 },
])('median of $values is $expected', ({ values, expected }) => {
  expect(median(values)).toBe(expected);
});
