import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { RtspCamera, shownAgeMs } from '../helpers/rtsp-camera.js';
import { runs, sourceHarness, upTo, type Watched } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';
import { measuringFor } from './figures.js';
import { report } from './report.js';

/** What may happen to the connection with a camera that is well itself, with the targets of the fault list (F1, F2). */

const { watch } = sourceHarness();

let camera: RtspCamera;
beforeAll(async () => {
  camera = await RtspCamera.start({ widthPx: 320, heightPx: 180 });
});
afterAll(() => camera.close());

const proxies: FaultProxy[] = [];
afterEach(async () => {
  await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
});

type Rig = Watched & {
  readonly proxy: FaultProxy;
  /** Ages of both sizes by the clock in the picture, frame by frame. */
  readonly ages: { readonly display: number; readonly model: number }[];
};

/** A camera behind a proxy, with frames coming. */
async function rig(): Promise<Rig> {
  const proxy = await FaultProxy.start(camera.port);
  proxies.push(proxy);
  const ages: Rig['ages'] = [];
  const watched = watch(`rtsp://127.0.0.1:${String(proxy.port)}/stream`, { mode: 'live' }, (frame) => {
    const nowMs = Date.now();
    ages.push({ display: shownAgeMs(frame.display, nowMs), model: shownAgeMs(frame.modelInput, nowMs, frame.letterbox) });
    frame.release();
  });
  watched.source.start();
  await until(() => watched.frames.length >= 40, { timeoutMs: 20_000, what: 'the first frames' });
  return { ...watched, proxy, ages };
}

/** Does something to the connection and waits for what comes of it.
 * @param heal makes it good again, once the fault was noticed */
async function strike({ source, frames, ages, states }: Rig, fault: () => unknown, heal: () => unknown = () => undefined): Promise<{ detectedMs: number; replacedMs: number; returnedMs: number; code: string; message: string; told: string }> {
  const { pid } = source;
  const toldBefore = states.length;
  const startMs = performance.now();
  await fault();
  await until(() => source.status.state === 'reconnecting', { timeoutMs: 15_000, what: 'the fault to be noticed' });
  const detectedMs = performance.now() - startMs;
  const { code = '', message = '' } = source.status.error ?? {};
  await until(() => !runs(pid));
  const replacedMs = performance.now() - startMs - detectedMs;
  await heal();
  const [healedMs, seen] = [performance.now(), frames.length];
  await until(() => frames.length > seen, { timeoutMs: 45_000, what: 'a frame after the fault' });
  const returnedMs = performance.now() - healedMs;
  await until(() => frames.length > seen + 25);
  expect(source.status).toMatchObject({ state: 'running', error: null });
  expect(frames.map(({ seq }) => seq)).toEqual(upTo(frames.length));
  // Frames of now, and both sizes of the same one, as before.
  for (const { display, model } of ages.slice(-20)) {
    expect(display).toBeLessThan(500);
    expect(model).toBe(display);
  }
  const told = states.slice(toldBefore).map(({ state, error }) => `${state}: ${error?.message ?? '-'}`).join('\n');
  return { detectedMs, replacedMs, returnedMs, code, message, told };
}

describe('F1: a camera whose connection', () => {
  it('is reset, and that cannot be reached for a while, is missed at once and back soon', async () => {
    const struck = await rig();
    const figures = await strike(struck, () => struck.proxy.unplug(), async () => {
      await measuringFor(4_000);
      expect(struck.source.status.error?.message).toMatch(/connection refused/u);
      await struck.proxy.plug();
    });
    report('F1 reset and out of reach', { 'detected ms': figures.detectedMs, 'target ms': 1_000, 'first new frame after its return ms': figures.returnedMs, 'target to return ms': 2_000 });
    expect(figures.message).toMatch(/connection was reset|ended the connection/u);
    expect(figures.detectedMs).toBeLessThan(1_000);
    expect(figures.returnedMs, figures.told).toBeLessThan(2_000);
  });

  it('breaks, in whatever way, is missed at once and taken up again', async () => {
    const ways: Record<string, (proxy: FaultProxy) => void> = {
      'is reset': (proxy) => { proxy.cut('reset'); },
      'is ended': (proxy) => { proxy.cut('end'); },
      'is ended in one direction': (proxy) => { proxy.halfClose('down'); },
      // A packet with a part of a frame is longer than that.
      'breaks off in the middle of a frame': (proxy) => { proxy.down.cutAfter = { bytes: (proxy.records.at(-1)?.bytes.down ?? 0) + 33, how: 'reset' }; },
    };
    await Promise.all(Object.entries(ways).map(async ([name, fault]) => {
      const struck = await rig();
      const { detectedMs, returnedMs, told } = await strike(struck, () => { fault(struck.proxy); }, () => { struck.proxy.heal(); });
      report(`F1 ${name}`, { 'detected ms': detectedMs, 'target ms': 1_000, 'first new frame ms': returnedMs });
      expect(detectedMs).toBeLessThan(1_000);
      // A second or a little more until the next try.
      expect(returnedMs, told).toBeLessThan(4_000);
    }));
  });
});

describe('F2: a camera whose connection', () => {
  it('gives nothing any more, in whatever way, is given up in time and taken up again', async () => {
    const ways: Record<string, (proxy: FaultProxy) => void> = {
      'swallows everything': (proxy) => { proxy.blackHole(true); },
      'only drips': (proxy) => { Object.assign(proxy.down, { bytesPerSecond: 20, pieceBytes: 1 }); },
    };
    await Promise.all(Object.entries(ways).map(async ([name, fault]) => {
      const struck = await rig();
      const { detectedMs, replacedMs, returnedMs, code, message } = await strike(struck, () => { fault(struck.proxy); }, () => { struck.proxy.heal(); });
      report(`F2 ${name}`, { 'detected ms': detectedMs, 'target ms': 6_000, 'ffmpeg gone ms later': replacedMs, 'target to be gone ms': 3_000, 'first new frame after it is over ms': returnedMs });
      expect([code, message]).toEqual(['source-stalled', expect.stringMatching(/no frame for \d\.\d s/u)]);
      expect(detectedMs).toBeLessThan(6_000);
      expect(replacedMs).toBeLessThan(3_000);
    }));
  });
});
