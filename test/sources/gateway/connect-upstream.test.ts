import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { ClosedError, SourceOpenError } from '../../../src/core/errors.js';
import { connectUpstream, type ConnectOptions } from '../../../src/sources/gateway/connect-upstream.js';
import { freePort } from '../../helpers/rtsp-camera.js';
import { selfSigned } from '../../helpers/self-signed.js';
import { until } from '../../helpers/until.js';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

type Listening = { readonly port: number; readonly sockets: Socket[]; readonly open: () => number };

/** A server that says hello and nothing else. */
async function listen(host: string, server: Server = createServer(), event = 'connection', port = 0): Promise<Listening> {
  const sockets: Socket[] = [];
  server.on('connection', (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    if (event !== 'secureConnection') socket.resume();
  });
  server.on(event, (socket: Socket) => { socket.write('hello'); });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => { server.listen(port, host, resolve); });
  closers.push(() => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  }));
  return { port: (server.address() as AddressInfo).port, sockets, open: () => sockets.filter((socket) => !socket.destroyed).length };
}

async function connect(options: Partial<ConnectOptions> & { port: number }): Promise<Socket> {
  const socket = await connectUpstream({ addresses: ['127.0.0.1'], tlsHost: null, timeoutMs: 2_000, displayName: 'the camera', ...options });
  closers.push(() => { socket.destroy(); });
  return socket;
}

const firstBytes = (socket: Socket): Promise<string> => new Promise((resolve) => { socket.once('data', (chunk: Buffer) => { resolve(chunk.toString()); }); });

describe('connectUpstream', () => {
  it('takes the first address that answers', async () => {
    const server = await listen('127.0.0.3');
    const socket = await connect({ addresses: ['127.0.0.2', '127.0.0.3', '127.0.0.4'], port: server.port });
    expect(await firstBytes(socket)).toBe('hello');
    expect(socket.remoteAddress).toBe('127.0.0.3');
    expect(socket.listenerCount('close') + socket.listenerCount('connect')).toBe(0);
  });

  it('says in words that nobody listens', async () => {
    const refused = connect({ addresses: ['127.0.0.1', '127.0.0.2'], port: await freePort() });
    await expect(refused).rejects.toMatchObject({ code: 'source-open', retryable: true, message: 'the camera: connection refused: is the address right and the camera on?' });
  });

  it('refuses to connect to nothing', async () => {
    await expect(connect({ addresses: [], port: 1 })).rejects.toThrow(SourceOpenError);
  });

  it('speaks TLS with a certificate that signs itself, by whatever name', async () => {
    const server = await listen('127.0.0.1', createTlsServer(selfSigned()), 'secureConnection');
    for (const tlsHost of ['another.example', 'xn--bcher-kva.example', '127.0.0.1', 'a_b']) expect(await firstBytes(await connect({ port: server.port, tlsHost }))).toBe('hello');
  });

  it('ends in time when a TLS server does not greet, and leaves no time out for the next address', async () => {
    const silent = await listen('127.0.0.1', createServer(), 'never');
    const startMs = performance.now();
    await expect(connect({ port: silent.port, tlsHost: 'camera', timeoutMs: 100 })).rejects.toThrow('the camera: no answer in time');
    expect(performance.now() - startMs).toBeLessThan(1_000);
    await until(() => silent.open() === 0);
    await listen('127.0.0.2', createTlsServer(selfSigned()), 'secureConnection', silent.port);
    expect((await connect({ addresses: ['127.0.0.1', '127.0.0.2'], port: silent.port, tlsHost: 'camera', timeoutMs: 2_000 })).remoteAddress).toBe('127.0.0.2');
  });

  it('says that a server hung up while it greeted', async () => {
    const server = createServer((socket) => { socket.end(); });
    const { port } = await listen('127.0.0.1', server, 'never');
    await expect(connect({ port, tlsHost: 'camera' })).rejects.toMatchObject({ code: 'source-open', retryable: true });
  });

  it('ends when it is told to, before and while it connects, and leaves no connection', async () => {
    const silent = await listen('127.0.0.1', createServer(), 'never');
    const abort = new AbortController();
    const running = connect({ port: silent.port, tlsHost: 'camera', signal: abort.signal });
    await until(() => silent.sockets.length === 1);
    abort.abort();
    await expect(running).rejects.toThrow(ClosedError);
    await until(() => silent.open() === 0);
    await expect(connect({ addresses: ['127.0.0.1', '127.0.0.2'], port: silent.port, signal: abort.signal })).rejects.toThrow(ClosedError);
    expect(silent.sockets).toHaveLength(1);
  });
});
