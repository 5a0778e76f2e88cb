import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createAnnotator } from '../src/annotation/annotator.js';
import { BackendPool } from '../src/detection/pool/backend-pool.js';
import { findFfmpeg } from '../src/ffmpeg/tools.js';
import { detectFile } from '../src/pipeline/detect-file.js';
import { createLogger } from '../src/telemetry/logger.js';
import { FakeServing } from '../test/helpers/fake-serving.js';
import { until } from '../test/helpers/until.js';
import { measure, type Benchmark, type BenchmarkContext, type PreparedBenchmark } from './harness/benchmark.js';
import { makeClip } from './inputs/clips.js';
import { poolOptions } from '../test/helpers/pool-options.js';

const SIZE = { widthPx: 1280, heightPx: 720 };
const MODEL_INPUT = { widthPx: 512, heightPx: 512 };
const BOXES = Array.from({ length: 10 }, (_, index) => ({ classId: index + 1, score: 0.9, box: [0.3, index / 12, 0.6, index / 12 + 0.1] as const }));

/** The whole path without a model: decode, Predict calls to a stub that answers at once (in this very process), ten boxes, a JPEG of each frame.
 * The peer does less: no inference at all, one box without a label. */
export const benchmark: Benchmark = {
  id: 'B6',
  name: 'end to end',
  what: '1280x720 H.264 file through a stub backend to annotated JPEGs',
  prepare,
};

async function prepare({ quick, cacheFolder }: BenchmarkContext): Promise<PreparedBenchmark> {
  const frames = quick ? 50 : 250;
  const clip = await makeClip(cacheFolder, SIZE, frames);
  const tools = await findFfmpeg();
  const log = createLogger({ level: 'silent', format: 'json' });
  const serving = await new FakeServing({ detections: BOXES, records: false }).start();
  const detector = new BackendPool(poolOptions([serving.endpoint], { deadlineMs: 10_000, maxBatchSize: 4, assumedInputSize: MODEL_INPUT, log }));
  await until(() => detector.state.status.state === 'ok');
  const annotator = createAnnotator({ jpegQuality: 75 });
  const ours = async (): Promise<number> => {
    const result = await detectFile({
      source: { streamId: 'bench', source: clip, fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: 5_000, tools, demoClip: () => Promise.reject(new Error('not asked for')), log },
      detector,
      thresholds: { '*': 0.4 },
      sinks: [{ write: async (detected) => void (await annotator.render(detected, { maxWidthPx: null, drawn: true })) }],
      onProgress: () => undefined,
      signal: new AbortController().signal,
    });
    if (result.frames !== frames) throw new Error(`${String(result.frames)} frames came out of ${String(frames)}`);
    return frames;
  };
  const peer = async (): Promise<number> => {
    await promisify(execFile)('ffmpeg', ['-nostdin', '-loglevel', 'error', '-threads', '1', '-i', clip, '-vf', 'drawbox=x=100:y=100:w=300:h=200:c=red', '-c:v', 'mjpeg', '-q:v', '5', '-f', 'mjpeg', '-y', '/dev/null']);
    return frames;
  };
  return {
    contenders: [
      { name: 'sightline', run: () => measure(ours) },
      { name: 'ffmpeg drawbox', run: () => measure(peer) },
    ],
    goals: [{ metric: 'itemsPerSecond', ours: 'sightline', peer: 'ffmpeg drawbox', direction: 'at-least', base: 0.6, moonshot: 0.85, failsBeyond: 0.08 }],
    close: async () => {
      await detector.close();
      await serving.close();
      await annotator.close();
    },
  };
}
