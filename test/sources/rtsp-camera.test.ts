import { afterEach, describe, expect, it } from 'vitest';
import type { CameraOptions } from '../helpers/rtsp-camera.js';
import { RtspCamera, shownAgeMs } from '../helpers/rtsp-camera.js';
import { sourceHarness } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';

const { watch } = sourceHarness();

const cameras: RtspCamera[] = [];
afterEach(async () => {
  await Promise.all(cameras.splice(0).map((camera) => camera.close()));
});

async function startCamera(options: CameraOptions = {}): Promise<RtspCamera> {
  const camera = await RtspCamera.start(options);
  cameras.push(camera);
  return camera;
}

describe('a real RTSP camera', () => {
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
