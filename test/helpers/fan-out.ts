import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ViewerLimits } from '../../src/viewers/viewer-limits.js';
import { until } from './until.js';

/** What the server sends: frames of `frameBytes` of one stream, `door`. */
export type FanOutScript = {
  readonly kind: 'sightline' | 'ws';
  readonly frameBytes: number;
  readonly limits: Partial<ViewerLimits>;
};

export type ServerOrder = { readonly fps?: number; readonly watchesLoop?: boolean; readonly collectsGarbage?: boolean };

/** `atMs` on the server's monotonic clock; all counts since its start, but for the loop's delay, which counts from when it was asked to be watched. */
export type ServerFacts = { readonly cpuMs: number; readonly rssBytes: number; readonly skipped: number; readonly offered: number; readonly loopDelayP99Ms: number; readonly atMs: number };

export type ClientsScript = { readonly url: string; readonly viewers: number; readonly stalled: number; readonly acknowledges: boolean };

export type ClientsOrder = { readonly churnPerSecond?: number; readonly closes?: boolean };

/** What healthy viewers got since they were last asked; `lost`: viewers whose socket somebody else closed, ever. */
export type ClientsFacts = { readonly received: number; readonly bytes: number; readonly lost: number; readonly open: number; readonly ageP50Ms: number; readonly ageP99Ms: number };

/** A server of frames and its viewers, in two processes of their own. Runs what was built into `dist/`. */
export class FanOut {
  readonly #server: ChildProcess;
  readonly #clients: ChildProcess;
  readonly #stalled: number;

  private constructor(server: ChildProcess, clients: ChildProcess, stalled: number) {
    this.#server = server;
    this.#clients = clients;
    this.#stalled = stalled;
  }

  /** Resolves when all viewers are subscribed; nothing is sent yet. */
  static async start(script: FanOutScript, viewers: Omit<ClientsScript, 'url'>, onServer?: (facts: ServerFacts) => void): Promise<FanOut> {
    const [server, { port }] = await start<{ port: number }>('fan-out-server.mjs', script);
    try {
      onServer?.(await ask<ServerFacts>(server, { collectsGarbage: true }));
      const [clients] = await start<object>('fan-out-clients.mjs', { ...viewers, url: `ws://127.0.0.1:${String(port)}/ws` });
      return new FanOut(server, clients, viewers.stalled);
    } catch (error) {
      server.kill('SIGKILL');
      throw error;
    }
  }

  get serverPid(): number {
    return this.#server.pid ?? 0;
  }

  tellServer(order: ServerOrder = {}): Promise<ServerFacts> {
    return ask(this.#server, order);
  }

  tellClients(order: ClientsOrder = {}): Promise<ClientsFacts> {
    return ask(this.#clients, order);
  }

  /** Sends faster than asked until those who do not read have all they can take. */
  async fill(fps: number): Promise<void> {
    if (this.#stalled === 0) return;
    let before = await this.tellServer({ fps });
    await until(async () => {
      const now = await this.tellServer();
      const [frames, skipped] = [now.offered - before.offered, now.skipped - before.skipped];
      if (frames < 3) return false;
      before = now;
      return skipped >= 0.9 * frames * this.#stalled;
    }, { timeoutMs: 60_000, what: 'the stalled viewers to be full' });
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await Promise.all([this.#clients, this.#server].map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }));
  }
}

async function start<Hello>(file: string, script: object): Promise<[ChildProcess, Hello]> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), [JSON.stringify(script)], { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit').then(() => {
    throw new Error(`${file} ended before it was ready: is dist/ built?`);
  });
  const [hello] = (await Promise.race([once(child, 'message'), exited])) as [Hello];
  exited.catch(() => undefined);
  return [child, hello];
}

async function ask<Facts>(child: ChildProcess, order: object): Promise<Facts> {
  child.send(order);
  const [facts] = (await once(child, 'message')) as [Facts];
  return facts;
}
