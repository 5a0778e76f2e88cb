import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import type { Socket } from 'node:net';
import { addressKey } from './client-address.js';
import type { ViewerLimits } from './viewer-limits.js';

/** Every TCP connection of a server: how many there are, in all and of each address, and which to end first. */
export class Connections {
  /** As they were accepted: under TLS, what is encrypted. */
  readonly #accepted = new Set<Socket>();
  /** What HTTP is spoken on. */
  readonly #spoken = new Set<Socket>();
  /** Those that have asked for something. */
  readonly #asked = new WeakSet<Socket>();
  readonly #perAddress = new Map<string, number>();

  /** @param onDropped told of each connection that is one too many */
  constructor(server: HttpServer | HttpsServer, isTls: boolean, limits: Pick<ViewerLimits, 'maxConnections' | 'maxConnectionsPerAddress'>, onDropped: (address: string) => void) {
    server.maxConnections = limits.maxConnections;
    server.on('drop', (dropped?: { readonly remoteAddress?: string }) => onDropped(addressKey(dropped?.remoteAddress)));
    server.on('connection', (socket: Socket) => {
      const address = addressKey(socket.remoteAddress);
      const count = (this.#perAddress.get(address) ?? 0) + 1;
      if (count > limits.maxConnectionsPerAddress) {
        socket.destroy();
        onDropped(address);
        return;
      }
      this.#perAddress.set(address, count);
      follow(this.#accepted, socket, () => this.#leave(address));
    });
    server.on(isTls ? 'secureConnection' : 'connection', (socket: Socket) => follow(this.#spoken, socket));
    server.on('request', ({ socket }) => this.#asked.add(socket));
    server.on('upgrade', ({ socket }) => this.#asked.add(socket));
  }

  /** How many are open. */
  get size(): number {
    return this.#accepted.size;
  }

  /** Ends those that nothing was asked on: browsers open some ahead of need, and Node does not count them among the idle ones. */
  destroyUnused(): void {
    for (const socket of this.#spoken) if (!this.#asked.has(socket)) socket.destroy();
  }

  destroyAll(): void {
    for (const socket of [...this.#spoken, ...this.#accepted]) socket.destroy();
  }

  #leave(address: string): void {
    const left = (this.#perAddress.get(address) ?? 0) - 1;
    if (left > 0) this.#perAddress.set(address, left);
    else this.#perAddress.delete(address);
  }
}

function follow(sockets: Set<Socket>, socket: Socket, onClose?: () => void): void {
  if (socket.destroyed) return;
  sockets.add(socket);
  socket.once('close', () => {
    sockets.delete(socket);
    onClose?.();
  });
}
