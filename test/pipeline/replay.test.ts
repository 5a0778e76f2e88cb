import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CommandNotSupportedError } from '../../src/core/errors.js';
import type { StreamCommand } from '../../src/core/stream-control.js';
import type { StreamStatus } from '../../src/core/stream-status.js';
import type { Pipeline } from '../../src/pipeline/pipeline.js';
import { numberedClip } from '../helpers/clips.js';
import { pipelineRig, RIG_CLIP_SIZE, type Rig } from '../helpers/pipeline-rig.js';
import { upTo } from '../helpers/source-harness.js';
import { isConserved } from '../helpers/stream-rig.js';
import { until } from '../helpers/until.js';

const { rig } = pipelineRig();

/** Of the clip, ms a frame. */
const INTERVAL_MS = 40;
const clip = (frames = 100): Promise<string> => numberedClip({ name: 'replay.mp4', ...RIG_CLIP_SIZE, frames, options: ['-bf', '2', '-g', '50', '-preset', 'fast'] });

function statusOf(pipeline: Pipeline): StreamStatus {
  const found = pipeline.get('clip');
  if (found === undefined) throw new Error('no stream');
  if (!isConserved(found.counters)) throw new Error(`not conserved: ${JSON.stringify(found.counters)}`);
  return found;
}

/** Numbers of the pictures that were shown, in the order of their `seq`; every one of them with what was found on it, at its position. */
function numbersOf({ shown }: Rig): readonly number[] {
  const frames = [...(shown.get('clip') ?? [])].sort((a, b) => a.annotated.seq - b.annotated.seq);
  for (const { annotated, number } of frames) {
    expect(annotated.detections.map(({ classId }) => classId - 1000)).toEqual([number]);
    expect(annotated.ptsMs).toBeCloseTo(number * INTERVAL_MS, 3);
    expect(annotated.positionMs).toBeCloseTo(number * INTERVAL_MS, 3);
  }
  return frames.map(({ number }) => number);
}

/** A stream that shows its first frame and waits. */
async function paused(source: string, script: Parameters<typeof rig>[0] = {}): Promise<Rig> {
  const made = await rig(script);
  made.add('clip', source);
  await until(() => statusOf(made.pipeline).state === 'paused');
  return made;
}

/** Does what is asked and waits until `frame` is shown. */
async function go({ pipeline }: Rig, command: StreamCommand, frame: number): Promise<void> {
  const { shown } = statusOf(pipeline).counters;
  await pipeline.control('clip', command);
  await until(() => statusOf(pipeline).counters.shown > shown && statusOf(pipeline).positionMs === frame * INTERVAL_MS, { what: `${JSON.stringify(command)} to show frame ${String(frame)}` });
}

describe('a replay that is paused', () => {
  it('stays so and shows the frames of steps and seeks, each looked at', async () => {
    const rigged = await paused(await clip());
    const { pipeline } = rigged;
    await go(rigged, { action: 'step', frames: 1 }, 1);
    await go(rigged, { action: 'step', frames: 3 }, 4);
    await go(rigged, { action: 'step', frames: -2 }, 2);
    await go(rigged, { action: 'seek', positionMs: 2_019 }, 50);
    await go(rigged, { action: 'step', frames: 40 }, 90);
    await go(rigged, { action: 'step', frames: -1 }, 89);
    await go(rigged, { action: 'seek', positionMs: 0 }, 0);
    await go(rigged, { action: 'seek', positionMs: 1e9 }, 99);
    expect(statusOf(pipeline)).toMatchObject({ state: 'ended', positionMs: 3_960, durationMs: 4_000, speed: 1 });
    await go(rigged, { action: 'step', frames: -10 }, 89);
    expect(statusOf(pipeline).state).toBe('paused');
    await until(() => numbersOf(rigged).length === 10);
    expect(numbersOf(rigged)).toEqual([0, 1, 4, 2, 50, 90, 89, 0, 99, 89]);
  });

  it('stops at either end', async () => {
    const rigged = await paused(await clip());
    const { pipeline } = rigged;
    await go(rigged, { action: 'step', frames: 98 }, 98);
    await go(rigged, { action: 'step', frames: 5 }, 99);
    const { shown } = statusOf(pipeline).counters;
    await pipeline.control('clip', { action: 'step', frames: 1 });
    await go(rigged, { action: 'step', frames: -200 }, 0);
    expect(statusOf(pipeline).counters.shown).toBe(shown + 1);
  });

  it('adds steps up that come faster than frames can be found', async () => {
    const rigged = await paused(await clip(), { delayMs: 30 });
    for (let n = 0; n < 20; n += 1) void rigged.pipeline.control('clip', { action: 'step', frames: 2 });
    await until(() => statusOf(rigged.pipeline).positionMs === 40 * INTERVAL_MS);
    for (let n = 0; n < 5; n += 1) void rigged.pipeline.control('clip', { action: 'step', frames: -3 });
    await until(() => statusOf(rigged.pipeline).positionMs === 25 * INTERVAL_MS);
  });

  it('shows the last of many places that were asked for, and few of the others', async () => {
    const rigged = await paused(await clip());
    for (let n = 1; n <= 60; n += 1) void rigged.pipeline.control('clip', { action: 'seek', positionMs: n * INTERVAL_MS });
    await until(() => statusOf(rigged.pipeline).positionMs === 60 * INTERVAL_MS);
    const { counters } = statusOf(rigged.pipeline);
    expect(counters.shown).toBeLessThan(10);
    await until(() => numbersOf(rigged).at(-1) === 60);
  });
});

