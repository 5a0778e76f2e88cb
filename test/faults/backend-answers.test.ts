import { afterEach, describe, expect, it } from 'vitest';
import { SightlineError } from '../../src/core/errors.js';
import { badAnswers } from '../helpers/bad-answers.js';
import { DetectionRig, type DetectionRigOptions } from '../helpers/detection-rig.js';
import { detectionSignature, FakeServing, type FakeScript } from '../helpers/fake-serving.js';
import { until } from '../helpers/until.js';
import { measuringFor } from './figures.js';
import { report } from './report.js';

/** Backends that answer what they should not (F19), and that change their model (F23), seen from a live stream. */

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function rigOf(options: Partial<DetectionRigOptions> = {}, script: Partial<FakeScript> = {}): Promise<{ rig: DetectionRig; serving: FakeServing }> {
  const serving = await new FakeServing({ records: false, ...script }).start();
  closers.push(() => serving.close());
  const rig = new DetectionRig({ endpoints: [serving.endpoint], ...options });
  closers.push(() => rig.close());
  return { rig, serving };
}

const hasDetectedSince = (rig: DetectionRig, sinceMs: number) => (): boolean => rig.book.within([sinceMs, Infinity], true).length > 0;
const stateOf = ({ pool }: DetectionRig): string | undefined => pool.backends()[0]?.state;

describe('answers that cannot be used (F19)', () => {
  it.each(Object.keys(badAnswers(1)))('end their frames with an error that says so, open the circuit after three, and are forgotten after the first good one: %s', async (what) => {
    const { rig, serving } = await rigOf({ streams: 1, maxInFlightBatches: 1 });
    await until(hasDetectedSince(rig, 0));
    const answered = rig.book.failures.length;
    expect(answered).toBe(0);
    const bytes = badAnswers(1)[what] ?? null;
    serving.script.rawAnswer = bytes;
    const startMs = performance.now();
    await until(() => stateOf(rig) === 'circuit-open', { what: `circuit open, ${String(rig.book.failures.length)} failures` });
    const openedMs = performance.now() - startMs;
    // From here on frames are shown without having been looked at.
    await until(() => rig.book.within([startMs, Infinity], false).length > 2);
    const heldMs = rig.book.longestGapMs([startMs, performance.now()]);
    serving.script.rawAnswer = null;
    const rightMs = performance.now();
    await until(hasDetectedSince(rig, rightMs));
    report(`F19 ${what}`, { 'bytes': bytes?.length ?? 0, 'frames failed': rig.book.failures.length, 'circuit open ms': openedMs, 'longest gap ms': heldMs, 'recovered ms': performance.now() - rightMs });
    expect(rig.book.failures).toHaveLength(3);
    for (const { error } of rig.book.failures) {
      expect(error).toBeInstanceOf(SightlineError);
      expect(error).toMatchObject({ code: 'model-output' });
      expect((error as SightlineError).message).toContain(serving.endpoint);
      expect((error as SightlineError).message).not.toContain('\n');
    }
    expect(performance.now() - rightMs).toBeLessThan(2_000);
    expect(stateOf(rig)).toBe('ok');
  });
});

describe('a model that changes (F23)', () => {
  it('is away and comes back: the pictures run on and it is found again', async () => {
    const { rig, serving } = await rigOf();
    await until(hasDetectedSince(rig, 0));
    serving.script.modelName = 'another';
    const awayMs = performance.now();
    await until(() => stateOf(rig) === 'misconfigured');
    const noticedMs = performance.now() - awayMs;
    expect(rig.pool.state.status.message).toContain('NOT_FOUND');
    await measuringFor(1_000);
    const gapMs = rig.book.longestGapMs([awayMs, performance.now()]);
    serving.script.modelName = 'default';
    const backMs = performance.now();
    await until(hasDetectedSince(rig, backMs));
    report('F23 model unloaded and loaded again', { 'noticed ms': noticedMs, 'frames failed': rig.book.failures.length, 'longest gap ms': gapMs, 'recovered ms': performance.now() - backMs, 'by itself within ms': '5000 + 250' });
    expect(gapMs).toBeLessThan(250);
    expect(performance.now() - backMs).toBeLessThan(5_500);
  }, 20_000);

  it('is replaced by another version: it is read again without a frame lost', async () => {
    const { rig, serving } = await rigOf();
    await until(hasDetectedSince(rig, 0));
    const lostBefore = rig.book.lostCount;
    serving.script.version = '2';
    const replacedMs = performance.now();
    await until(() => rig.pool.state.model?.version === '2');
    const noticedMs = performance.now() - replacedMs;
    await measuringFor(1_000);
    const span = [replacedMs, performance.now()] as const;
    report('F23 version replaced', { 'read again after ms': noticedMs, 'frames lost': rig.book.lostCount - lostBefore, 'shown without detection': rig.book.within(span, false).length, 'longest gap ms': rig.book.longestGapMs(span, true) });
    expect(rig.book.failures).toEqual([]);
    expect(rig.book.within(span, false)).toEqual([]);
  });

  it('is replaced by one that does not fit, then by one that does', async () => {
    const { rig, serving } = await rigOf();
    await until(hasDetectedSince(rig, 0));
    Object.assign(serving.script, { version: '2', signature: { ...detectionSignature(), outputs: new Map() } });
    await until(() => stateOf(rig) === 'misconfigured');
    const startMs = performance.now();
    await until(() => rig.book.within([startMs, Infinity], false).length > 20);
    Object.assign(serving.script, { version: '3', signature: detectionSignature() });
    const backMs = performance.now();
    await until(hasDetectedSince(rig, backMs));
    report('F23 version that does not fit', { 'recovered ms': performance.now() - backMs, 'frames failed': rig.book.failures.length });
    expect(rig.pool.state.model?.version).toBe('3');
  });
});
