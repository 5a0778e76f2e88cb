import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { healthCheckRpc } from '../../src/serving/rpcs.js';
import { ServingClient } from '../../src/serving/serving-client.js';
import { until } from '../helpers/until.js';

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const ROUNDS = 1000;
const WARM_UP = 200;
/** Growth over a thousand rounds that is noise: a leaked channel takes some 50 KB. */
const HEAP_SLACK_BYTES = 3_000_000;
const soon = { deadlineMs: 10_000 };

/** A server of health alone, on bare HTTP/2: it can cut its connections. */
async function startServer(): Promise<{ endpoint: string; connections: Set<Socket> }> {
  const connections = new Set<Socket>();
  const server = createServer();
  server.on('connection', (socket: Socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
  });
  server.on('session', (session) => session.on('error', () => undefined));
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    answer(stream);
  });
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  closers.push(() => new Promise((resolve) => {
    for (const socket of connections) socket.destroy();
    server.close(resolve);
  }));
  return { endpoint: `127.0.0.1:${String((server.address() as AddressInfo).port)}`, connections };
}

function answer(stream: ServerHttp2Stream): void {
  const message = healthCheckRpc.response.encode({ status: 'SERVING' });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => { stream.sendTrailers({ 'grpc-status': '0' }); });
  stream.end(Buffer.concat([head, message]));
}

async function heapBytes(): Promise<number> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let turn = 0; turn < 3; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    collect();
  }
  return process.memoryUsage().heapUsed;
}

function handles(): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of process.getActiveResourcesInfo()) if (/Socket|TCP|TLS/.test(name)) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

async function expectFlat(round: () => Promise<void>, connections: Set<Socket>): Promise<void> {
  for (let index = 0; index < WARM_UP; index += 1) await round();
  await until(() => connections.size === 0);
  const heapBefore = await heapBytes();
  const handlesBefore = handles();
  for (let index = 0; index < ROUNDS; index += 1) await round();
  await until(() => connections.size === 0);
  expect((await heapBytes()) - heapBefore).toBeLessThan(HEAP_SLACK_BYTES);
  expect(handles()).toEqual(handlesBefore);
}

describe('ServingClient', () => {
  it('leaves nothing behind when a thousand of them were used and closed', async () => {
    const { endpoint, connections } = await startServer();
    await expectFlat(async () => {
      const client = new ServingClient({ endpoint });
      expect(await client.checkHealth(soon)).toBe('serving');
      await client.close();
    }, connections);
  });

  it('keeps nothing of a thousand connections that broke', async () => {
    const { endpoint, connections } = await startServer();
    const client = new ServingClient({ endpoint });
    closers.push(() => client.close());
    await expectFlat(async () => {
      expect(await client.checkHealth(soon)).toBe('serving');
      for (const socket of connections) socket.destroy();
      await until(() => !client.isConnected);
    }, connections);
  });
});