describe('a replay that plays', () => {
  it('loses nothing and shows nothing twice, however often it is paused', async () => {
    const rigged = await paused(await clip());
    const { pipeline } = rigged;
    pipeline.watch('clip');
    await pipeline.control('clip', { action: 'speed', speed: 4 });
    for (let at = 10; at < 100; at += 10) {
      await until(() => (statusOf(pipeline).positionMs ?? 0) >= at * INTERVAL_MS);
      await pipeline.control('clip', { action: 'pause' });
      expect(statusOf(pipeline).state).toBe('paused');
      const { shown } = statusOf(pipeline).counters;
      // What is on its way is looked at meanwhile, and waits.
      await until(() => statusOf(pipeline).counters.inFlight > 1 || at >= 90);
      expect(statusOf(pipeline).counters.shown).toBe(shown);
      await pipeline.control('clip', { action: 'play' });
    }
    await until(() => statusOf(pipeline).state === 'ended');
    await until(() => numbersOf(rigged).length === 100);
    expect(numbersOf(rigged)).toEqual(upTo(100));
    expect(statusOf(pipeline).counters).toMatchObject({ decoded: 100, shown: 100, inFlight: 0, dropped: {}, failed: {} });
  });

  it('goes on from where it is sent, in either direction', async () => {
    const rigged = await paused(await clip());
    const { pipeline } = rigged;
    pipeline.watch('clip');
    await until(() => (statusOf(pipeline).positionMs ?? 0) > 5 * INTERVAL_MS);
    await go(rigged, { action: 'seek', positionMs: 3_200 }, 80);
    await until(() => (statusOf(pipeline).positionMs ?? 0) >= 85 * INTERVAL_MS);
    await go(rigged, { action: 'step', frames: -60 }, (statusOf(pipeline).positionMs ?? 0) / INTERVAL_MS - 60);
    await until(() => (statusOf(pipeline).positionMs ?? 0) >= 30 * INTERVAL_MS);
    expect(statusOf(pipeline).state).toBe('running');
    const numbers = numbersOf(rigged);
    const jumps = numbers.slice(1).map((number, index) => number - (numbers[index] ?? 0)).filter((distance) => distance !== 1);
    expect(jumps).toHaveLength(2);
    expect(jumps[0]).toBeGreaterThan(50);
    expect(jumps[1]).toBeLessThan(-50);
  });

  it('begins anew when it is played after its end', async () => {
    const rigged = await paused(await clip(20));
    await rigged.pipeline.control('clip', { action: 'speed', speed: 'max' });
    await rigged.pipeline.control('clip', { action: 'play' });
    await until(() => statusOf(rigged.pipeline).state === 'ended');
    await rigged.pipeline.control('clip', { action: 'play' });
    await until(() => statusOf(rigged.pipeline).counters.shown === 40 && statusOf(rigged.pipeline).state === 'ended');
    await until(() => numbersOf(rigged).length === 40);
    expect(numbersOf(rigged)).toEqual([...upTo(20), ...upTo(20)]);
  });

  it('leaves a timeline of what was found where, each frame counted once', async () => {
    const rigged = await paused(await clip(20));
    const { pipeline } = rigged;
    expect(pipeline.timeline('clip')).toEqual({ durationMs: 800, bucketMs: 100, buckets: [{ index: 0, classes: { '1000': 1 } }], classIds: { '1000': 1000 } });
    await pipeline.control('clip', { action: 'speed', speed: 'max' });
    await go(rigged, { action: 'seek', positionMs: 400 }, 10);
    for (const round of [1, 2]) {
      await pipeline.control('clip', { action: 'seek', positionMs: 0 });
      await pipeline.control('clip', { action: 'play' });
      await until(() => statusOf(pipeline).counters.shown > 20 * round && statusOf(pipeline).state === 'ended');
    }
    const { buckets } = pipeline.timeline('clip') ?? { buckets: [] };
    expect(buckets.map(({ index }) => index)).toEqual(upTo(8));
    // Every picture of the clip has a class of its own.
    expect(buckets.flatMap(({ classes }) => Object.entries(classes)).sort()).toEqual(upTo(20).map((number) => [String(1000 + number), 1]));
    expect(buckets[3]?.classes).toEqual({ '1008': 1, '1009': 1 });
  });

  it('goes round and round with loop, and can be sent elsewhere meanwhile', async () => {
    const rigged = await rig();
    const { pipeline } = rigged;
    rigged.add('clip', await clip(20), { source: { loop: true } });
    await until(() => statusOf(pipeline).state === 'paused');
    await pipeline.control('clip', { action: 'speed', speed: 'max' });
    await pipeline.control('clip', { action: 'play' });
    await until(() => statusOf(pipeline).counters.shown > 70);
    await pipeline.control('clip', { action: 'pause' });
    const numbers = (): readonly number[] => numbersOf(rigged);
    await until(() => numbers().length === statusOf(pipeline).counters.shown);
    expect(numbers()).toEqual(upTo(numbers().length).map((n) => n % 20));
    await go(rigged, { action: 'seek', positionMs: 7 * INTERVAL_MS }, 7);
    expect(statusOf(pipeline)).toMatchObject({ state: 'paused', positionMs: 280, durationMs: 800 });
  });

  // An upper bound: drawing two hundred pictures a second may be too much for a busy machine.
  it.each([[0.5, 0.35], [1, 0.7], [8, 2]])('keeps to a speed of %d', async (speed, atLeast) => {
    const rigged = await paused(await clip());
    const { pipeline } = rigged;
    await pipeline.control('clip', { action: 'speed', speed });
    await pipeline.control('clip', { action: 'play' });
    // From one frame to another, so that what play itself takes does not count.
    const at = (frame: number): Promise<unknown> => until(() => (statusOf(pipeline).positionMs ?? 0) >= frame * INTERVAL_MS);
    await at(1);
    const [fromMs, startMs] = [statusOf(pipeline).positionMs ?? 0, performance.now()];
    await at(Math.min(98, Math.round(30 * speed)));
    const playedMs = (statusOf(pipeline).positionMs ?? 0) - fromMs;
    const measured = playedMs / (performance.now() - startMs);
    expect(measured).toBeGreaterThan(atLeast);
    expect(measured).toBeLessThan(speed * 1.15);
    expect(statusOf(pipeline).speed).toBe(speed);
  });
});

