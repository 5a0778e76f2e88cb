import { describe, expect, it } from 'vitest';
import { until } from '../helpers/until.js';
import { TestViewer } from './support/client.js';
import { openSocket, rawGet } from './support/raw-http.js';
import { startServer } from './support/server.js';

describe('connections', () => {
  it.each([
    ['of one address', { maxConnectionsPerAddress: 5 }],
    ['in all', { maxConnections: 5 }],
  ])('%s are limited; one that ends makes room', async (_what, limits) => {
    const { port, logLines } = await startServer({ limits });
    const viewers = await Promise.all(Array.from({ length: 5 }, () => TestViewer.connect(port)));
    const sixth = openSocket(port);
    await until(() => sixth.destroyed, { what: 'the sixth to be dropped' });
    expect((await rawGet(port, '/healthz')).status).toBe(0);
    expect(logLines.join('')).toMatch(/"address":"127\.0\.0\.1".*too many connections/);
    viewers[0]?.ws.terminate();
    await until(async () => (await rawGet(port, '/healthz')).status === 200);
    await Promise.all(viewers.slice(1).map((viewer) => viewer.settle()));
  });

  it('that come and go leave no count behind', async () => {
    const { port } = await startServer({ limits: { maxConnectionsPerAddress: 2 } });
    for (let count = 0; count < 50; count += 1) await until(async () => (await rawGet(port, '/healthz')).status === 200);
  });

  it('that are silent in the middle of an answer are ended', async () => {
    const { port } = await startServer({ limits: { idleTimeoutMs: 200 } });
    const socket = openSocket(port);
    // The body is announced and never comes; its own limit is far longer.
    socket.write('POST /api/session HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{');
    await until(() => socket.destroyed, { timeoutMs: 5000 });
  });

  it('of pictures that wait for a frame are not', async () => {
    const { base, directory } = await startServer({ limits: { idleTimeoutMs: 100 } });
    const response = await fetch(`${base}/api/streams/door/mjpeg`);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const endMs = performance.now() + 400;
    await until(() => performance.now() > endMs);
    directory.offer('door');
    expect((await reader.read()).done).toBe(false);
    await reader.cancel();
  });
});
