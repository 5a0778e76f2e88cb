import { describe, expect, it } from 'vitest';
import { until } from '../helpers/until.js';
import { TestViewer } from './support/client.js';
import { attacks, clientFrame, closeCodeIn, PING, type Attack } from './support/client-frames.js';
import { openSocket, upgradeHeaders } from './support/raw-http.js';
import { startServer } from './support/server.js';
import type { Socket } from 'node:net';

/** Upgrades a raw connection; `received` collects what comes after the handshake. */
async function rawViewer(port: number): Promise<{ socket: Socket; received: () => Buffer }> {
  const socket = openSocket(port);
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
  socket.write(`GET /ws HTTP/1.1\r\n${Object.entries(upgradeHeaders(port)).map(([name, value]) => `${name}: ${value}`).join('\r\n')}\r\n\r\n`);
  await until(() => bytes.includes('hello'));
  bytes = Buffer.alloc(0);
  return { socket, received: () => bytes };
}

describe('viewer server under hostile clients', () => {
  it.each(attacks().map((each): [string, Attack] => [each.name, each]))('closes a socket that sends %s, and no other', async (_name, { bytes, code }) => {
    const { port, directory, metrics } = await startServer();
    const neighbour = await TestViewer.connect(port);
    const { socket, received } = await rawViewer(port);
    socket.write(clientFrame(0x81, Buffer.from('{"type":"subscribe","stream":"door"}')));
    await until(() => directory.watchers('door') === 1);
    socket.write(bytes);
    expect(await until(() => closeCodeIn(received()), { what: 'a close frame' })).toBe(code);
    expect(directory.watchers('door')).toBe(0);
    socket.destroy();
    await until(async () => (await metrics.viewers.get()).values[0]?.value === 1);
    await neighbour.settle();
  });

  it.each([
    ['pings', clientFrame(0x89, Buffer.alloc(125))],
    ['messages', clientFrame(0x81, PING)],
  ])('cuts off a client that makes it answer %s without reading', async (_name, frame) => {
    const { port, metrics } = await startServer();
    const { socket } = await rawViewer(port);
    socket.pause();
    const flood = Buffer.concat(Array.from({ length: 1000 }, () => frame));
    const pump = (): void => {
      while (!socket.destroyed && socket.write(flood));
    };
    socket.on('drain', pump);
    pump();
    await until(async () => (await metrics.viewers.get()).values[0]?.value === 0, { timeoutMs: 20_000 });
  });

  it('survives random bytes after the upgrade', async () => {
    const { port, metrics } = await startServer();
    for (let round = 0; round < 30; round += 1) {
      const { socket } = await rawViewer(port);
      socket.end(Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7919 + round * 104_729) % 256)));
    }
    await until(async () => (await metrics.viewers.get()).values[0]?.value === 0, { timeoutMs: 15_000 });
    await TestViewer.connect(port);
  });

  it('survives a connection that is reset during the upgrade', async () => {
    const { port } = await startServer();
    for (let round = 0; round < 20; round += 1) {
      const socket = openSocket(port);
      socket.write(`GET /ws HTTP/1.1\r\nOrigin: http://evil.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`, () => socket.resetAndDestroy());
      await until(() => socket.destroyed);
    }
    await TestViewer.connect(port);
  });
});

describe('viewer server', () => {
  it('pings every viewer and drops the one that answers nothing', async () => {
    const { port, metrics, directory } = await startServer({ limits: { tickMs: 20, pingIntervalMs: 100, pongWaitMs: 60 } });
    const alive = await TestViewer.connect(port);
    const dead = await TestViewer.connect(port, { autoPong: false });
    dead.send({ type: 'subscribe', stream: 'door' });
    await until(() => directory.watchers('door') === 1);
    const startMs = performance.now();
    expect(await dead.closed()).toBe(1006);
    expect(performance.now() - startMs).toBeGreaterThan(150);
    expect(directory.watchers('door')).toBe(0);
    await alive.settle();
    expect((await metrics.viewers.get()).values[0]?.value).toBe(1);
  });

  it('leaves nothing behind when 200 viewers come and go', async () => {
    const { port, directory, metrics } = await startServer();
    directory.addStream('yard');
    directory.play('door', 20);
    directory.play('yard', 20);
    const viewers: TestViewer[] = [];
    for (let group = 0; group < 10; group += 1) {
      viewers.push(...(await Promise.all(Array.from({ length: 20 }, () => TestViewer.connect(port)))));
    }
    viewers.forEach((viewer, index) => {
      viewer.acknowledges = index % 2 === 0;
      viewer.send({ type: 'subscribe', stream: 'door', maxWidthPx: 160 });
      viewer.send({ type: 'subscribe', stream: 'yard', maxWidthPx: 160, maxFps: 7 });
    });
    await until(() => viewers.every((viewer) => viewer.frames.length > 2), { timeoutMs: 20_000 });
    expect([directory.watchers('door'), directory.watchers('yard'), directory.listenerCount]).toEqual([200, 200, 1]);
    viewers.forEach((viewer, index) => (index % 3 === 0 ? viewer.ws.terminate() : viewer.ws.close()));
    await until(async () => (await metrics.viewers.get()).values[0]?.value === 0, { timeoutMs: 20_000 });
    directory.pause('door');
    directory.pause('yard');
    await until(() => directory.heldFrames === 0);
    expect([directory.watchers('door'), directory.watchers('yard'), directory.listenerCount]).toEqual([0, 0, 1]);
  });

  it('says goodbye with 1001, ends all answers and lets go of everything on close, twice in a row', async () => {
    const { port, base, directory, close } = await startServer();
    directory.play('door', 50);
    const viewer = await TestViewer.connect(port);
    viewer.send({ type: 'subscribe', stream: 'door' });
    await until(() => viewer.frames.length > 0);
    const mjpeg = await fetch(`${base}/api/streams/door/mjpeg`);
    const ended = mjpeg.arrayBuffer();
    openSocket(port);
    const startMs = performance.now();
    const [first, second] = [close(), close()];
    expect(await viewer.closed()).toBe(1001);
    await Promise.all([first, second, ended]);
    expect(performance.now() - startMs).toBeLessThan(1500);
    expect([directory.watchers('door'), directory.listenerCount]).toEqual([0, 0]);
    directory.pause('door');
    await until(() => directory.heldFrames === 0);
    await expect(fetch(`${base}/healthz`)).rejects.toThrow();
    await close();
  });

  it('waits for clients that do not go only as long as it must', async () => {
    const { port, directory, close } = await startServer({ limits: { closeWaitMs: 300 } });
    const { socket } = await rawViewer(port);
    const stuck = await TestViewer.connect(port);
    stuck.send({ type: 'subscribe', stream: 'door' });
    await stuck.settle();
    stuck.ws.pause();
    directory.play('door', 50, { jpegBytes: 500_000 });
    await until(() => directory.skipped('door') > 0);
    openSocket(port).write('GET / HTTP/1.1\r\n');
    const startMs = performance.now();
    await close();
    expect(performance.now() - startMs).toBeLessThan(1500);
    await until(() => socket.destroyed);
    directory.pause('door');
    await until(() => directory.heldFrames === 0);
    expect(directory.watchers('door')).toBe(0);
  });
});