describe('whatever a hand does to a replay', () => {
  const command: fc.Arbitrary<StreamCommand> = fc.oneof(
    fc.constantFrom<StreamCommand[]>({ action: 'pause' }, { action: 'play' }, { action: 'speed', speed: 16 }, { action: 'speed', speed: 'max' }, { action: 'speed', speed: 0.5 }),
    fc.integer({ min: 0, max: 4_200 }).map((positionMs): StreamCommand => ({ action: 'seek', positionMs })),
    fc.integer({ min: -60, max: 60 }).filter((frames) => frames !== 0).map((frames): StreamCommand => ({ action: 'step', frames })),
  );

  it('every frame has what was found on it, seq grows, no frame gets lost in the books, and a place shows its frame', async () => {
    const source = await clip();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(command, fc.integer({ min: 0, max: 60 })), { minLength: 1, maxLength: 15 }), fc.integer({ min: 0, max: 99 }), async (commands, frame) => {
        const rigged = await paused(source);
        const { pipeline, shown } = rigged;
        for (const [each, turns] of commands) {
          await pipeline.control('clip', each);
          for (let turn = 0; turn < turns; turn += 1) {
            statusOf(pipeline);
            await new Promise((resolve) => { setImmediate(resolve); });
          }
        }
        await pipeline.control('clip', { action: 'pause' });
        await go(rigged, { action: 'seek', positionMs: frame * INTERVAL_MS + 1 }, frame);
        const { counters } = statusOf(pipeline);
        await until(() => shown.get('clip')?.length === counters.shown);
        expect(numbersOf(rigged).at(-1)).toBe(frame);
        await pipeline.remove('clip');
      }),
      { numRuns: 15, seed: 3 },
    );
  });
});

describe('a live stream', () => {
  it('can only be paused and played', async () => {
    const { pipeline, add } = await rig();
    add('clip', await clip(), { mode: 'live' });
    for (const command of [{ action: 'seek', positionMs: 0 }, { action: 'step', frames: 1 }, { action: 'speed', speed: 2 }] as const) {
      await expect(pipeline.control('clip', command)).rejects.toThrow(CommandNotSupportedError);
    }
    await until(() => statusOf(pipeline).counters.shown > 2);
    await pipeline.control('clip', { action: 'pause' });
    await until(() => statusOf(pipeline).state === 'paused');
    await pipeline.control('clip', { action: 'play' });
    await until(() => statusOf(pipeline).state === 'running');
    expect(statusOf(pipeline)).toMatchObject({ positionMs: null, durationMs: null, speed: null });
    expect(pipeline.timeline('clip')).toBeNull();
  });
});
