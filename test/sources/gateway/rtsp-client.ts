import { connect, type Socket } from 'node:net';
import { until } from '../../helpers/until.js';

export type Answer = { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly text: string };

/** What ffmpeg is to a relay: asks one thing after the other, and keeps what comes beside the answers. */
export class RtspClient {
  readonly socket: Socket;
  /** Everything that came and was not taken as an answer. */
  received = Buffer.alloc(0);
  readonly input: string;
  #cSeq = 0;

  private constructor(input: string, socket: Socket) {
    this.input = input;
    this.socket = socket;
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => { this.received = Buffer.concat([this.received, chunk]); });
  }

  /** @param input the relay's */
  static async connect(input: string): Promise<RtspClient> {
    const { hostname, port } = new URL(input);
    const socket = connect({ host: hostname, port: Number(port) });
    const client = new RtspClient(input, socket);
    await until(() => !socket.connecting);
    return client;
  }

  /** Sends a request and waits for its answer.
   * @param uri default: what ffmpeg was given; `+/x` adds to it */
  async ask(method: string, uri = '+', headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    this.send(method, uri, headers);
    return this.answer();
  }

  /** Sends a request. */
  send(method: string, uri = '+', headers: Readonly<Record<string, string>> = {}): void {
    this.#cSeq += 1;
    const lines = Object.entries({ CSeq: String(this.#cSeq), 'User-Agent': 'Lavf', ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
    this.socket.write(`${method} ${uri.startsWith('+') ? this.input + uri.slice(1) : uri} RTSP/1.0\r\n${lines.join('')}\r\n`);
  }

  /** Takes the next message off what came. */
  async answer(): Promise<Answer> {
    const end = await until(() => {
      const at = this.received.indexOf('\r\n\r\n');
      return at < 0 ? null : at + 4;
    }, { what: `an answer, after ${this.received.toString('latin1', 0, 200)}`, timeoutMs: 5_000 });
    const text = this.received.toString('latin1', 0, end);
    const headers = Object.fromEntries(text.trim().split('\r\n').slice(1).map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]));
    const length = Number(headers['content-length'] ?? 0);
    await until(() => this.received.length >= end + length);
    const body = this.received.toString('latin1', end, end + length);
    this.received = this.received.subarray(end + length);
    return { status: Number(/^RTSP\/1\.0 (\d+)/u.exec(text)?.[1] ?? Number.NaN), headers, body, text };
  }

  /** Resolves when the relay has ended the connection. */
  async ended(): Promise<void> {
    await until(() => this.socket.destroyed || this.socket.readableEnded, { what: 'the end of the connection', timeoutMs: 5_000 });
  }

  close(): void {
    this.socket.destroy();
  }
}
