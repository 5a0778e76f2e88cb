import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { AnnotatedFrame } from '../../src/core/frames.js';
import { decodeFrameMessage, FrameMessage } from '../../src/viewers/frame-message.js';
import { SocketOutbox } from '../../src/viewers/socket-outbox.js';
import { DEFAULT_VIEWER_LIMITS, type ViewerLimits } from '../../src/viewers/viewer-limits.js';
import { SeededRandom } from '../faults/seeded-random.js';
import { until } from '../helpers/until.js';

/** Sizes around the steps of a WebSocket frame's length field and of joining, and large ones. */
const JPEG_BYTES = [0, 1, 100, 16_384, 16_385, 65_000, 65_300, 65_535, 65_536, 200_000];

function message(seq: number, jpegBytes: number): FrameMessage {
  const frame: AnnotatedFrame = { streamId: 's', seq, ptsMs: seq, capturedAtMs: 1, model: null, detections: [], widthPx: 1, heightPx: 1, timingsMs: { capture: 0, queue: 0, predict: 0, annotate: 0 }, jpeg: Buffer.alloc(jpegBytes, seq % 256) };
  return new FrameMessage(frame);
}

/** A real client, and the way out of the server's end of its socket. */
async function connect(limits: ViewerLimits = DEFAULT_VIEWER_LIMITS): Promise<{ client: WebSocket; server: WebSocket; outbox: SocketOutbox; drained: () => number }> {
  const http: Server = createServer();
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const accepted = new Promise<[WebSocket, Duplex]>((resolve) => {
    http.on('upgrade', (request, socket, head) => { sockets.handleUpgrade(request, socket, head, (ws) => { resolve([ws, socket]); }); });
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  const client = new WebSocket(`ws://127.0.0.1:${String((http.address() as AddressInfo).port)}`);
  onTestFinished(() => {
    client.terminate();
    http.close();
  });
  const [server, socket] = await accepted;
  let drains = 0;
  const outbox = new SocketOutbox(server, socket, limits, () => (drains += 1), () => undefined);
  return { client, server, outbox, drained: () => drains };
}

describe('frames past the library', () => {
  it.each([1, 2, 3, 4, 5, 6])('come whole and in order between texts, pings and a close (seed %i)', async (seed) => {
    const generator = new SeededRandom(seed);
    const random = (): number => generator.next();
    // Nobody asks for room here: what counts is what comes out.
    const { client, server, outbox } = await connect({ ...DEFAULT_VIEWER_LIMITS, maxBufferedBytes: 100_000_000 });
    const sent: string[] = [];
    const received: string[] = [];
    let code = 0;
    client.on('message', (data: Buffer, isBinary: boolean) => {
      if (!isBinary) return void received.push(data.toString());
      const { header, jpeg } = decodeFrameMessage(data);
      received.push(`frame ${String(header.seq)} ${String(jpeg.length)} ${String(jpeg.every((byte) => byte === header.seq % 256))}`);
    });
    client.on('ping', (data: Buffer) => received.push(`ping ${data.toString()}`));
    client.on('close', (closed) => (code = closed));
    client.on('error', (error) => received.push(`error ${error.message}`));
    for (let seq = 0; seq < 200; seq += 1) {
      const act = Math.floor(random() * 10);
      if (act === 0) {
        outbox.sendText(JSON.stringify({ type: 'pong', t: seq }));
        sent.push(JSON.stringify({ type: 'pong', t: seq }));
      } else if (act === 1) {
        server.ping(String(seq));
        sent.push(`ping ${String(seq)}`);
      } else {
        const bytes = JPEG_BYTES[Math.floor(random() * JPEG_BYTES.length)] ?? 0;
        const shared = message(seq, bytes);
        const times = 1 + Math.floor(random() * 2); // the same message again: as if to a second viewer
        for (let time = 0; time < times; time += 1) {
          outbox.sendFrame(shared);
          sent.push(`frame ${String(seq)} ${String(bytes)} true`);
        }
      }
      if (random() < 0.1) await new Promise((resolve) => setImmediate(resolve));
      await until(() => server.bufferedAmount < 1_000_000);
    }
    server.close(1001, 'done');
    outbox.sendFrame(message(999, 10)); // nothing may follow a goodbye
    await until(() => code !== 0, { what: 'the close' });
    expect(received).toEqual(sent);
    expect(code).toBe(1001);
  });

  it('holds at most two frames for a client that does not read, and tells when there is room again', async () => {
    const { client, server, outbox, drained } = await connect();
    await until(() => client.readyState === WebSocket.OPEN);
    client.pause();
    const frame = message(1, 100_000);
    let frames = 0;
    while (outbox.hasRoom(frame.byteLength)) {
      outbox.sendFrame(frame);
      frames += 1;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(frames).toBeGreaterThan(2);
    expect(server.bufferedAmount).toBeLessThanOrEqual(2 * frame.byteLength + 100);
    expect(outbox.isBlocked).toBe(true);
    expect(drained()).toBe(0);
    client.resume();
    await until(() => drained() > 0);
    expect(outbox.isBlocked).toBe(false);
  });
});
