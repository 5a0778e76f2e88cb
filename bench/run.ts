import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Benchmark } from './harness/benchmark.js';
import { describeMachine, formatResult } from './harness/report.js';
import { runBenchmark, type BenchmarkResult } from './harness/run-benchmark.js';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const ROUNDS = { quick: 3, full: 7 } as const;

/** Runs the suite and prints and writes down what it found.
 * @param args `[--quick] [NAME…]`; a name is (part of) a file's name, `b4` or `annotate`
 * @param loadModule loads one of the suite's TypeScript files
 * @returns exit code: 0, 1 when a ratio failed, 2 for wrong usage */
export async function runSuite(args: readonly string[], loadModule: (path: string) => Promise<{ benchmark: Benchmark }>): Promise<number> {
  const quick = args.includes('--quick');
  const names = args.filter((arg) => arg !== '--quick');
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.bench.ts')).sort();
  const chosen = names.length === 0 ? files : files.filter((file) => names.some((name) => file.includes(name.toLowerCase())));
  if (chosen.length === 0) {
    process.stderr.write(`no benchmark called ${names.join(', ')}: there are ${files.map((file) => file.replace('.bench.ts', '')).join(', ')}\n`);
    return 2;
  }
  const context = { quick, cacheFolder: join(FOLDER, '..', '.cache', 'bench'), log: (line: string) => process.stderr.write(`${line}\n`) };
  mkdirSync(context.cacheFolder, { recursive: true });
  const machine = describeMachine();
  process.stdout.write(`${machine.cpu}, ${String(machine.cores)} cores, Node ${machine.node}, ${new Date().toISOString()}${quick ? ', quick' : ''}\n`);
  const results: BenchmarkResult[] = [];
  for (const file of chosen) {
    const { benchmark } = await loadModule(join(FOLDER, file));
    const result = await runBenchmark(benchmark, context, quick ? (benchmark.quickRounds ?? ROUNDS.quick) : ROUNDS.full);
    process.stdout.write(`${formatResult(result)}\n`);
    results.push(result);
  }
  writeResults({ machine, date: new Date().toISOString(), quick, results });
  return results.some(({ goals }) => goals.some(({ verdict }) => verdict === 'failed')) ? 1 : 0;
}

function writeResults(report: { readonly date: string; readonly [key: string]: unknown }): void {
  const folder = join(FOLDER, 'results');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${report.date.replaceAll(/[:.]/g, '-')}.json`), `${JSON.stringify(report, null, 2)}\n`);
}
