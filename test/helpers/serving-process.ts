import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ENTRY = fileURLToPath(new URL('serving-child.mjs', import.meta.url));

/** What the process does; all but the port and the size of frames may be changed while it runs. */
export type ServingProcessScript = {
  /** 0: any free one. */
  readonly port: number;
  /** It computes one batch after the other: `perCallMs + perImageMs · n`. */
  readonly perCallMs: number;
  readonly perImageMs: number;
  /** How it refuses every batch: `full`: as a server whose queue is full; `failing`: with an error of its own. */
  readonly refusal: 'none' | 'full' | 'failing';
  /** Bytes of one more output. */
  readonly ballastBytes: number;
  /** Largest payload of a DATA frame of its answers; 0: as they come. */
  readonly dataFrameBytes: number;
};

/** What the process has counted. */
export type ServingProcessFacts = { readonly predicts: number; readonly answered: number; readonly dataFrames: number };

/** A stand-in for TensorFlow Serving in a process of its own: it can be stopped, killed, and take memory that is not this process's. Runs what was built into `dist/`. */
export class ServingProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(script: Partial<ServingProcessScript> = {}): Promise<ServingProcess> {
    const whole: ServingProcessScript = { port: 0, perCallMs: 15, perImageMs: 1, refusal: 'none', ballastBytes: 0, dataFrameBytes: 0, ...script };
    const child = fork(ENTRY, [JSON.stringify(whole)], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    const exited = once(child, 'exit').then(() => {
      throw new Error('The stand-in ended before it listened: is dist/ built?');
    });
    const [{ port }] = (await Promise.race([once(child, 'message'), exited])) as [{ port: number }];
    exited.catch(() => undefined);
    return new ServingProcess(child, port);
  }

  get endpoint(): string {
    return `127.0.0.1:${String(this.port)}`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** SIGSTOP: connections stand, nothing answers. */
  stop(): void {
    this.#child.kill('SIGSTOP');
  }

  /** SIGCONT. */
  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** Changes what it does and gives what it has counted. */
  async tell(script: Partial<Omit<ServingProcessScript, 'port' | 'dataFrameBytes'>> = {}): Promise<ServingProcessFacts> {
    this.#child.send(script);
    const [facts] = (await once(this.#child, 'message')) as [ServingProcessFacts];
    return facts;
  }

  /** SIGKILL, also of one that is stopped; resolves when it is gone. Idempotent. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await gone;
  }
}
