import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
import { createLogger } from '../../src/telemetry/logger.js';
import { FrameHub } from '../../src/viewers/frame-hub.js';
import { decodeFrameMessage } from '../../src/viewers/frame-message.js';
import { RenditionCache } from '../../src/viewers/rendition.js';
import { DEFAULT_VIEWER_LIMITS } from '../../src/viewers/viewer-limits.js';
import { ViewerSocket } from '../../src/viewers/viewer-socket.js';
import { FakeDirectory } from '../helpers/fake-directory.js';
import { until } from '../helpers/until.js';

/** Stands in for a socket whose kernel buffer is filled and drained by the test. */
class ScriptedSocket extends EventEmitter {
  readonly OPEN = 1;
  readyState = 1;
  bufferedAmount = 0;
  /** Streams of the frames sent, in order, and the text messages. */
  readonly sent: string[] = [];
  #callbacks: (() => void)[] = [];

  send(data: Buffer | string, ...rest: unknown[]): void {
    this.bufferedAmount += data.length;
    if (typeof data === 'string') this.sent.push(data);
    const callback = rest.at(-1);
    if (typeof callback === 'function') this.#callbacks.push(callback as () => void);
  }

  /** Frames come past the library: whole messages behind two to ten bytes of framing, in one piece or in two. */
  write(data: Buffer, callback?: () => void): void {
    this.bufferedAmount += data.length;
    if (data[0] === 0x82) this.sent.push(decodeFrameMessage(data.subarray(data[1] === 127 ? 10 : data[1] === 126 ? 4 : 2)).header.stream);
    if (callback !== undefined) this.#callbacks.push(callback);
  }

  ping(_data?: unknown, _mask?: unknown, callback?: () => void): void {
    if (callback !== undefined) this.#callbacks.push(callback);
    else this.emit('pong');
  }

  cork(): void {
    // nothing to gain here
  }

  uncork(): void {
    // nothing to gain here
  }

  drainTo(bufferedAmount: number): void {
    this.bufferedAmount = bufferedAmount;
    const callbacks = this.#callbacks;
    this.#callbacks = [];
    for (const callback of callbacks) callback();
  }
}

function connect(): { socket: ScriptedSocket; directory: FakeDirectory; viewer: ViewerSocket; say: (message: object) => void } {
  const directory = new FakeDirectory();
  for (const id of ['big', 'small']) directory.addStream(id);
  const socket = new ScriptedSocket();
  const log = createLogger({ level: 'silent', format: 'json' });
  const context = { directory, hub: new FrameHub(directory), renditions: new RenditionCache(), limits: { ...DEFAULT_VIEWER_LIMITS, maxBufferedBytes: 512 * 1024 }, log, isValid: () => true, onRenderError: () => undefined, onFrameSent: () => undefined };
  const anybody = { name: 'x', role: 'viewer', streams: null, expiresAtMs: null } as const;
  const viewer = new ViewerSocket(socket as unknown as WebSocket, socket as unknown as Duplex, anybody, context, () => undefined);
  const say = (message: object): void => void socket.emit('message', Buffer.from(JSON.stringify(message)), false);
  return { socket, directory, viewer, say };
}

/** Lets one frame of each stream through, so that their sizes are known, and forgets it. */
async function warmUp({ socket, directory, say }: ReturnType<typeof connect>): Promise<void> {
  for (const stream of ['big', 'small']) say({ type: 'subscribe', stream });
  directory.offer('big', { jpegBytes: 200_000 });
  directory.offer('small', { jpegBytes: 40_000 });
  await until(() => socket.sent.filter((text) => text === 'big' || text === 'small').length === 2);
  socket.drainTo(0);
  socket.sent.length = 0;
}

describe('turns on one socket', () => {
  it('lets a large frame that waits for room go before a small one that came later', async () => {
    const setup = connect();
    const { socket, directory } = setup;
    await warmUp(setup);
    directory.setStatus('small', { state: 'running' }); // something whose sending can end
    socket.bufferedAmount = 400_000;
    directory.offer('big', { jpegBytes: 200_000 });
    directory.offer('small', { jpegBytes: 40_000 });
    socket.sent.length = 0;
    socket.drainTo(0);
    await until(() => socket.sent.length === 2);
    expect(socket.sent).toEqual(['big', 'small']);
    expect(directory.heldFrames).toBe(0);
  });

  it('keeps only the newest status of each stream while the socket is full', async () => {
    const setup = connect();
    const { socket, directory } = setup;
    await warmUp(setup);
    directory.setStatus('big', { ageMs: 1 });
    socket.sent.length = 0;
    socket.bufferedAmount = 570_000;
    for (let ageMs = 2; ageMs < 50; ageMs += 1) directory.setStatus('big', { ageMs });
    directory.setStatus('small', { ageMs: 7 });
    directory.removeStream('small');
    expect(socket.sent).toEqual(['{"type":"removed","stream":"small"}']);
    socket.drainTo(0);
    expect(socket.sent.slice(1).map((text) => (JSON.parse(text) as { stream: { ageMs: number } }).stream.ageMs)).toEqual([49]);
  });

  it('counts a socket as stalled only while nothing drains and something waits', async () => {
    const setup = connect();
    const { socket, directory, viewer } = setup;
    await warmUp(setup);
    let isCutOff = false;
    Object.assign(socket, { terminate: () => (isCutOff = true) });
    directory.setStatus('big', { ageMs: 1 });
    socket.bufferedAmount = 570_000;
    viewer.tick(performance.now() + 20_000);
    expect(isCutOff).toBe(false); // nothing waits
    directory.offer('big', { jpegBytes: 200_000 });
    const blockedAtMs = performance.now();
    viewer.tick(blockedAtMs + 9900);
    expect(isCutOff).toBe(false);
    socket.bufferedAmount = 550_000; // it drains, if slowly
    viewer.tick(blockedAtMs + 10_100);
    viewer.tick(blockedAtMs + 20_000);
    expect(isCutOff).toBe(false);
    viewer.tick(blockedAtMs + 20_200);
    expect(isCutOff).toBe(true);
    expect(directory.heldFrames).toBe(0);
  });
});
