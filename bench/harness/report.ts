import { cpus, totalmem } from 'node:os';
import type { BenchmarkResult, GoalResult } from './run-benchmark.js';

export type Machine = { readonly cpu: string; readonly cores: number; readonly memoryGib: number; readonly node: string };

/** The machine that this runs on, as results name it. */
export function describeMachine(): Machine {
  const processors = cpus();
  return { cpu: processors[0]?.model.trim() ?? 'unknown', cores: processors.length, memoryGib: Math.round(totalmem() / 2 ** 30), node: process.versions.node };
}

/** A result for people: medians of every contender, then each goal with its ratio. */
export function formatResult(result: BenchmarkResult): string {
  const width = Math.max(...result.contenders.map(({ name }) => name.length));
  const contenders = result.contenders.map(({ name, itemsPerSecond, cpuMsPerItem, latencyMs, figures }) => {
    const speed = `${itemsPerSecond.toFixed(1).padStart(9)} /s  ${cpuMsPerItem.toFixed(3).padStart(8)} ms CPU each`;
    const counted = Object.entries(figures ?? {}).map(([figure, value]) => `${figure} ${String(Math.round(value * 100) / 100)}`);
    if (counted.length > 0) return `  ${name.padEnd(width)}  ${itemsPerSecond.toFixed(1).padStart(9)} /s  ${counted.join(', ')}`;
    return `  ${name.padEnd(width)}  ${latencyMs === undefined ? speed : `p50 ${latencyMs.p50.toFixed(1).padStart(7)} ms  p99 ${latencyMs.p99.toFixed(1).padStart(7)} ms`}`;
  });
  return [`${result.id} ${result.name}: ${result.what}`, ...contenders, ...result.goals.map(formatGoal), `  (median of ${String(result.rounds)} rounds, ${(result.tookMs / 1000).toFixed(1)} s)`].join('\n');
}

function formatGoal(goal: GoalResult): string {
  const { ours, direction, base, moonshot, failsBeyond, ratio, verdict } = goal;
  const what = 'figure' in goal ? `${goal.figure} of ${ours}` : `${goal.metric} of ${ours} ÷ ${goal.peer}`;
  const sign = direction === 'at-least' ? '≥' : '≤';
  const words = { moonshot: 'moonshot reached', met: 'goal met', missed: 'goal missed', failed: 'FAILED' } as const;
  return `  ${what}: ${ratio.toFixed(2)} (goal ${sign} ${String(base)}, moonshot ${sign} ${String(moonshot)}, fails beyond ${String(failsBeyond)}): ${words[verdict]}`;
}
