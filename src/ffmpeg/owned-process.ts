import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { MissingProgramError } from '../core/errors.js';
import { redactText } from '../core/redact.js';
import type { BulkPipe } from './bulk-pipe.js';
import { guardAgainstOrphans } from './exit-guard.js';
import { LineSplitter } from './line-splitter.js';

/** How long a process may take to end after SIGTERM before SIGKILL follows. */
const TERM_GRACE_MS = 2000;
/** How much of what a process writes to its standard error is kept. */
const STDERR_TAIL_BYTES = 4096;

/** How a process ended. */
export type ProcessExit = {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Last lines of its standard error, redacted, at most 4 KB. */
  readonly stderrTail: string;
  /** Set when the program could not be started at all. */
  readonly startError: MissingProgramError | Error | null;
};

export type OwnedProcessOptions = {
  readonly program: string;
  readonly args: readonly string[];
  /** File descriptors (1, 3, 4, …) that the process writes and we read. */
  readonly outputs: readonly number[];
  readonly stdin?: 'ignore' | 'pipe';
  /** Descriptors that the process writes a lot to; owned by it from here on. Only 0, 1 and 2 are blocking for the process: libuv leaves the others as
   * they are, and a program that meets a full one then polls. */
  readonly bulk?: ReadonlyMap<number, BulkPipe>;
  /** Start through `setpriv --pdeathsig KILL`, so that even a SIGKILL of this process leaves no child behind. */
  readonly setpriv: boolean;
  /** Variables that differ from this process's own; `null` unsets one. The program is then started by `env`, which turns into it. Names without `=`. */
  readonly environment?: Readonly<Record<string, string | null>>;
  /** Exact strings that must not show up in what the process wrote, beside the secrets of URLs. */
  readonly secrets?: readonly string[];
  /** Called with each redacted line of standard error. */
  readonly onStderrLine?: (line: string) => void;
};

/** How a process is to end. */
export type CloseOptions = { readonly graceMs?: number };

/** One child process with one owner. It never throws and never emits: how it went is what `done` resolves to. */
export class OwnedProcess {
  /** Resolves once, when the process is gone and its pipes are closed; never rejects. Outputs must be read, or {@link close} called. */
  readonly done: Promise<ProcessExit>;
  readonly #child: ChildProcess | null;
  readonly #bulk: readonly BulkPipe[];
  #tail: string[] = [];
  #tailBytes = 0;
  #closing: Promise<ProcessExit> | null = null;
  #killTimer: NodeJS.Timeout | undefined;
  #killAtMs = Infinity;

