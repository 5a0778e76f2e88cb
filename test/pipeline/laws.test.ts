import { status } from '@grpc/grpc-js';
import { describe, expect, it } from 'vitest';
import type { FrameCounters } from '../../src/core/stream-status.js';
import { GrpcStatusError } from '../../src/serving/grpc-server.js';
import { numberedClip } from '../helpers/clips.js';
import { detectionOutputs, type SeenPredict } from '../helpers/fake-serving.js';
import { conservedUntilEnd, pipelineRig, RIG_CLIP_SIZE } from '../helpers/pipeline-rig.js';
import { upTo } from '../helpers/source-harness.js';
import { isConserved, sum } from '../helpers/stream-rig.js';
import { until } from '../helpers/until.js';

const { rig, onEnd } = pipelineRig();

const clip = (frames = 50): Promise<string> => numberedClip({ name: 'laws.mp4', ...RIG_CLIP_SIZE, frames });

describe('a replay', () => {
  it('shows every frame once, in order, each with what was found on that very frame', async () => {
    const { pipeline, shown, add } = await rig();
    add('clip', await clip());
    pipeline.watch('clip');
    expect(await conservedUntilEnd(pipeline, 'clip')).toMatchObject({ decoded: 50, shown: 50, inFlight: 0, dropped: {}, failed: {} });
    await until(() => shown.get('clip')?.length === 50);
    const frames = [...(shown.get('clip') ?? [])].sort((a, b) => a.annotated.seq - b.annotated.seq);
    expect(frames.map(({ annotated }) => annotated.seq)).toEqual(upTo(50));
    expect(frames.map(({ number }) => number)).toEqual(upTo(50));
    expect(frames.map(({ annotated }) => annotated.detections.map(({ classId }) => classId - 1000))).toEqual(upTo(50).map((number) => [number]));
  });

  it('waits on its first frame for the first viewer, then plays at its own speed', async () => {
    const { pipeline, add } = await rig();
    add('clip', await clip());
    await until(() => pipeline.get('clip')?.state === 'paused' && pipeline.get('clip')?.counters.shown === 1);
    expect(pipeline.get('clip')).toMatchObject({ positionMs: 0, durationMs: 2_000, speed: 1 });
    const startMs = performance.now();
    pipeline.watch('clip');
    await conservedUntilEnd(pipeline, 'clip');
    expect(performance.now() - startMs).toBeGreaterThan(1_800);
  });

  it('loses nothing on a backend that is slow, fails now and then and goes away for a while', async () => {
    const { pipeline, serving, add } = await rig({ delayMs: 10 });
    let calls = 0;
    serving.script.predict = null;
    const failing = setInterval(() => {
      calls += 1;
      serving.script.failWith = calls % 4 === 0 ? { grpcCode: status.INTERNAL, message: 'now and then' } : null;
    }, 15);
    onEnd(() => Promise.resolve(clearInterval(failing)));
    add('clip', await clip());
    pipeline.watch('clip');
    await until(() => (pipeline.get('clip')?.counters.shown ?? 0) > 10);
    await serving.close();
    await until(() => pipeline.get('clip')?.detector.state === 'unavailable');
    await serving.start(serving.port);
    const counters = await conservedUntilEnd(pipeline, 'clip');
    expect(counters.decoded).toBe(50);
    expect(counters.dropped).toEqual({});
    expect(counters.shown + sum(counters.failed)).toBe(50);
  });

  it('gives a frame up after three failures and goes on', async () => {
    // The trial with a grey picture succeeds: it is the frames that the model cannot take.
    const isGrey = (request: SeenPredict): boolean => (request.inputs.get('inputs')?.data as Uint8Array).every((value) => value === 114);
    const { pipeline, serving, add } = await rig({
      predict: (request) => {
        if (isGrey(request)) return detectionOutputs([[]], 1);
        throw new GrpcStatusError(status.INTERNAL, 'always');
      },
    });
    add('clip', await clip(10));
    pipeline.watch('clip');
    const counters = await conservedUntilEnd(pipeline, 'clip');
    expect(counters).toMatchObject({ decoded: 10, shown: 0, failed: { serving: 10 } });
    expect(serving.requests.length).toBeGreaterThanOrEqual(9);
  });
});

