import { afterEach, describe, expect, it } from 'vitest';
import { RtspCamera, type CameraOptions } from '../helpers/rtsp-camera.js';
import { sourceHarness, upTo } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';

const { watch } = sourceHarness();

const cameras: RtspCamera[] = [];
afterEach(async () => {
  await Promise.all(cameras.splice(0).map((camera) => camera.close()));
});

async function startCamera(options: CameraOptions): Promise<RtspCamera> {
  const camera = await RtspCamera.start(options);
  cameras.push(camera);
  return camera;
}

describe('detectSource', () => {
  it('is where frames come from, for the picture as well; while it gives none, they come from the source', async () => {
    const main = await startCamera({ widthPx: 640, heightPx: 360 });
    const sub = await startCamera({ widthPx: 320, heightPx: 180 });
    const widths: number[] = [];
    const { source, frames } = watch(main.url, { mode: 'live', detectSource: sub.url, backoffScale: 0.2 }, (frame) => {
      widths.push(frame.display.widthPx);
      expect(frame.letterbox.source).toEqual({ widthPx: frame.display.widthPx, heightPx: frame.display.heightPx });
      frame.release();
    });
    source.start();
    await until(() => frames.length > 20, { timeoutMs: 15_000 });
    expect(new Set(widths)).toEqual(new Set([320]));
    expect(source.status.activeSource).toBe(sub.url);
    sub.signal('SIGKILL');
    await until(() => widths.at(-1) === 640, { timeoutMs: 20_000 });
    expect(source.status).toMatchObject({ state: 'running', error: null, activeSource: main.url, sourceSize: { widthPx: 640, heightPx: 360 } });
    const again = await startCamera({ widthPx: 320, heightPx: 180, port: sub.port });
    main.signal('SIGKILL');
    await until(() => widths.at(-1) === 320, { timeoutMs: 20_000 });
    expect(source.status.activeSource).toBe(again.url);
    expect(frames.map(({ seq }) => seq)).toEqual(upTo(frames.length));
  });
});
