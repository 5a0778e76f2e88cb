import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScriptedCamera } from '../../helpers/scripted-camera.js';
import { until } from '../../helpers/until.js';
import { gatewayHarness } from './gateway-harness.js';
import type { RtspClient } from './rtsp-client.js';

const { camera, open, client } = gatewayHarness();

/** A session that plays. */
async function playing(): Promise<{ readonly door: ScriptedCamera; readonly player: RtspClient; readonly socket: Socket }> {
  const door = await camera();
  const player = await client(await open(`rtsp://${door.authority}/1`));
  expect(await player.ask('PLAY')).toMatchObject({ status: 200 });
  const [socket] = door.sockets;
  if (socket === undefined) throw new Error('no connection');
  return { door, player, socket };
}

const packet = fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 3_000 })).map(([channel, payload]) => Buffer.concat([Buffer.from([0x24, channel, payload.length >> 8, payload.length & 0xff]), payload]));
const asking = fc.nat(999).map((number) => Buffer.from(`GET_PARAMETER rtsp://ffmpeg/ RTSP/1.0\r\nCSeq: ${String(number)}\r\n\r\n`));

async function write(socket: Socket, bytes: Buffer, sizes: readonly number[]): Promise<void> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    await new Promise<void>((resolve) => { socket.write(bytes.subarray(at, at + size), () => { resolve(); }); });
    at += size;
  }
}

describe('interleaved packets', () => {
  it('reach ffmpeg byte for byte, however they are cut', async () => {
    const { player, socket } = await playing();
    await fc.assert(fc.asyncProperty(fc.array(fc.oneof({ weight: 5, arbitrary: packet }, asking), { maxLength: 10 }), fc.array(fc.integer({ min: 1, max: 2_000 }), { minLength: 1, maxLength: 6 }), async (pieces, sizes) => {
      const bytes = Buffer.concat(pieces);
      player.received = Buffer.alloc(0);
      await write(socket, bytes, sizes);
      await until(() => player.received.length >= bytes.length, { timeoutMs: 5_000 });
      expect(player.received.equals(bytes)).toBe(true);
    }), { numRuns: 60 });
  });

  it('reach the camera byte for byte and whole, with a request between any two', async () => {
    const { door, player } = await playing();
    let asked = 0;
    door.script = () => '200 OK';
    await fc.assert(fc.asyncProperty(fc.array(packet, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 4 }), async (packets, sizes) => {
      door.rest.length = 0;
      door.requests.length = 0;
      const question = (each: Buffer): Buffer => {
        asked += 1;
        return Buffer.concat([each, Buffer.from(`GET_PARAMETER ${player.input} RTSP/1.0\r\nCSeq: ${String(asked)}\r\n\r\n`)]);
      };
      await write(player.socket, Buffer.concat(packets.map(question)), sizes);
      await until(() => door.requests.length === packets.length, { timeoutMs: 5_000 });
      expect(door.rest).toEqual(packets);
    }), { numRuns: 40 });
  });
});

describe('a side that does not read', () => {
  /** Sends as much as goes, and says how much that is once nothing goes any more. */
  async function fill(socket: Socket, piece: Buffer, limitBytes: number): Promise<number> {
    let flushed = 0;
    for (let sent = 0; sent < limitBytes; sent += piece.length) socket.write(piece, (error) => { flushed += error == null ? piece.length : 0; });
    let [last, still] = [-1, 0];
    await until(() => {
      still = flushed === last ? still + 1 : 0;
      last = flushed;
      return still > 60;
    }, { timeoutMs: 20_000, what: 'the flow to stop' });
    return flushed;
  }

  const media = Buffer.concat([Buffer.from([0x24, 0, 0xff, 0xff]), Buffer.alloc(65_535, 7)]);
  const message = Buffer.from(`SET_PARAMETER rtsp://ffmpeg/ RTSP/1.0\r\nContent-Length: 60000\r\n\r\n${'x'.repeat(60_000)}`);
  const TOTAL = 128 * 1024 * 1024;
  /** Buffers of the system on both ways, and of the relay's own. */
  const BOUND = 40 * 1024 * 1024;

  it.each([['packets', media], ['messages', message]])('keeps the camera from sending more: %s', async (_name, piece) => {
    const { player, socket } = await playing();
    player.socket.pause();
    const flushed = await fill(socket, piece, TOTAL);
    expect(flushed).toBeGreaterThan(0);
    expect(flushed).toBeLessThan(BOUND);
    let got = 0;
    player.socket.removeAllListeners('data');
    player.socket.on('data', (chunk: Buffer) => { got += chunk.length; });
    player.socket.resume();
    await until(() => got >= TOTAL, { timeoutMs: 30_000, what: 'all of it' });
  });

  it('keeps ffmpeg from sending more', async () => {
    const { door, player, socket } = await playing();
    socket.pause();
    const flushed = await fill(player.socket, media, TOTAL);
    expect(flushed).toBeLessThan(BOUND);
    socket.removeAllListeners('data');
    let got = 0;
    socket.on('data', (chunk: Buffer) => { got += chunk.length; });
    socket.resume();
    await until(() => got >= TOTAL, { timeoutMs: 30_000, what: 'all of it' });
    expect(door.sockets).toHaveLength(1);
  });
});
