import { onTestFinished } from 'vitest';
import { WebSocket, type ClientOptions } from 'ws';
import type { ClientMessage, FrameHeader, ServerMessage } from '../../../src/viewers/protocol.js';
import { decodeFrameMessage } from '../../../src/viewers/frame-message.js';
import { until } from '../../helpers/until.js';

export type ReceivedFrame = { readonly header: FrameHeader; readonly jpeg: Uint8Array; readonly receivedAtMs: number };

/** A viewer that records all it gets, and the code that its socket was closed with. */
export class TestViewer {
  readonly ws: WebSocket;
  readonly messages: ServerMessage[] = [];
  readonly frames: ReceivedFrame[] = [];
  /** Acknowledge each frame at once. */
  acknowledges = false;
  closeCode: number | null = null;

  constructor(port: number, options: ClientOptions = {}, path = '/ws') {
    this.ws = new WebSocket(`ws://127.0.0.1:${String(port)}${path}`, 'sightline.v1', options);
    this.ws.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    this.ws.on('close', (code) => (this.closeCode = code));
    this.ws.on('error', () => undefined); // tests look at the close code
    onTestFinished(() => this.ws.terminate());
  }

  /** Connects and waits for `hello`. */
  static async connect(port: number, options: ClientOptions = {}): Promise<TestViewer> {
    const viewer = new TestViewer(port, options);
    await viewer.next('hello');
    return viewer;
  }

  send(message: ClientMessage): void {
    this.ws.send(JSON.stringify(message));
  }

  /** The first message of this type, waited for and taken out of `messages`. */
  async next<K extends ServerMessage['type']>(type: K): Promise<Extract<ServerMessage, { type: K }>> {
    const index = await until(() => {
      const found = this.messages.findIndex((message) => message.type === type);
      return found === -1 ? null : found;
    }, { what: `a ${type} message` });
    return this.messages.splice(index, 1)[0] as Extract<ServerMessage, { type: K }>;
  }

  /** Sends a ping and waits for its pong: all that was sent before has been handled. */
  async settle(): Promise<void> {
    this.send({ type: 'ping', t: this.messages.length });
    await this.next('pong');
  }

  get seqs(): number[] {
    return this.frames.map((frame) => frame.header.seq);
  }

  async closed(): Promise<number> {
    await until(() => this.closeCode !== null, { what: 'the socket to close' });
    return this.closeCode ?? 0;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (!isBinary) {
      this.messages.push(JSON.parse(data.toString()) as ServerMessage);
      return;
    }
    const { header, jpeg } = decodeFrameMessage(data);
    this.frames.push({ header, jpeg, receivedAtMs: performance.now() });
    if (this.acknowledges) this.send({ type: 'ack', stream: header.stream, seq: header.seq });
  }
}
