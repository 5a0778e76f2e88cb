import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import type { Logger } from '../telemetry/logger.js';
import { asParentMessage, type ParentMessage } from './parent-channel.js';

export type ServerProcessOptions = {
  /** JavaScript file that the process runs. */
  readonly entry: string;
  readonly args: readonly string[];
  /** Options of Node itself. */
  readonly execArgv: readonly string[];
  readonly log: Logger;
  readonly onMessage: (message: ParentMessage) => void;
  /** Once, when the process is gone and its output read; `reason` is one line. */
  readonly onExit: (reason: string) => void;
};

/** How long it may take to end after SIGTERM. */
const TERM_LIMIT_MS = 2_000;
const MAX_LINE_LENGTH = 16_384;
const KILLED_WITH_PARENT = ['--pdeathsig', 'KILL', '--'];
const PINO_WARN = 40;
const PINO_ERROR = 50;
const PINO_INFO = 30;

/** One run of the model server's process. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #log: Logger;
  readonly #closed: Promise<void>;
  #partialLine = '';
  #lastLine = '';

  constructor(options: ServerProcessOptions) {
    this.#log = options.log;
    const command = [...(diesWithParent() ? ['setpriv', ...KILLED_WITH_PARENT] : []), process.execPath, ...options.execArgv, options.entry, ...options.args];
    const [program = process.execPath, ...args] = command;
    // Standard output is nobody's: TensorFlow greets its users there.
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#child = child;
    let spawnError: Error | null = null;
    child.on('error', (error) => {
      spawnError = error;
    });
    child.on('message', (value) => {
      const message = asParentMessage(value);
      if (message !== null) options.onMessage(message);
    });
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

  /** Our own server writes JSON lines; whatever else comes is a runtime's last words. */
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
  return process.platform === 'linux' && spawnSync('setpriv', [...KILLED_WITH_PARENT, 'true'], { stdio: 'ignore', timeout: 1_000 }).status === 0;
}
