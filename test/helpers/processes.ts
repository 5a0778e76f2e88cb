import { readdir, readFile } from 'node:fs/promises';

type ProcessFacts = { readonly pid: number; readonly parent: number; readonly state: string; readonly command: string };

/** All processes that descend from `pid`, without it; those that only wait to be reaped are left out. Linux only. */
export async function descendantsOf(pid: number): Promise<readonly ProcessFacts[]> {
  const all = await allProcesses();
  const found: ProcessFacts[] = [];
  const parents = new Set([pid]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const facts of all) {
      if (!parents.has(facts.parent) || parents.has(facts.pid)) continue;
      parents.add(facts.pid);
      found.push(facts);
      grown = true;
    }
  }
  return found.filter(({ state }) => state !== 'Z');
}

/** Whether a process lives; one that only waits to be reaped does not. */
export async function isAlive(pid: number): Promise<boolean> {
  const facts = await factsOf(pid);
  return facts !== null && facts.state !== 'Z' && facts.state !== 'X';
}

/** Resident memory of a process, bytes. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/mu.exec(status)?.[1] ?? 0) * 1024;
}

async function allProcesses(): Promise<ProcessFacts[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/u.test(name)).map(Number);
  return (await Promise.all(pids.map(factsOf))).filter((facts) => facts !== null);
}

async function factsOf(pid: number): Promise<ProcessFacts | null> {
  try {
    const [stat, commandLine] = await Promise.all([readFile(`/proc/${String(pid)}/stat`, 'utf8'), readFile(`/proc/${String(pid)}/cmdline`, 'utf8')]);
    // "pid (name) state parent …"; the name may hold anything, parentheses too.
    const [state = '', parent = '0'] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { pid, parent: Number(parent), state, command: commandLine.replaceAll('\0', ' ').trim() };
  } catch (error) {
    // It ended while it was looked at.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}

/** How many files and sockets a process has open. */
export async function descriptorsOf(pid: number): Promise<number> {
  return (await readdir(`/proc/${String(pid)}/fd`)).length;
}