describe('a live stream', () => {
  const live = { mode: 'live' as const };

  it('sheds what a slow backend has no time for, newest first, and its age does not grow', async () => {
    const { pipeline, shown, add } = await rig({ delayMs: 120 });
    add('camera', await clip(100), live);
    const ages: number[] = [];
    await until(() => {
      const stream = pipeline.get('camera');
      if (stream?.ageMs != null && stream.state === 'running') ages.push(stream.ageMs);
      return stream?.state === 'ended' && stream.counters.inFlight === 0;
    });
    const counters = await conservedUntilEnd(pipeline, 'camera');
    expect(counters.decoded).toBe(100);
    expect(counters.dropped.superseded).toBeGreaterThan(20);
    // Service time, one waiting behind it, one interval: nothing queues up.
    expect(Math.max(...ages)).toBeLessThan(1_000);
    const seqs = (shown.get('camera') ?? []).map(({ annotated }) => annotated.seq);
    expect(new Set(seqs).size).toBe(seqs.length);
    for (const { annotated, number } of shown.get('camera') ?? []) {
      expect(annotated.seq).toBe(number);
      if (annotated.model !== null) expect(annotated.detections.map(({ classId }) => classId - 1000)).toEqual([number]);
    }
  });

  it('is shown without a detector, says so, and has detections again by itself', async () => {
    const { pipeline, serving, shown, add } = await rig({}, { start: false });
    add('camera', await clip(200), live);
    await until(() => (shown.get('camera')?.length ?? 0) >= 5);
    expect(shown.get('camera')?.every(({ annotated }) => annotated.model === null && annotated.detections.length === 0)).toBe(true);
    expect(pipeline.get('camera')?.detector.state).toBe('unavailable');
    await serving.start(serving.port);
    await until(() => shown.get('camera')?.some(({ annotated }) => annotated.model !== null && annotated.detections.length === 1));
    expect(isConserved(pipeline.get('camera')?.counters as FrameCounters)).toBe(true);
  });

  it('drops frames whose answer is late', async () => {
    const { pipeline, add } = await rig({ hang: true }, { deadlineMs: 60 });
    add('camera', await clip(50), live);
    await until(() => (pipeline.get('camera')?.counters.dropped.deadline ?? 0) > 0);
    expect(isConserved(pipeline.get('camera')?.counters as FrameCounters)).toBe(true);
  });
});

describe('streams side by side', () => {
  it('keep a camera moving beside a recording that the backend is too slow for', async () => {
    const { pipeline, add } = await rig({ delayMs: 60 }, { maxBatchSize: 1, maxInFlightBatches: 1 });
    add('clip', await clip(100));
    pipeline.watch('clip');
    await until(() => (pipeline.get('clip')?.counters.shown ?? 0) > 2);
    add('camera', await clip(100), { mode: 'live' });
    await until(() => (pipeline.get('camera')?.counters.shown ?? 0) > 10);
    expect(pipeline.get('clip')?.state).toBe('running');
  });

  it('are not harmed by one that cannot be opened', async () => {
    const { pipeline, add } = await rig();
    add('broken', '/nowhere/at/all.mp4');
    add('clip', await clip());
    pipeline.watch('clip');
    pipeline.watch('broken');
    expect(await conservedUntilEnd(pipeline, 'clip')).toMatchObject({ shown: 50 });
    expect(pipeline.get('broken')).toMatchObject({ state: 'failed', error: { code: 'source-open' } });
    expect(pipeline.get('broken')?.error?.message).toContain('/nowhere/at/all.mp4');
  });

  it('share batches', async () => {
    const { pipeline, serving, add } = await rig({ delayMs: 30 });
    for (const id of ['a', 'b', 'c', 'd']) add(id, await clip(), { mode: 'live' });
    await until(() => serving.requests.some((request) => (request.inputs.get('inputs')?.shape[0] ?? 0) > 2));
    await Promise.all(['a', 'b', 'c', 'd'].map((id) => conservedUntilEnd(pipeline, id)));
  });

  it('end with all frames accounted for when the pipeline closes in the middle', async () => {
    const { pipeline, add } = await rig({ delayMs: 50 });
    for (const id of ['a', 'b']) add(id, await clip(), { mode: 'live' });
    await until(() => (pipeline.get('a')?.counters.shown ?? 0) > 3);
    await pipeline.close();
    await pipeline.close();
    await until(() => pipeline.list().every(({ counters }) => counters.inFlight === 0 && isConserved(counters)));
    expect(pipeline.list().map(({ state }) => state)).toEqual(['stopped', 'stopped']);
  });
});
