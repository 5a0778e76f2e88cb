import { spawn, type ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { until } from '../helpers/until.js';

type ProcessFacts = { readonly pid: number; readonly parent: number; readonly state: string };

/** Processes that `pid` started, and those that they started; Linux only. */
export function descendantsOf(pid: number): number[] {
  const all = listProcesses();
  const find = (parent: number): number[] => all.filter((each) => each.parent === parent).flatMap((each) => [each.pid, ...find(each.pid)]);
  return find(pid);
}

/** Whether a process runs; one that ended and was not yet collected does not. */
export function runs(pid: number): boolean {
  const facts = readProcess(pid);
  return facts !== null && facts.state !== 'Z';
}

/** The command line of a process, its arguments separated by blanks. */
export function commandOf(pid: number): string {
  return readProcFile(`/proc/${String(pid)}/cmdline`)?.replaceAll('\0', ' ').trim() ?? '';
}

/** A command that serves, started as a person would. */
export type Serving = {
  readonly child: ChildProcess;
  /** Address of the page, as the command printed it. */
  readonly url: string;
  readonly output: () => string;
  /** Resolves with exit code or signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
};

/** Starts a command and waits until it has printed the address of its page.
 * @throws {Error} with its output, when it ends before that or takes longer than `timeoutMs` */
export async function startServing(program: string, args: readonly string[], options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv; readonly timeoutMs: number }): Promise<Serving> {
  const child = spawn(program, args, { cwd: options.cwd, env: options.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  let hasEnded = false;
  const ended = new Promise<number | NodeJS.Signals | null>((resolve) => {
    child.on('close', (code, signal) => {
      hasEnded = true;
      resolve(code ?? signal);
    });
  });
  const findUrl = (): string | undefined => /http:\/\/127\.0\.0\.1:\d+/.exec(output)?.[0];
  try {
    await until(() => hasEnded || findUrl() !== undefined, { timeoutMs: options.timeoutMs });
  } catch (error) {
    child.kill('SIGKILL');
    throw new Error(`${program} printed no address:\n${output}`, { cause: error });
  }
  const url = findUrl();
  if (url === undefined) throw new Error(`${program} ended early:\n${output}`);
  return { child, url, output: () => output, ended };
}

/** Answers whether `/readyz` says yes. */
export async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`);
  await response.arrayBuffer();
  return response.status === 200;
}

function listProcesses(): ProcessFacts[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).flatMap((name) => readProcess(Number(name)) ?? []);
}

function readProcess(pid: number): ProcessFacts | null {
  const text = readProcFile(`/proc/${String(pid)}/stat`);
  if (text === null) return null;
  // The name, in parentheses, may hold blanks and parentheses itself.
  const [state = '', parent = ''] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { pid, parent: Number(parent), state };
}

function readProcFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // It ended while we looked.
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return null;
    throw error;
  }
}