  constructor(options: OwnedProcessOptions) {
    const [program, args] = commandOf(options);
    this.#bulk = [...(options.bulk?.values() ?? [])];
    let child: ChildProcess;
    try {
      child = spawn(program, args, { stdio: stdioFor(options), windowsHide: true });
      // As long as we hold their ends as well, ours see no end.
      for (const pipe of this.#bulk) pipe.theirs.destroy();
    } catch (error) {
      for (const pipe of this.#bulk) pipe.destroy();
      // Errors beside ENOENT and its kind (an argument list too long, for example) come as exceptions.
      this.#child = null;
      this.done = Promise.resolve({ exitCode: null, signal: null, stderrTail: '', startError: toError(error) });
      return;
    }
    this.#child = child;
    this.done = this.#watch(child, options);
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Whether the process still runs; a signal that was sent does not count as an end. */
  get alive(): boolean {
    return this.#child !== null && this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Last lines of standard error so far, redacted. */
  get stderrTail(): string {
    return this.#tail.join('\n');
  }

  /** The process's standard input, or `null` without one. */
  get stdin(): Writable | null {
    return this.#child?.stdin ?? null;
  }

  /** The pipe that the process writes as descriptor `fd`; `null` when it could not be started. */
  output(fd: number): Readable | null {
    return (this.#child?.stdio[fd] ?? null) as Readable | null;
  }

  /** Ends the process: its pipes first (a process blocked in a write does not see SIGTERM), then SIGTERM, `graceMs` later SIGKILL; with 0 SIGKILL at once.
   * Idempotent; a later call with less grace shortens the wait.
   * @param graceMs default 2 s */
  close({ graceMs = TERM_GRACE_MS }: CloseOptions = {}): Promise<ProcessExit> {
    this.#closing ??= this.#end(graceMs > 0);
    if (this.alive) this.#killWithin(graceMs);
    return this.#closing;
  }

  async #end(gently: boolean): Promise<ProcessExit> {
    const child = this.#child;
    if (child === null) return this.done;
    for (const pipe of this.#bulk) pipe.destroy();
    for (const stream of child.stdio) if (stream !== child.stderr) stream?.destroy();
    if (!this.alive) {
      child.stderr?.destroy();
      return this.done;
    }
    if (gently) child.kill('SIGTERM');
    const exit = await this.done;
    clearTimeout(this.#killTimer);
    this.#killAtMs = -Infinity;
    return exit;
  }

  #killWithin(graceMs: number): void {
    const killAtMs = performance.now() + graceMs;
    if (killAtMs >= this.#killAtMs) return;
    this.#killAtMs = killAtMs;
    clearTimeout(this.#killTimer);
    if (graceMs > 0) this.#killTimer = setTimeout(() => this.#child?.kill('SIGKILL'), graceMs);
    else this.#child?.kill('SIGKILL');
  }

  #watch(child: ChildProcess, options: OwnedProcessOptions): Promise<ProcessExit> {
    let startError: Error | null = null;
    child.on('error', (error) => {
      startError ??= missingProgram(error, options.program) ?? error;
    });
    // A pipe that breaks because its process is gone tells nothing that the exit does not tell.
    for (const stream of child.stdio) stream?.on('error', () => undefined);
    const release = guardAgainstOrphans(child);
    const lines = new LineSplitter((line) => {
      const redacted = redactText(line, options.secrets);
      this.#keep(redacted);
      options.onStderrLine?.(redacted);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      lines.push(chunk);
    });
    return new Promise((resolve) => {
      child.once('close', (exitCode, signal) => {
        lines.end();
        release();
        // setpriv and env say 127 (126) themselves where spawn would have said ENOENT.
        if ((exitCode === 127 || exitCode === 126) && starterFailed(options, this.stderrTail)) {
          startError ??= programMissing(options.program);
        }
        const exit = { exitCode: startError === null ? exitCode : null, signal, stderrTail: this.stderrTail, startError };
        void Promise.all(this.#bulk.map((pipe) => pipe.closed)).then(() => {
          resolve(exit);
        });
      });
    });
  }

  #keep(line: string): void {
    this.#tail.push(line);
    this.#tailBytes += line.length + 1;
    while (this.#tailBytes > STDERR_TAIL_BYTES && this.#tail.length > 1) this.#tailBytes -= (this.#tail.shift() ?? '').length + 1;
    if (this.#tailBytes > STDERR_TAIL_BYTES) {
      this.#tail = [line.slice(-STDERR_TAIL_BYTES)];
      this.#tailBytes = STDERR_TAIL_BYTES;
    }
  }
}

/** The error for a program that is not installed; says what to do. */
export function programMissing(program: string, cause?: unknown): MissingProgramError {
  return new MissingProgramError(
    `${program} is not installed or not in PATH: install it with \`apt-get install ffmpeg\` (Debian, Ubuntu) or \`brew install ffmpeg\` (macOS)`,
    cause === undefined ? {} : { cause },
  );
}

function missingProgram(error: NodeJS.ErrnoException, program: string): MissingProgramError | null {
  return error.code === 'ENOENT' || error.code === 'EACCES' ? programMissing(program, error) : null;
}

/** The program behind the small ones that prepare its process: each turns into the next. */
function commandOf({ program, args, setpriv, environment }: OwnedProcessOptions): [string, string[]] {
  const guarded: [string, string[]] = setpriv ? ['setpriv', ['--pdeathsig', 'KILL', '--', program, ...args]] : [program, [...args]];
  const variables = Object.entries(environment ?? {});
  if (variables.length === 0) return guarded;
  const unset = variables.flatMap(([name, value]) => (value === null ? ['-u', name] : []));
  const set = variables.flatMap(([name, value]) => (value === null ? [] : [`${name}=${value}`]));
  return ['env', [...unset, ...set, guarded[0], ...guarded[1]]];
}

/** Whether it was not the program that failed but what should have started it. */
function starterFailed({ setpriv, environment }: OwnedProcessOptions, stderrTail: string): boolean {
  if (setpriv) return stderrTail.includes('failed to execute');
  return environment !== undefined && /^env: .*(?:No such file|Permission denied)/mu.test(stderrTail);
}

function stdioFor(options: OwnedProcessOptions): StdioOptions {
  const last = Math.max(2, ...options.outputs);
  return Array.from({ length: last + 1 }, (_, fd) => {
    const bulk = options.bulk?.get(fd);
    if (bulk !== undefined) return bulk.theirs;
    if (fd === 0) return options.stdin ?? 'ignore';
    return fd === 2 || options.outputs.includes(fd) ? 'pipe' : 'ignore';
  });
}

function toError(value: unknown): Error {
  return value instanceof Error ? value : new Error(String(value));
}
