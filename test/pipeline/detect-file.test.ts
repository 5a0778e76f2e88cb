import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SightlineError, SourceOpenError } from '../../src/core/errors.js';
import type { DetectedFrame } from '../../src/core/frames.js';
import { BackendPool } from '../../src/detection/pool/backend-pool.js';
import { findFfmpeg, type FfmpegTools } from '../../src/ffmpeg/tools.js';
import { detectFile, type DetectFileOptions } from '../../src/pipeline/detect-file.js';
import { GrpcStatusError } from '../../src/serving/grpc-server.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { CLIPS_FOLDER, numberedClip, numberOf } from '../helpers/clips.js';
import { detectionOutputs, FakeServing, type FakeScript } from '../helpers/fake-serving.js';
import { until } from '../helpers/until.js';
import { poolOptions } from '../helpers/pool-options.js';

let tools: FfmpegTools;
beforeAll(async () => {
  tools = await findFfmpeg();
});

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const log = createLogger({ level: 'silent', format: 'json' });
type Seen = { seq: number; number: number; ptsMs: number; classes: readonly number[] };

async function run(source: string, script: Partial<FakeScript> = {}, options: Partial<DetectFileOptions> = {}, write?: (detected: DetectedFrame) => Promise<void>) {
  const serving = await new FakeServing({ detections: [{ classId: 1, score: 0.9, box: [0.4, 0.4, 0.6, 0.6] }], ...script }).start();
  closers.push(() => serving.close());
  const detector = new BackendPool(poolOptions([serving.endpoint], { maxBatchSize: 4, assumedInputSize: { widthPx: 128, heightPx: 128 }, log }));
  closers.push(() => detector.close());
  await until(() => detector.state.status.state === 'ok');
  const seen: Seen[] = [];
  const result = detectFile({
    source: { streamId: 'clip', source, fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: 5_000, tools, demoClip: () => Promise.reject(new Error('not asked for')), log },
    detector,
    thresholds: { '*': 0.4 },
    sinks: [
      {
        write: async (detected) => {
          await write?.(detected);
          const { frame, detections } = detected;
          seen.push({ seq: frame.seq, number: numberOf(frame.display), ptsMs: frame.ptsMs, classes: detections.map(({ classId }) => classId) });
        },
      },
    ],
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...options,
  });
  return { result, seen, serving };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const clip = (frames: number): Promise<string> => numberedClip({ name: 'detect.mp4', frames });

describe('detectFile', () => {
  it('looks at every frame exactly once, in order, with batches that form by count alone', async () => {
    const { result, seen, serving } = await run(await clip(50));
    expect(await result).toEqual({ frames: 50, problem: null });
    expect(seen.map(({ seq }) => seq)).toEqual(upTo(50));
    expect(seen.map(({ number }) => number)).toEqual(upTo(50));
    expect(seen.map(({ ptsMs }) => ptsMs)).toEqual(upTo(50).map((seq) => seq * 40));
    expect(serving.requests.map((request) => request.inputs.get('inputs')?.shape[0])).toEqual([...Array.from({ length: 12 }, () => 4), 2]);
  });

  it('waits for a slow sink instead of piling frames up', async () => {
    let held = 0;
    let mostHeld = 0;
    const { result, seen } = await run(await clip(40), {}, {}, async ({ frame }) => {
      held += 1;
      mostHeld = Math.max(mostHeld, held);
      await new Promise((resolve) => setTimeout(resolve, 5));
      held -= 1;
      expect(frame.display.data.length).toBe(160 * 96 * 4);
    });
    await result;
    expect(mostHeld).toBe(1);
    expect(seen.map(({ number }) => number)).toEqual(upTo(40));
  });

  it('tries a frame three times and then ends with what the backend said', async () => {
    const { result, serving } = await run(await clip(10), { failWith: { grpcCode: status.INTERNAL, message: 'no such kernel' } });
    await expect(result).rejects.toThrow(/no such kernel/);
    expect(serving.requests.length).toBeGreaterThanOrEqual(3);
  });

  it('gets over failures that pass', async () => {
    let calls = 0;
    const { result, seen } = await run(await clip(12), {
      predict: (request) => {
        calls += 1;
        if (calls % 3 === 0) throw new GrpcStatusError(status.INTERNAL, 'now and then');
        const count = request.inputs.get('inputs')?.shape[0] ?? 0;
        return detectionOutputs(Array.from({ length: count }, () => []), 1);
      },
    });
    expect(await result).toMatchObject({ frames: 12 });
    expect(seen.map(({ number }) => number)).toEqual(upTo(12));
    expect(calls).toBeGreaterThan(3);
  });

  it('ends with the error of a sink', async () => {
    const { result } = await run(await clip(10), {}, {}, () => Promise.reject(new SightlineError('annotation', 'disk full')));
    await expect(result).rejects.toThrow('disk full');
  });

  it('ends when it is told to', async () => {
    const stop = new AbortController();
    const { result, seen } = await run(await clip(50), {}, { signal: stop.signal }, () => {
      if (seen.length === 5) stop.abort();
      return Promise.resolve();
    });
    await expect(result).rejects.toThrow(/closed/);
    expect(seen.length).toBeLessThan(50);
  });

  it.each([
    ['a file that is not there', () => Promise.resolve('/nowhere/clip.mp4'), /\/nowhere\/clip\.mp4/],
    [
      'a text file named .mp4',
      async () => {
        await clip(10);
        const path = join(CLIPS_FOLDER, 'text.mp4');
        await writeFile(path, 'This is no video.\n'.repeat(100));
        return path;
      },
      /text\.mp4/,
    ],
  ])('refuses %s by name', async (_what, path, message) => {
    const { result } = await run(await path());
    await expect(result).rejects.toThrow(SourceOpenError);
    await expect(result).rejects.toThrow(message);
  });

  it('does not begin when it was told to stop before', async () => {
    const { result, seen } = await run(await clip(50), {}, { signal: AbortSignal.abort() });
    await expect(result).rejects.toMatchObject({ code: 'closed' });
    expect(seen).toEqual([]);
  });
});
