import { afterEach, describe, expect, it } from 'vitest';
import type { VideoSourceOptions } from '../../src/sources/video-source.js';
import { freePort, RtspCamera, type CameraOptions } from '../helpers/rtsp-camera.js';
import { runs, sourceHarness, upTo, type Watched } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';
import { report } from './report.js';

/** What may happen to a camera, with a real RTSP server and the targets of the fault list (F1–F3, F11). */

const { watch } = sourceHarness();

const cameras: RtspCamera[] = [];
afterEach(async () => {
  await Promise.all(cameras.splice(0).map((camera) => camera.close()));
});

async function startCamera(options: CameraOptions = {}): Promise<RtspCamera> {
  const camera = await RtspCamera.start({ widthPx: 320, heightPx: 180, ...options });
  cameras.push(camera);
  return camera;
}

async function watchLive(url: string, options: Partial<VideoSourceOptions> = {}): Promise<Watched> {
  const watched = watch(url, { mode: 'live', ...options });
  watched.source.start();
  await until(() => watched.frames.length >= 50, { timeoutMs: 20_000, what: 'the first frames' });
  return watched;
}

/** Time from now until a condition holds, ms. */
async function timed(condition: () => boolean, timeoutMs: number): Promise<number> {
  const startMs = performance.now();
  await until(condition, { timeoutMs });
  return performance.now() - startMs;
}

describe('a camera', () => {
  it('F1: that is unplugged is missed at once and back soon after its return, and no other camera loses a frame', async () => {
    const port = await freePort();
    const camera = await startCamera({ port });
    const other = await startCamera();
    const healthy = await watchLive(other.url);
    const { source, frames } = await watchLive(camera.url);
    const { pid } = source;
    camera.signal('SIGKILL');
    const detectedMs = await timed(() => source.status.state === 'reconnecting', 3_000);
    expect(source.status.error?.message).toMatch(/ended the connection|refused|reset/u);
    // Away for long enough that the wait for the next try has grown.
    const healthyBefore = healthy.frames.length;
    const awaySinceMs = performance.now();
    await until(() => performance.now() - awaySinceMs > 5_000, { timeoutMs: 6_000 });
    const healthyFps = (healthy.frames.length - healthyBefore) / ((performance.now() - awaySinceMs) / 1000);
    expect(source.status).toMatchObject({ state: 'reconnecting', error: { code: 'source-open' } });
    expect(source.status.retryAtMs).toBeGreaterThan(Date.now() - 1_000);
    const seen = frames.length;
    await startCamera({ port });
    const recoveredMs = await timed(() => frames.length > seen, 15_000);
    report('F1 camera unplugged', { 'detected ms': detectedMs, 'target ms': 1000, 'first new frame after its return ms': recoveredMs, 'target to return ms': 2000, "the other camera's fps": healthyFps });
    expect(detectedMs).toBeLessThan(1_000);
    expect(recoveredMs).toBeLessThan(2_000);
    expect(healthyFps).toBeGreaterThan(23);
    expect(source.status).toMatchObject({ state: 'running', error: null });
    expect(frames.map((frame) => frame.seq)).toEqual(upTo(frames.length));
    expect(runs(pid)).toBe(false);
  });

  it('F2: that falls silent is given up in time and taken up again', async () => {
    const camera = await startCamera();
    const { source, frames } = await watchLive(camera.url);
    const { pid } = source;
    camera.signal('SIGSTOP');
    const detectedMs = await timed(() => source.status.state === 'reconnecting', 10_000);
    expect(source.status.error).toMatchObject({ code: 'source-stalled' });
    expect(source.status.error?.message).toMatch(/no frame for \d\.\d s/u);
    const replacedMs = await timed(() => !runs(pid), 5_000);
    const seen = frames.length;
    camera.signal('SIGCONT');
    const recoveredMs = await timed(() => frames.length > seen, 40_000);
    report('F2 camera silent', { 'detected ms': detectedMs, 'target ms': 6000, 'ffmpeg gone ms later': replacedMs, 'target to be gone ms': 3000, 'first new frame after it speaks again ms': recoveredMs });
    expect(detectedMs).toBeLessThan(6_000);
    expect(replacedMs).toBeLessThan(3_000);
    expect(source.status).toMatchObject({ state: 'running', error: null });
  });

  it('F3: whose ffmpeg hangs gets another', async () => {
    const camera = await startCamera();
    const { source, frames } = await watchLive(camera.url);
    const { pid = 0 } = source;
    process.kill(pid, 'SIGSTOP');
    const seen = frames.length;
    const recoveredMs = await timed(() => source.pid !== pid && frames.length > seen + 1, 15_000);
    report('F3 ffmpeg hangs', { 'new frames ms': recoveredMs, 'target ms': 10_000 });
    expect(recoveredMs).toBeLessThan(10_000);
    expect(runs(pid)).toBe(false);
  });

  it('F11: that refuses the login is asked again slowly, and shows its picture once the login is right', async () => {
    const port = await freePort();
    const password = `Zq7 :@/?#%"'ü\\`;
    const wrong = await startCamera({ port, auth: 'digest', password: 'another' });
    const right = new URL(`rtsp://127.0.0.1:${String(port)}/stream`);
    const { source, frames, states } = watch(`rtsp://admin:${encodeURIComponent(password)}@${right.host}${right.pathname}`, { mode: 'live', backoffScale: 0.1 });
    source.start();
    await until(() => source.status.state === 'unauthorized', { timeoutMs: 10_000 });
    const waitMs = (source.status.retryAtMs ?? 0) - Date.now();
    // Thirty seconds, at a tenth.
    expect(waitMs).toBeGreaterThan(2_000);
    expect(waitMs).toBeLessThanOrEqual(3_000);
    await wrong.close();
    await startCamera({ port, auth: 'digest', password });
    await until(() => frames.length > 10, { timeoutMs: 20_000 });
    expect(source.status).toMatchObject({ state: 'running', error: null });
    expect(JSON.stringify(states)).not.toMatch(/Zq7/u);
  });
});
