import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A piece of what is played: a file, and how long it is to take at speed 1, ms. */
export type VideoPart = { readonly path: string; readonly durationMs: number };

export type VideoScript = {
  /** Played one after the other, from the first for whoever connects. */
  readonly parts: readonly VideoPart[];
  /** Begin with the first again, for ever. */
  readonly loop?: boolean;
  /** 1 is real time, `Infinity` as fast as it is read. */
  readonly speed?: number;
  /** How much everybody gets at once, as from a server that keeps a little of the past, ms. */
  readonly burstMs?: number;
};

/** One answer, as the server saw it. */
export type VideoRequest = { readonly atMs: number; bytes: number; open: boolean };

const TICK_MS = 10;
const BLOCK_BYTES = 188 * 512;

/** A camera that speaks HTTP: sends an MPEG-TS that has no end known to its clients, at its own pace. */
export class LiveVideoServer {
  /** Every request so far, oldest first. */
  readonly requests: VideoRequest[] = [];
  /** May be changed while it plays. */
  speed: number;
  readonly #script: VideoScript;
  readonly #server: Server;
  readonly #files = new Map<string, Buffer>();

  private constructor(script: VideoScript, server: Server) {
    this.#script = script;
    this.#server = server;
    this.speed = script.speed ?? 1;
    server.on('request', (_request, response: ServerResponse) => { void this.#serve(response); });
  }

  static async start(script: VideoScript, port = 0): Promise<LiveVideoServer> {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new LiveVideoServer(script, server);
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}/live.ts`;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(response: ServerResponse): Promise<void> {
    const { parts, loop, burstMs = 0 } = this.#script;
    const request: VideoRequest = { atMs: performance.now(), bytes: 0, open: true };
    this.requests.push(request);
    response.on('error', () => undefined); // `close` follows
    response.once('close', () => { request.open = false; });
    // As cameras do: no pieces, so that every byte is the video's, and the end of the connection is the end.
    response.useChunkedEncodingByDefault = false;
    response.shouldKeepAlive = false;
    response.writeHead(200, { 'content-type': 'video/mp2t' });
    let aheadMs = burstMs;
    do {
      for (const { path, durationMs } of parts) aheadMs = await this.#play(await this.#read(path), { durationMs, aheadMs, request, response });
    } while (loop === true && request.open);
    response.end();
  }

  async #read(path: string): Promise<Buffer> {
    const bytes = this.#files.get(path) ?? (await readFile(path));
    this.#files.set(path, bytes);
    return bytes;
  }

  /** @returns how much of the next part is due already, ms */
  async #play(bytes: Buffer, { durationMs, aheadMs, request, response }: { readonly durationMs: number; readonly aheadMs: number; readonly request: VideoRequest; readonly response: ServerResponse }): Promise<number> {
    let dueMs = aheadMs;
    let sinceMs = performance.now();
    for (let sent = 0; sent < bytes.length && request.open; ) {
      if (this.speed < Infinity) await new Promise((resolve) => setTimeout(resolve, TICK_MS));
      const nowMs = performance.now();
      dueMs = this.speed === Infinity ? durationMs : dueMs + (nowMs - sinceMs) * this.speed;
      sinceMs = nowMs;
      const block = bytes.subarray(sent, Math.min(sent + BLOCK_BYTES, Math.floor(bytes.length * Math.min(1, dueMs / durationMs))));
      sent += block.length;
      request.bytes += block.length;
      if (block.length > 0 && !response.write(block)) await drained(response);
    }
    return Math.max(0, dueMs - durationMs);
  }
}

/** Waits until what was written is on its way, or nobody wants it any more. */
async function drained(response: ServerResponse): Promise<void> {
  if (response.closed) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      resolve();
    };
    response.once('drain', done).once('close', done);
  });
}
