import { OwnedProcess, type ProcessExit } from './owned-process.js';

export type RunOptions = {
  readonly program: string;
  readonly args: readonly string[];
  readonly setpriv: boolean;
  readonly timeoutMs: number;
  /** More output than this ends the program. */
  readonly maxOutputBytes?: number;
  readonly secrets?: readonly string[];
  /** Variables that differ from this process's own; `null` unsets one. */
  readonly environment?: Readonly<Record<string, string | null>>;
  /** Ends the program early. */
  readonly signal?: AbortSignal;
};

export type RunResult = ProcessExit & {
  readonly stdout: string;
  /** Why the program was ended before it was done, or `null`. */
  readonly endedBy: 'timeout' | 'output-limit' | 'abort' | null;
};

/** Runs a program to its end and collects its standard output. Never throws: look at `startError`, `endedBy` and `exitCode`. */
export async function runProgram(options: RunOptions): Promise<RunResult> {
  const maxOutputBytes = options.maxOutputBytes ?? 4 * 1024 * 1024;
  const child = new OwnedProcess({ ...options, outputs: [1] });
  let endedBy: RunResult['endedBy'] = null;
  const end = (reason: NonNullable<RunResult['endedBy']>): void => {
    endedBy ??= reason;
    // Nothing of it is wanted any more; ffprobe in front of a silent camera takes 5 s to obey SIGTERM.
    void child.close({ graceMs: 0 });
  };
  const chunks: Buffer[] = [];
  let bytes = 0;
  child.output(1)?.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > maxOutputBytes) end('output-limit');
    else chunks.push(chunk);
  });
  const timer = setTimeout(() => { end('timeout'); }, options.timeoutMs);
  const onAbort = (): void => { end('abort'); };
  if (options.signal?.aborted === true) onAbort();
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const exit = await child.done;
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', onAbort);
  return { ...exit, stdout: Buffer.concat(chunks).toString('utf8'), endedBy };
}
