import { FakeServing } from '../test/helpers/fake-serving.js';
import { RtspCamera } from '../test/helpers/rtsp-camera.js';
import { serviceConfig, streamConfig } from '../test/helpers/service-config.js';
import type { Benchmark, BenchmarkContext, PreparedBenchmark, Sample } from './harness/benchmark.js';
import { agesAtViewer, agesOfBareFfmpeg } from './inputs/age-contenders.js';

const SIZE = { widthPx: 1280, heightPx: 720 };
const DETECTOR_MS = 20;
const FRAME_MS = 40;

/** From the camera to the viewer: how old a frame is when it arrives, by the clock that is burned into the picture. The floor is what ffmpeg alone takes to hand the
 * frame out, and the detector's own time; the goal allows two frames' time on top of it for all else (batching, drawing, JPEG, the socket). */
export const benchmark: Benchmark = {
  id: 'B8',
  name: 'frame age',
  what: `RTSP camera, 1280x720 at 25 frames a second, on loopback; a detector that takes ${String(DETECTOR_MS)} ms; one viewer`,
  prepare,
};

async function prepare({ quick, cacheFolder }: BenchmarkContext): Promise<PreparedBenchmark> {
  const frames = quick ? 75 : 300;
  const camera = await RtspCamera.start(SIZE);
  const serving = await new FakeServing({ records: false, delayMs: DETECTOR_MS, detections: [{ classId: 1, score: 0.9, box: [0.05, 0.05, 0.2, 0.2] }] }).start();
  const config = serviceConfig(serving.endpoint, { batching: { maxBatchSize: 8, batchTimeoutMs: 10 }, streams: [streamConfig('camera', camera.url)] });
  const floor = 'ffmpeg alone + detector';
  const allowed = 'floor + 2 frames';
  let newestFloor: readonly number[] = [];
  return {
    contenders: [
      {
        name: 'sightline',
        run: async () => sampleOf(await agesAtViewer(config, cacheFolder, frames)),
      },
      {
        name: floor,
        run: async () => {
          newestFloor = (await agesOfBareFfmpeg(camera.url, SIZE, frames)).map((ageMs) => ageMs + DETECTOR_MS);
          return sampleOf(newestFloor);
        },
      },
      // Not a run of its own: the floor of this very round, or of the one before, and what the goal adds to it.
      { name: allowed, run: () => Promise.resolve(sampleOf(newestFloor.map((ageMs) => ageMs + 2 * FRAME_MS))) },
    ],
    goals: [{ metric: 'p99Ms', ours: 'sightline', peer: allowed, direction: 'at-most', base: 1, moonshot: 0.65, failsBeyond: 3 }],
    close: async () => {
      await serving.close();
      await camera.close();
    },
  };
}

function sampleOf(latenciesMs: readonly number[]): Sample {
  const wallMs = Math.max(1, latenciesMs.length * FRAME_MS);
  return { items: Math.max(1, latenciesMs.length), wallMs, cpuMs: 0, latenciesMs };
}
