import { once } from 'node:events';
import { connect, type AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../helpers/rtsp-camera.js';
import { RtspCamera, shownAgeMs } from '../helpers/rtsp-camera.js';
import { selfSigned } from '../helpers/self-signed.js';
import { sourceHarness } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';

const { watch } = sourceHarness();

const cameras: RtspCamera[] = [];
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(cameras.splice(0).map((camera) => camera.close()));
  for (const server of servers.splice(0)) server.close();
});

async function startCamera(options: CameraOptions = {}): Promise<RtspCamera> {
  const camera = await RtspCamera.start(options);
  cameras.push(camera);
  return camera;
}

/** Speaks TLS before a camera that does not. */
async function behindTls(camera: RtspCamera): Promise<string> {
  const server = createServer(selfSigned(), (socket) => {
    const inner = connect(camera.port, '127.0.0.1');
    for (const [one, other] of [[socket, inner], [inner, socket]] as const) one.on('error', () => other.destroy()).pipe(other);
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(camera.url);
  return `rtsps://${url.username}:${url.password}@127.0.0.1:${String((server.address() as AddressInfo).port)}${url.pathname}`;
}

describe('a real RTSP camera', () => {
  it('may be behind TLS, with a certificate of its own', async () => {
    const camera = await startCamera({ auth: 'digest', password: 'Zq7' });
    const { source, frames } = watch(await behindTls(camera), { mode: 'live' });
    source.start();
    await until(() => frames.length >= 25, { timeoutMs: 20_000 });
    expect(source.status).toMatchObject({ state: 'running', error: null, restarts: 0 });
    await source.close();
  });

  it.each([
    ['none', 'tcp', 'h264'],
    ['digest', 'tcp', 'h264'],
    ['basic', 'tcp', 'h264'],
    ['none', 'udp', 'h264'],
    ['digest', 'udp', 'h264'],
    ['none', 'tcp', 'jpeg'],
  ] as const)('is seen as it is now: login %s, %s, %s', async (auth, transport, codec) => {
    const camera = await startCamera({ auth, password: 'Zq7:@/ %"ü', codec, transport });
    const ages: { readonly display: number; readonly model: number }[] = [];
    const { source, frames } = watch(camera.url, { mode: 'live', transport }, (frame) => {
      const nowMs = Date.now();
      ages.push({ display: shownAgeMs(frame.display, nowMs), model: shownAgeMs(frame.modelInput, nowMs, frame.letterbox) });
      frame.release();
    });
    source.start();
    await until(() => frames.length >= 75, { timeoutMs: 20_000, what: '75 frames' });
    expect(source.status).toMatchObject({ state: 'running', error: null, restarts: 0, displaySize: { widthPx: 640, heightPx: 360 } });
    expect(source.status.activeSource).not.toContain('Zq7');
    for (const { display, model } of ages.slice(-25)) {
      expect(display).toBeLessThan(500);
      expect(model).toBe(display);
    }
  });
});
