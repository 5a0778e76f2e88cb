import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { PACKAGE_ROOT } from '../../src/core/package-paths.js';
import { until } from './until.js';

export type CommandOptions = { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv };
export type CommandEnd = { readonly exitCode: number | null; readonly signal: NodeJS.Signals | null; readonly stdout: string; readonly stderr: string };

/** The `sightline` command as a user runs it, with what it wrote so far. */
export class Command {
  readonly child: ChildProcess;
  stdout = '';
  stderr = '';
  readonly #ended: Promise<CommandEnd>;

  constructor(args: readonly string[], options: CommandOptions = {}) {
    this.child = spawn(process.execPath, [`${PACKAGE_ROOT}bin/sightline.js`, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
    });
    this.child.stdout?.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.#ended = once(this.child, 'close').then(([exitCode, signal]) => ({
      exitCode: exitCode as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  get pid(): number {
    return this.child.pid ?? -1;
  }

  /** Waits for the end. */
  ended(): Promise<CommandEnd> {
    return this.#ended;
  }

  /** Waits until `serve` has told where its page is; gives the address without a slash at its end. */
  async url(timeoutMs = 20_000): Promise<string> {
    const found = await until(() => /(http:\/\/[^\s/]+)\//u.exec(this.stdout)?.[1] ?? (this.child.exitCode === null ? null : Promise.reject(new Error(`ended: ${this.stderr}`))), { timeoutMs, what: 'the address of the page' });
    return found;
  }

  /** Ends it for sure. */
  async kill(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.#ended;
  }
}

/** Runs `sightline` to its end. */
export async function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandEnd> {
  return new Command(args, options).ended();
}
