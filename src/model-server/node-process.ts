import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { Logger } from '../telemetry/logger.js';

export type NodeProcessOptions = {
  /** JavaScript file that the process runs. */
  readonly entry: string;
  readonly args: readonly string[];
  /** Options of Node itself. */
  readonly execArgv: readonly string[];
  /** Whether it gets a pipe beside its channel, file descriptor {@link PIPE_DESCRIPTOR}. */
  readonly hasPipe?: boolean;
  readonly log: Logger;
  /** What it tells on its channel: anything. */
  readonly onMessage: (message: unknown) => void;
  /** Once, when the process is gone and its output read; `reason` is one line. */
  readonly onExit: (reason: string) => void;
};

/** Where the process finds its pipe. */
export const PIPE_DESCRIPTOR = 4;

/** How long it may take to end after SIGTERM. */
const TERM_LIMIT_MS = 2_000;
const MAX_LINE_LENGTH = 16_384;
const KILLED_WITH_PARENT = ['--pdeathsig', 'KILL', '--'];
const PINO_WARN = 40;
const PINO_ERROR = 50;
const PINO_INFO = 30;

/** Looked up once: asking costs a process. */
let canDieWithParent: boolean | null = null;

/** One run of a Node program as a process of its own, which is gone when this process is gone, however that ends. Its standard error is the log's. */
export class NodeProcess {
  /** The pipe between the two, where it was asked for. */
  readonly pipe: Duplex | null;
  readonly #child: ChildProcess;
  readonly #log: Logger;
  readonly #closed: Promise<void>;
  #partialLine = '';
  #lastLine = '';

  constructor(options: NodeProcessOptions) {
    this.#log = options.log;
    const command = [...(diesWithParent() ? ['setpriv', ...KILLED_WITH_PARENT] : []), process.execPath, ...options.execArgv, options.entry, ...options.args];
    const [program = process.execPath, ...args] = command;
    // Standard output is nobody's: TensorFlow greets its users there.
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc', ...(options.hasPipe === true ? ['pipe' as const] : [])], serialization: 'advanced' });
    this.#child = child;
    this.pipe = (child.stdio[PIPE_DESCRIPTOR] as Duplex | undefined) ?? null;
    let spawnError: Error | null = null;
    child.on('error', (error) => {
      spawnError = error;
    });
    child.on('message', options.onMessage);
    // A pipe whose other end is gone is told of by the end of the process.
    this.pipe?.on('error', () => undefined);
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#read(text);
    });
    this.#closed = new Promise((resolve) => {
      child.on('close', (code, signal) => {
        if (this.#partialLine !== '') this.#forward(this.#partialLine);
        const ending = spawnError?.message ?? signal ?? `exit code ${String(code)}`;
        options.onExit(this.#lastLine === '' ? ending : `${ending}: ${this.#lastLine}`);
        resolve();
      });
    });
  }

  get pid(): number | null {
    return this.#child.pid ?? null;
  }

  /** Tells it something on its channel; lost on one that is gone. */
  send(message: object): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  /** SIGKILL, for a process that hangs. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** SIGTERM, 2 s, SIGKILL; resolves when it is gone. Idempotent. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), TERM_LIMIT_MS);
    await this.#closed;
    clearTimeout(timer);
  }

  #read(text: string): void {
    const lines = `${this.#partialLine}${text}`.split('\n');
    this.#partialLine = (lines.pop() ?? '').slice(0, MAX_LINE_LENGTH);
    for (const line of lines) if (line.trim() !== '') this.#forward(line.slice(0, MAX_LINE_LENGTH));
  }

  /** Our own programs write JSON lines; whatever else comes is a runtime's last words. */
  #forward(line: string): void {
    const { level, message, fields } = parseLine(line);
    if (level >= PINO_ERROR) this.#lastLine = message;
    if (level >= PINO_ERROR) this.#log.error(fields, message);
    else if (level >= PINO_WARN) this.#log.warn(fields, message);
    else if (level >= PINO_INFO) this.#log.info(fields, message);
    else this.#log.debug(fields, message);
  }
}

type LogLine = { readonly level: number; readonly message: string; readonly fields: Record<string, unknown> };

function parseLine(line: string): LogLine {
  const plain: LogLine = { level: PINO_WARN, message: line, fields: {} };
  if (!line.startsWith('{')) return plain;
  try {
    const { level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
    // Our own logger says when, too.
    delete fields['time'];
    return { level: typeof level === 'number' ? level : PINO_WARN, message: typeof msg === 'string' ? msg : line, fields };
  } catch (error) {
    if (error instanceof SyntaxError) return plain;
    throw error;
  }
}

/** Whether the kernel can be told to end the process when ours ends, however that happens. Elsewhere the closed channel alone tells it. */
function diesWithParent(): boolean {
  canDieWithParent ??= process.platform === 'linux' && spawnSync('setpriv', [...KILLED_WITH_PARENT, 'true'], { stdio: 'ignore', timeout: 1_000 }).status === 0;
  return canDieWithParent;
}
