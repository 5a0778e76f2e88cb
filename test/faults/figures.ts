import { readdirSync, readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { descendantsOf } from '../helpers/processes.js';

/** Of the numbers of /proc/PID/stat: kept by Linux for all programs (man 5 proc). */
const TICKS_PER_SECOND = 100;
/** So many looks in a row must find nothing given back, this far apart. */
const STILL = 4;
const STILL_MS = 400;

/** What can be counted of this process that must not grow. */
export type Footprint = {
  /** Open descriptors. */
  readonly descriptors: number;
  /** Living descendants. */
  readonly processes: number;
  /** Timers that keep the process alive. */
  readonly timers: number;
  /** Other things that do: sockets, servers, requests under way. */
  readonly handles: number;
  /** Heap and external memory after garbage collection, bytes. */
  readonly memoryBytes: number;
};

/** Counts what this process holds, after all garbage is collected. Linux only. */
export async function footprint(): Promise<Footprint> {
  const memoryBytes = await collectedBytes();
  const processes = (await descendantsOf(process.pid)).length;
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((resource) => resource === 'Timeout').length;
  // Reading the folder takes a descriptor of its own.
  return { descriptors: readdirSync('/proc/self/fd').length - 1, processes, timers, handles: resources.length - timers, memoryBytes };
}

/** Waits until nothing is given back any more for a while, and counts then.
 * @param timeoutMs after which it counts whatever is there */
export async function settledFootprint(timeoutMs = 15_000): Promise<Footprint> {
  const endMs = performance.now() + timeoutMs;
  let last = await footprint();
  for (let still = 0; still < STILL && performance.now() < endMs; ) {
    await measuringFor(STILL_MS);
    const now = await footprint();
    const isStill = now.memoryBytes > last.memoryBytes - 100_000 && now.descriptors >= last.descriptors && now.processes >= last.processes && now.timers >= last.timers && now.handles >= last.handles;
    still = isStill ? still + 1 : 0;
    last = now;
  }
  return last;
}

/** Collects garbage until it makes no more difference; gives heap and external memory then, bytes. */
export async function collectedBytes(): Promise<number> {
  let bytes = Infinity;
  for (let round = 0; round < 10; round += 1) {
    collectGarbage();
    // What finalizers let go of is collected in the next round.
    await new Promise((resolve) => setImmediate(resolve));
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external > bytes - 10_000) break;
    bytes = heapUsed + external;
  }
  return bytes;
}

/** CPU time of this process, and of those of its children that have ended, ms. Linux only. */
export function cpuMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ').map(Number) ?? [];
  // utime, stime, cutime, cstime: 14 to 17 of all, and two are cut off.
  return (fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) * 1000) / TICKS_PER_SECOND;
}

/** Lets time pass for a measurement, without looking at anything meanwhile. */
export function measuringFor(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}

function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
