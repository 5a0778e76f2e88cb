import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import type { ServiceConfig } from '../../src/config/service-config.js';
import { clock } from '../../src/core/clock.js';
import type { Size } from '../../src/core/geometry.js';
import { startService } from '../../src/service.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { decodeFrameMessage } from '../../src/viewers/frame-message.js';
import { decodeJpeg } from '../../test/helpers/jpeg.js';
import { shownAgeMs } from '../../test/helpers/rtsp-camera.js';
import { until } from '../../test/helpers/until.js';

/** Frames at the beginning that do not count: streams come up, batches find their pace. */
const WARM_UP = 25;

/** Ages of `count` annotated frames of a stream as a viewer on the socket gets them, by the clock that the camera's picture shows, ms. */
export async function agesAtViewer(config: ServiceConfig, cacheDir: string, count: number): Promise<number[]> {
  const [stream] = config.streams;
  if (stream === undefined) throw new RangeError('Expected a stream');
  const service = await startService({ config, cacheDir, log: createLogger({ level: 'silent', format: 'json' }) });
  const socket = new WebSocket(`ws://127.0.0.1:${String(service.port)}/ws`, 'sightline.v1');
  try {
    await once(socket, 'open');
    const frames: { readonly jpeg: Uint8Array; readonly atMs: number; readonly detected: boolean }[] = [];
    socket.on('message', (data: Buffer, isBinary) => {
      if (!isBinary) return;
      const atMs = clock.nowMs();
      const { header, jpeg } = decodeFrameMessage(data);
      frames.push({ jpeg, atMs, detected: header.model !== null });
      socket.send(JSON.stringify({ type: 'ack', stream: header.stream, seq: header.seq }));
    });
    socket.send(JSON.stringify({ type: 'subscribe', stream: stream.id }));
    await until(() => frames.length >= WARM_UP + count, { timeoutMs: 20_000 + 200 * count });
    const measured = frames.slice(WARM_UP, WARM_UP + count);
    if (!measured.every(({ detected }) => detected)) throw new Error('a frame was shown that the detector had not looked at');
    return await Promise.all(measured.map(async ({ jpeg, atMs }) => shownAgeMs(await decodeJpeg(Buffer.from(jpeg)), atMs)));
  } finally {
    socket.terminate();
    await service.close();
  }
}

/** Ages of frames as bare ffmpeg hands them out, told to be quick in the same way: decoded, nothing else done with them, ms. */
export async function agesOfBareFfmpeg(url: string, { widthPx, heightPx }: Size, count: number): Promise<number[]> {
  const quick = ['-flags', 'low_delay', '-analyzeduration', '100000', '-fpsprobesize', '0', '-threads', '1'];
  const child = spawn('ffmpeg', ['-nostdin', '-loglevel', 'fatal', '-rtsp_transport', 'tcp', ...quick, '-i', url, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-pix_fmt', 'rgba', 'pipe:1'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  const frame = Buffer.alloc(widthPx * heightPx * 4);
  const ages: number[] = [];
  let filled = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    for (let at = 0; at < chunk.length; ) {
      const copied = chunk.copy(frame, filled, at);
      at += copied;
      filled += copied;
      if (filled < frame.length) continue;
      filled = 0;
      ages.push(shownAgeMs({ widthPx, heightPx, format: 'rgba', data: frame }, clock.nowMs()));
    }
  });
  try {
    await until(() => ages.length >= WARM_UP + count, { timeoutMs: 20_000 + 200 * count });
    return ages.slice(WARM_UP, WARM_UP + count);
  } finally {
    child.kill('SIGKILL');
    await ended;
  }
}
