import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A server that nobody may reach: it counts whoever connects, takes what is sent and answers as a web server with an answer that would be worth having. */
export type Canary = {
  readonly host: string;
  readonly port: number;
  /** `host:port` as a URL has it. */
  readonly authority: string;
  /** Connections so far. */
  readonly hits: number;
  /** What was sent, for messages. */
  readonly heard: readonly string[];
  close(): Promise<void>;
};

/** Starts one.
 * @param answer sent at once to whoever connects; default: a small page
 * @returns `null` where this machine does not have the address */
export async function startCanary(host = '127.0.0.1', answer: Buffer | string = 'HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\n\r\nSECRET'): Promise<Canary | null> {
  const sockets = new Set<Socket>();
  const heard: string[] = [];
  let hits = 0;
  const server = createServer((socket) => {
    hits += 1;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => { sockets.delete(socket); });
    socket.on('data', (chunk: Buffer) => { heard.push(chunk.toString('latin1', 0, 500)); });
    socket.end(answer);
  });
  const listens = await new Promise<boolean>((resolve) => {
    server.once('error', () => { resolve(false); });
    server.listen(0, host, () => { resolve(true); });
  });
  if (!listens) return null;
  const { port } = server.address() as AddressInfo;
  return {
    host,
    port,
    authority: `${host.includes(':') ? `[${host}]` : host}:${String(port)}`,
    get hits() {
      return hits;
    },
    heard,
    close: () => new Promise((resolve) => {
      server.close(() => { resolve(); });
      for (const socket of sockets) socket.destroy();
    }),
  };
}
