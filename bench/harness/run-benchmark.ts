import type { Benchmark, BenchmarkContext, Contender, Goal, Metric, RatioGoal, Sample } from './benchmark.js';

export type ContenderResult = { readonly name: string; readonly itemsPerSecond: number; readonly cpuMsPerItem: number; readonly latencyMs?: { readonly p50: number; readonly p99: number }; readonly figures?: Readonly<Record<string, number>> };

/** `ratio`: of a figure's goal the figure itself. */
export type GoalResult = Goal & { readonly ratio: number; readonly verdict: 'moonshot' | 'met' | 'missed' | 'failed' };

export type BenchmarkResult = {
  readonly id: string;
  readonly name: string;
  readonly what: string;
  readonly rounds: number;
  /** Medians over the rounds. */
  readonly contenders: readonly ContenderResult[];
  readonly goals: readonly GoalResult[];
  readonly tookMs: number;
};

/** Runs a benchmark's contenders in turn, `rounds` times, after one run each that does not count.
 *
 * Contenders alternate (A B, then B A, …), so that a machine that gets slower or faster meanwhile does so for all; a ratio is
 * the median of the rounds' own ratios for the same reason. */
export async function runBenchmark(benchmark: Benchmark, context: BenchmarkContext, rounds: number): Promise<BenchmarkResult> {
  const startedMs = performance.now();
  const { contenders, goals, close } = await benchmark.prepare(context);
  try {
    const samples = new Map<string, Sample[]>(contenders.map(({ name }) => [name, []]));
    for (const contender of contenders) await contender.run();
    for (let round = 0; round < rounds; round++) {
      for (const contender of inTurn(contenders, round)) samples.get(contender.name)?.push(await contender.run());
    }
    return {
      id: benchmark.id,
      name: benchmark.name,
      what: benchmark.what,
      rounds,
      contenders: contenders.map(({ name }) => summarise(name, samples.get(name) ?? [])),
      goals: goals.map((goal) => judgeGoal(goal, samplesOf(samples, goal.ours), samplesOf(samples, 'figure' in goal ? goal.ours : goal.peer))),
      tookMs: performance.now() - startedMs,
    };
  } finally {
    await close();
  }
}

/** Judges a goal by the median of the rounds' ratios, or of their figures.
 * @param ours,peer one sample a round, in the same order, at least one; a figure has no peer
 * @throws {RangeError} when there are none, or not as many of each, or no such figure */
export function judgeGoal(goal: Goal, ours: readonly Sample[], peer: readonly Sample[]): GoalResult {
  const ratio = 'figure' in goal ? medianFigure(goal.figure, ours) : medianRatio(goal, ours, peer);
  const reaches = (bound: number): boolean => (goal.direction === 'at-least' ? ratio >= bound : ratio <= bound);
  const verdict = reaches(goal.moonshot) ? 'moonshot' : reaches(goal.base) ? 'met' : reaches(goal.failsBeyond) ? 'missed' : 'failed';
  return { ...goal, ratio, verdict };
}

function medianRatio({ metric, ours: name, peer: peerName }: RatioGoal, ours: readonly Sample[], peer: readonly Sample[]): number {
  if (ours.length === 0 || ours.length !== peer.length) throw new RangeError(`Expected as many samples of \`${name}\` as of \`${peerName}\`, got ${String(ours.length)} and ${String(peer.length)}`);
  return median(ours.map((sample, round) => valueOf(metric, sample) / valueOf(metric, peer[round] ?? sample)));
}

function medianFigure(figure: string, samples: readonly Sample[]): number {
  const values = samples.flatMap(({ figures }) => figures?.[figure] ?? []);
  if (values.length === 0 || values.length !== samples.length) throw new RangeError(`Expected every sample to have the figure \`${figure}\``);
  return median(values);
}

/** Middle of the values, or the mean of the two in the middle; NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
  return (lower + upper) / 2;
}

/** The value that so many per cent of the others do not exceed (nearest rank); NaN for none. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}

function inTurn(contenders: readonly Contender[], round: number): readonly Contender[] {
  return round % 2 === 0 ? contenders : contenders.toReversed();
}

function summarise(name: string, samples: readonly Sample[]): ContenderResult {
  const medianOf = (metric: Metric): number => median(samples.map((sample) => valueOf(metric, sample)));
  const figureNames = Object.keys(samples[0]?.figures ?? {});
  return {
    name,
    itemsPerSecond: medianOf('itemsPerSecond'),
    cpuMsPerItem: medianOf('cpuMsPerItem'),
    ...(samples.some(({ latenciesMs }) => latenciesMs !== undefined) ? { latencyMs: { p50: medianOf('p50Ms'), p99: medianOf('p99Ms') } } : {}),
    ...(figureNames.length > 0 ? { figures: Object.fromEntries(figureNames.map((figure) => [figure, medianFigure(figure, samples)])) } : {}),
  };
}

function samplesOf(samples: ReadonlyMap<string, readonly Sample[]>, name: string): readonly Sample[] {
  const found = samples.get(name);
  if (found === undefined) throw new RangeError(`Expected a goal to name a contender, got \`${name}\``);
  return found;
}

function valueOf(metric: Metric, { items, wallMs, cpuMs, latenciesMs = [] }: Sample): number {
  switch (metric) {
    case 'itemsPerSecond':
      return (items * 1000) / wallMs;
    case 'cpuMsPerItem':
      return cpuMs / items;
    case 'p50Ms':
      return percentile(latenciesMs, 50);
    case 'p99Ms':
      return percentile(latenciesMs, 99);
  }
}
