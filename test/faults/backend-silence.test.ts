import { afterEach, describe, expect, it } from 'vitest';
import { DetectionRig } from '../helpers/detection-rig.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import type { Span } from '../helpers/frame-book.js';
import { until } from '../helpers/until.js';
import { measuringFor } from './figures.js';
import { report } from './report.js';

/** F21, what a server cannot do to itself: the network in between swallows everything, and nobody is told. */

const FRAME_MS = 40;
const STREAMS = 2;
const DEADLINE_MS = 500;
/** Of a batch behind another one: for each image ahead so many times what was measured (DESIGN.md, Deadlines). */
const DEADLINE_SLACK = 4;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function proxied({ isSilent }: { readonly isSilent: boolean }): Promise<{ rig: DetectionRig; proxy: FaultProxy }> {
  const serving = await new FakeServing({ records: false, serviceMs: { perCallMs: 15, perImageMs: 1 }, maxDetections: 1 }).start();
  closers.push(() => serving.close());
  const proxy = await FaultProxy.start(serving.port);
  closers.push(() => proxy.close());
  proxy.blackHole(isSilent);
  const rig = new DetectionRig({ endpoints: [`127.0.0.1:${String(proxy.port)}`], streams: STREAMS, deadlineMs: DEADLINE_MS });
  closers.push(() => rig.close());
  return { rig, proxy };
}

const hasDetectedSince = (rig: DetectionRig, sinceMs: number) => (): boolean => rig.book.detectedPerStream([sinceMs, Infinity]).every((count) => count > 0);

async function recoveryMs(rig: DetectionRig, proxy: FaultProxy): Promise<number> {
  proxy.blackHole(false);
  const healedMs = performance.now();
  await until(hasDetectedSince(rig, healedMs));
  return performance.now() - healedMs;
}

describe('a backend behind a network that swallows everything (F21)', () => {
  it('stops no picture when that begins in the middle of its work, and is used again when it ends', async () => {
    const { rig, proxy } = await proxied({ isSilent: false });
    await until(hasDetectedSince(rig, 0));
    await measuringFor(500);
    const targetMs = DEADLINE_MS + DEADLINE_SLACK * (rig.pool.backends()[0]?.msPerImage ?? 0) * STREAMS + 2 * FRAME_MS;
    proxy.blackHole(true);
    const startMs = performance.now();
    await measuringFor(4_000);
    const during: Span = [startMs, performance.now()];
    const state = rig.pool.backends()[0]?.state ?? '';
    const recovered = await recoveryMs(rig, proxy);
    report('F21 black hole', { state, 'p99 age ms': rig.book.p99ScreenAgeMs(during), 'target ms': targetMs.toFixed(0), 'longest gap ms': rig.book.longestGapMs(during), 'recovered ms': recovered, 'target  ms': '2000' });
    expect(rig.book.p99ScreenAgeMs(during)).toBeLessThan(targetMs);
    expect(recovered).toBeLessThan(2_000);
  });

  it('stops no picture when it never answers so much as the connection, says so, and is used when it does', async () => {
    const { rig, proxy } = await proxied({ isSilent: true });
    const startMs = performance.now();
    await until(() => rig.book.within([startMs, Infinity], false).length > 2);
    const firstShownMs = performance.now() - startMs;
    await until(() => rig.pool.backends()[0]?.message.includes('connecting') === false, { timeoutMs: 15_000, what: 'a word on what is wrong' });
    const [saidMs, message] = [performance.now() - startMs, rig.pool.state.status.message];
    const during: Span = [startMs + firstShownMs, performance.now()];
    const recovered = await recoveryMs(rig, proxy);
    report('F21 silent from the start', { 'first frames ms': firstShownMs, 'target ms': '1000', 'said what is wrong after ms': saidMs, 'longest gap ms': rig.book.longestGapMs(during), 'recovered ms': recovered, 'target  ms': '2000' });
    expect(firstShownMs).toBeLessThan(1_000);
    expect(message).toMatch(/did not answer within|accepts connections but does not answer/u);
    expect(recovered).toBeLessThan(2_000);
  });
});
