import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';

const TYPES: Readonly<Record<string, string>> = { m3u8: 'application/vnd.apple.mpegurl', ts: 'video/mp2t', mp4: 'video/mp4', mjpeg: 'multipart/x-mixed-replace;boundary=ffmpeg' };

/** A web server for the files of one folder, with ranges, as cameras' recordings are served. */
export class FileServer {
  /** Names of the files that were asked for, oldest first. */
  readonly requests: string[] = [];
  /** Answers in place of a file, by its name; a function that gives `false` lets the file be served. */
  readonly answers = new Map<string, (request: IncomingMessage, response: ServerResponse) => boolean>();
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string, server: Server) {
    this.#folder = folder;
    this.#server = server;
    server.on('request', (request, response) => { void this.#serve(request, response); });
  }

  static async start(folder: string): Promise<FileServer> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FileServer(folder, server);
  }

  url(name: string): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}/${name}`;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const name = basename((request.url ?? '').split('?')[0] ?? '');
    this.requests.push(name);
    response.on('error', () => undefined); // the client hangs up as it likes
    if (this.answers.get(name)?.(request, response) === true) return;
    const path = join(this.#folder, name);
    const size = await stat(path).then((facts) => facts.size, () => null);
    if (size === null) {
      response.writeHead(404).end();
      return;
    }
    const [, from = '', to = ''] = /^bytes=(\d+)-(\d*)$/u.exec(request.headers.range ?? '') ?? [];
    const start = Number(from === '' ? 0 : from);
    const end = to === '' ? size - 1 : Math.min(size - 1, Number(to));
    const type = TYPES[name.split('.').at(-1) ?? ''] ?? 'application/octet-stream';
    response.writeHead(from === '' ? 200 : 206, { 'content-type': type, 'content-length': end - start + 1, 'accept-ranges': 'bytes', ...(from === '' ? {} : { 'content-range': `bytes ${String(start)}-${String(end)}/${String(size)}` }) });
    createReadStream(path, { start, end }).on('error', () => response.destroy()).pipe(response);
  }
}
