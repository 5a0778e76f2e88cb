import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ViewerLimits } from '../../src/viewers/viewer-limits.js';

const ENTRY = fileURLToPath(new URL('viewer-child.mjs', import.meta.url));

type Facts = { readonly residentBytes: number; readonly connections: number };

/** A viewer server in a process of its own, with a stream `door`: its memory is not that of who attacks it. Runs what was built into `dist/`. */
export class ViewerProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(options: { readonly limits?: Partial<ViewerLimits> } = {}): Promise<ViewerProcess> {
    const child = fork(ENTRY, [JSON.stringify(options)], { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const exited = once(child, 'exit').then(() => {
      throw new Error('The server ended before it listened: is dist/ built?');
    });
    const [{ port }] = (await Promise.race([once(child, 'message'), exited])) as [{ port: number }];
    exited.catch(() => undefined);
    return new ViewerProcess(child, port);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory after garbage collection, bytes. */
  async residentBytes(): Promise<number> {
    return (await this.#facts()).residentBytes;
  }

  /** How many TCP connections it holds. */
  async connections(): Promise<number> {
    return (await this.#facts()).connections;
  }

  /** Resolves when it is gone. Idempotent. */
  async kill(): Promise<void> {
    if (!this.isAlive) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }

  async #facts(): Promise<Facts> {
    this.#child.send('facts');
    const [facts] = (await once(this.#child, 'message')) as [Facts];
    return facts;
  }
}
