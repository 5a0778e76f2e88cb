import { connect, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import { until } from '../helpers/until.js';
import { ViewerProcess } from '../helpers/viewer-process.js';
import { upgradeHeaders } from '../viewers/support/raw-http.js';
import { report } from './report.js';

/** F27: clients that say nothing, or say it as slowly as they can, to take all connections. The limits are the real ones. */

const TARGET_MS = 10_000;
/** Time of the whole request, body included: a camera's definition over a bad line is a matter of seconds. */
const TARGET_BODY_MS = 16_000;
const DRIP_MS = 500;
const EACH = 20;

const UPGRADE = Object.entries(upgradeHeaders(1)).filter(([name]) => name !== 'Host').map(([name, value]) => `${name}: ${value}`).join('\r\n');

type Way = { readonly name: string; readonly first: string; readonly drip: string; readonly targetMs: number };

/** What is said first, and what then in every half a second, without ever coming to an end. */
const WAYS: readonly Way[] = [
  { name: 'nothing at all', first: '', drip: '', targetMs: TARGET_MS },
  { name: 'line by line of an HTTP head', first: 'GET /healthz HTTP/1.1\r\n', drip: 'X: 1\r\n', targetMs: TARGET_MS },
  { name: 'letter by letter of an HTTP head', first: 'GET /', drip: 'a', targetMs: TARGET_MS },
  { name: 'empty lines before a head', first: '\r\n', drip: '\r\n', targetMs: TARGET_MS },
  { name: 'line by line of an upgrade', first: `GET /ws HTTP/1.1\r\n${UPGRADE}\r\n`, drip: 'X: 1\r\n', targetMs: TARGET_MS },
  { name: 'letter by letter of an upgrade', first: `GET /ws HTTP/1.1\r\n${UPGRADE}\r\nX: `, drip: 'a', targetMs: TARGET_MS },
  { name: 'a second head on a connection that was answered', first: 'GET /healthz HTTP/1.1\r\n\r\nGET /ws HTTP/1.1\r\n', drip: 'X: 1\r\n', targetMs: TARGET_MS },
  { name: 'a body', first: 'POST /api/session HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n', drip: ' ', targetMs: TARGET_BODY_MS },
  { name: 'a body in pieces', first: 'POST /api/session HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n', drip: '1\r\n \r\n', targetMs: TARGET_BODY_MS },
];

/** Opens connections that speak in this way; gives how long each lived, ms. */
function livesOf(port: number, { first, drip }: Way): Promise<number[]> {
  return Promise.all(Array.from({ length: EACH }, async () => {
    const socket = await opened(port);
    const startMs = performance.now();
    socket.write(first);
    const timer = setInterval(() => socket.writable && drip !== '' && socket.write(drip), DRIP_MS);
    await until(() => socket.closed, { timeoutMs: 30_000, what: 'the server to close' });
    clearInterval(timer);
    return performance.now() - startMs;
  }));
}

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined); // resets are the point
  socket.resume();
  await until(() => !socket.connecting);
  return socket;
}

// At once: nearly all of it is waiting.
describe('slow clients (F27)', () => {
  it.concurrent('are closed in time, whatever it is that they do not finish', async () => {
    const server = await ViewerProcess.start();
    try {
      await Promise.all(WAYS.map(async (way) => {
        const lives = await livesOf(server.port, way);
        const longestMs = Math.max(...lives);
        report(`F27 ${way.name}`, { connections: lives.length, 'longest ms': longestMs, 'target ms': way.targetMs });
        expect(longestMs, way.name).toBeLessThanOrEqual(way.targetMs);
      }));
    } finally {
      await server.kill();
    }
  });

  it.concurrent('never hold more connections than the limit, and one that is served goes on meanwhile', async () => {
    const server = await ViewerProcess.start({ limits: { maxConnectionsPerAddress: 100 } });
    const sockets: Socket[] = [];
    try {
      const neighbour = await opened(server.port);
      let answers = 0;
      neighbour.on('data', (chunk: Buffer) => (answers += chunk.toString('latin1').split('HTTP/1.1 200').length - 1));
      const asked = async (): Promise<void> => {
        const before = answers;
        neighbour.write('GET /healthz HTTP/1.1\r\n\r\n');
        await until(() => answers > before, { what: 'an answer' });
      };
      await asked();
      sockets.push(...(await Promise.all(Array.from({ length: 500 }, () => opened(server.port)))));
      for (const socket of sockets) socket.write('GET /ws HTTP/1.1\r\n');
      await until(() => sockets.filter(({ closed }) => closed).length === 401, { what: 'those that are too many to be dropped' });
      const held = await server.connections();
      report('F27 connections', { asked: 501, held, limit: 100 });
      expect(held).toBe(100);
      await asked();
      // Those that are given up make room for others.
      const later = await until(async () => {
        const socket = await opened(server.port);
        sockets.push(socket);
        socket.write('GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n');
        let text = '';
        socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
        await until(() => socket.closed);
        return text.startsWith('HTTP/1.1 200');
      }, { timeoutMs: 15_000, what: 'room' });
      expect(later).toBe(true);
    } finally {
      for (const socket of sockets) socket.destroy();
      await server.kill();
    }
  });
});
