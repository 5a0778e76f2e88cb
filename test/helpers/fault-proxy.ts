import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** What a proxy does to the bytes of one direction; every field may be changed while it runs. */
export type FaultRules = {
  /** Each byte comes this much later, ms. */
  latencyMs: number;
  /** `null`: as fast as it goes. */
  bytesPerSecond: number | null;
  /** Most bytes that are written at a time; 1 with a low rate is a slow drip. */
  pieceBytes: number;
  /** Nothing comes through, and nobody is told; what was on its way comes when it is over. */
  blackHole: boolean;
  /** Ends both connections once so many bytes of this direction have come through: in an orderly way (FIN) or not (RST). */
  cutAfter: { readonly bytes: number; readonly how: Ending } | null;
  /** Spoils a piece, in place. @param offset of its first byte in this direction of the connection */
  spoil: ((piece: Buffer, offset: number) => void) | null;
};

export type Ending = 'end' | 'reset';
export type Direction = 'up' | 'down';

/** A connection as the proxy saw it. `up`: from whoever connected to the server. */
export type ProxyRecord = { readonly acceptedAtMs: number; readonly bytes: Readonly<Record<Direction, number>>; readonly open: boolean };

/** Bytes that may wait for their time before the sender is slowed down. */
const MAX_WAITING_BYTES = 1024 * 1024;
const NO_FAULTS: FaultRules = { latencyMs: 0, bytesPerSecond: null, pieceBytes: 64 * 1024, blackHole: false, cutAfter: null, spoil: null };

/** A TCP proxy on loopback that does to its connections what networks do. */
export class FaultProxy {
  readonly port: number;
  readonly up: FaultRules = { ...NO_FAULTS };
  readonly down: FaultRules = { ...NO_FAULTS };
  /** Every connection so far, oldest first. */
  readonly records: ProxyRecord[] = [];
  readonly #targetPort: number;
  readonly #server: Server;
  readonly #open = new Set<ProxiedConnection>();

