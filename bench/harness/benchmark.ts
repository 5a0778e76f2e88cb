/** What one run of one contender did. */
export type Sample = {
  /** Frames, calls, messages: what the benchmark counts. */
  readonly items: number;
  readonly wallMs: number;
  /** User and system time of this process; programs that it started are not in it. */
  readonly cpuMs: number;
  /** How long each item took, or how old it was, ms; only where the benchmark is about that. */
  readonly latenciesMs?: readonly number[];
  /** What else the benchmark counts, by name; the same names in every sample of a contender. */
  readonly figures?: Readonly<Record<string, number>>;
};

/** Figures that goals are about, derived from a {@link Sample}; the last two from its latencies. */
export type Metric = 'itemsPerSecond' | 'cpuMsPerItem' | 'p50Ms' | 'p99Ms';

/** One way to do the work: ours, a peer's, or the limit that the machine sets. */
export type Contender = { readonly name: string; readonly run: () => Promise<Sample> };

/** A ratio `metric(ours) ÷ metric(peer)` taken in the same run, or a figure that does not depend on the machine: the only things that a benchmark can fail on. */
export type Goal = RatioGoal | FigureGoal;

export type RatioGoal = Bounds & {
  readonly metric: Metric;
  readonly ours: string;
  readonly peer: string;
};

export type FigureGoal = Bounds & {
  /** Name of one of the sample's `figures`; it is judged as it is. */
  readonly figure: string;
  readonly ours: string;
};

type Bounds = {
  /** Whether the ratio or figure is to be at least or at most the numbers below. */
  readonly direction: 'at-least' | 'at-most';
  /** What the design asks for. */
  readonly base: number;
  readonly moonshot: number;
  /** Beyond this the run fails: what the present version must not lose again. */
  readonly failsBeyond: number;
};

export type BenchmarkContext = {
  /** Less input, for a run of seconds. */
  readonly quick: boolean;
  /** Folder for inputs made by script; it stays between runs. */
  readonly cacheFolder: string;
  readonly log: (line: string) => void;
};

export type PreparedBenchmark = {
  readonly contenders: readonly Contender[];
  readonly goals: readonly Goal[];
  readonly close: () => Promise<void>;
};

/** One workload, one file: `bench/<id>-<name>.bench.ts` exports it as `benchmark`. */
export type Benchmark = {
  readonly id: `B${number}`;
  readonly name: string;
  /** One sentence: what is done, on what input. */
  readonly what: string;
  /** Rounds of a quick run where they take long; default 3. */
  readonly quickRounds?: number;
  /** Makes the inputs and opens what the contenders need. */
  readonly prepare: (context: BenchmarkContext) => Promise<PreparedBenchmark>;
};

/** Runs `work` and takes its time.
 * @param work gives the number of items it did */
export async function measure(work: () => Promise<number>): Promise<Sample> {
  const startedCpu = process.cpuUsage();
  const startedMs = performance.now();
  const items = await work();
  const wallMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(startedCpu);
  return { items, wallMs, cpuMs: (user + system) / 1000 };
}