  private constructor(server: Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (client: Socket) => { this.#accept(client); });
  }

  /** @param targetPort where connections go to, on loopback; nobody needs to listen there yet */
  static async start(targetPort: number, port = 0): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true });
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, targetPort);
  }

  /** Its own port refuses connections, and those that are open are reset: as if the machine behind it were gone. */
  async unplug(): Promise<void> {
    const closed = this.#server.listening ? once(this.#server, 'close') : Promise.resolve();
    this.#server.close();
    this.cut('reset');
    await closed;
  }

  async plug(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Ends all connections. */
  cut(how: Ending): void {
    for (const connection of this.#open) connection.cut(how);
  }

  /** Tells one side that the other has no more to say, while the other direction goes on. */
  halfClose(direction: Direction): void {
    for (const connection of this.#open) connection.halfClose(direction);
  }

  /** Nothing comes through in either direction until it is over. */
  blackHole(on: boolean): void {
    this.up.blackHole = on;
    this.down.blackHole = on;
  }

  /** Takes all faults back. */
  heal(): void {
    Object.assign(this.up, NO_FAULTS);
    Object.assign(this.down, NO_FAULTS);
  }

  /** Idempotent. */
  close(): Promise<void> {
    return this.unplug();
  }

  #accept(client: Socket): void {
    const server = connect({ port: this.#targetPort, host: '127.0.0.1', allowHalfOpen: true });
    const connection = new ProxiedConnection(client, server, this);
    this.#open.add(connection);
    this.records.push(connection);
    void connection.closed.then(() => this.#open.delete(connection));
  }
}

/** Makes a rule that spoils single bytes. */
export function flipBytes(...offsets: readonly number[]): FaultRules['spoil'] {
  return (piece, start) => {
    for (const offset of offsets) {
      const at = offset - start;
      if (at >= 0 && at < piece.length) piece.writeUInt8(piece.readUInt8(at) ^ 0xff, at);
    }
  };
}

class ProxiedConnection implements ProxyRecord {
  readonly acceptedAtMs = performance.now();
  readonly bytes = { up: 0, down: 0 };
  readonly closed: Promise<unknown>;
  open = true;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #rules: Readonly<Record<Direction, FaultRules>>;
  readonly #onClosed: (() => void)[] = [];

  constructor(client: Socket, server: Socket, rules: Readonly<Record<Direction, FaultRules>>) {
    this.#client = client;
    this.#server = server;
    this.#rules = rules;
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined); // `close` follows
      socket.on('close', (hadError: boolean) => { void this.#lose(hadError ? 'reset' : 'end'); });
    }
    this.closed = Promise.all([client, server].map((socket) => new Promise((resolve) => { socket.once('close', resolve); })));
    void this.#pass('up', client, server);
    void this.#pass('down', server, client);
  }

  cut(how: Ending): void {
    if (!this.open) return;
    this.open = false;
    for (const socket of [this.#client, this.#server]) {
      // One that is not through yet has nobody to say goodbye to.
      if (socket.connecting) socket.destroy();
      else if (how === 'reset') socket.resetAndDestroy();
      else socket.end(() => { socket.destroy(); });
    }
    for (const wake of this.#onClosed.splice(0)) wake();
  }

  halfClose(direction: Direction): void {
    (direction === 'up' ? this.#server : this.#client).end();
  }

  /** The other side hears of it, unless a black hole is between them. */
  async #lose(how: Ending): Promise<void> {
    await this.#poll(() => !this.#rules.up.blackHole);
    this.cut(how);
  }

  async #pass(direction: Direction, from: Socket, to: Socket): Promise<void> {
    const rules = this.#rules[direction];
    const waiting: { readonly atMs: number; readonly bytes: Buffer }[] = [];
    let waitingBytes = 0;
    const sender = { ended: false };
    let wake = (): void => undefined;
    this.#onClosed.push(() => { wake(); });
    from.on('data', (chunk: Buffer) => {
      waiting.push({ atMs: performance.now(), bytes: Buffer.from(chunk) });
      waitingBytes += chunk.length;
      if (waitingBytes > MAX_WAITING_BYTES) from.pause();
      wake();
    });
    from.once('end', () => {
      sender.ended = true;
      wake();
    });
    while (this.open) {
      const next = waiting.shift();
      if (next === undefined) {
        if (sender.ended) break;
        await new Promise<void>((resolve) => { wake = resolve; });
        continue;
      }
      await this.#poll(() => !rules.blackHole && performance.now() >= next.atMs + rules.latencyMs);
      await this.#write(direction, to, next.bytes);
      waitingBytes -= next.bytes.length;
      if (waitingBytes <= MAX_WAITING_BYTES) from.resume();
    }
    await this.#poll(() => !rules.blackHole);
    if (this.open) to.end();
    // The record of a connection outlives it; what never got through is not to.
    waiting.length = 0;
  }

  async #write(direction: Direction, to: Socket, bytes: Buffer): Promise<void> {
    const rules = this.#rules[direction];
    for (let offset = 0; offset < bytes.length && this.open; ) {
      const left = rules.cutAfter === null ? Infinity : rules.cutAfter.bytes - this.bytes[direction];
      if (rules.cutAfter !== null && left <= 0) {
        this.cut(rules.cutAfter.how);
        return;
      }
      const piece = bytes.subarray(offset, offset + Math.min(rules.pieceBytes, left));
      rules.spoil?.(piece, this.bytes[direction]);
      const flows = to.write(piece);
      offset += piece.length;
      this.bytes[direction] += piece.length;
      const dueMs = rules.bytesPerSecond === null ? 0 : performance.now() + (piece.length / rules.bytesPerSecond) * 1000;
      await this.#poll(() => (flows || !to.writableNeedDrain) && performance.now() >= dueMs);
    }
  }

  /** Looks every millisecond, which only goes on while something is wrong; over, too, when the connection is. */
  async #poll(condition: () => boolean): Promise<void> {
    while (this.open && !condition()) await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
