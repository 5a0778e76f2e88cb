import { measure, type Benchmark, type BenchmarkContext, type PreparedBenchmark } from './harness/benchmark.js';
import { createAnnotator } from '../src/annotation/annotator.js';
import { makeDetectedFrame, noisePicture } from './inputs/frames.js';
import { encodeOnly } from './inputs/jpeg-limit.js';

const SIZE = { widthPx: 1920, heightPx: 1080 };
const JPEG_QUALITY = 75;

/** A frame in memory to a JPEG with ten boxes and labels in it; the limit is what libjpeg alone takes for the same picture. */
export const benchmark: Benchmark = {
  id: 'B4',
  name: 'annotate',
  what: '1920x1080 frame in memory to a JPEG with 10 boxes and labels',
  prepare,
};

async function prepare({ quick }: BenchmarkContext): Promise<PreparedBenchmark> {
  const frames = quick ? 20 : 100;
  const picture = noisePicture(SIZE);
  const detected = makeDetectedFrame(picture, 10);
  const annotator = createAnnotator({ jpegQuality: JPEG_QUALITY });
  const limit = encodeOnly(picture, JPEG_QUALITY);
  return {
    contenders: [
      {
        name: 'sightline',
        run: () =>
          measure(async () => {
            for (let frame = 0; frame < frames; frame++) await annotator.render(detected, { maxWidthPx: null, drawn: true });
            return frames;
          }),
      },
      {
        name: 'encode only',
        run: () =>
          measure(async () => {
            for (let frame = 0; frame < frames; frame++) await limit.encode();
            return frames;
          }),
      },
    ],
    goals: [{ metric: 'cpuMsPerItem', ours: 'sightline', peer: 'encode only', direction: 'at-most', base: 1.3, moonshot: 1.05, failsBeyond: 2.8 }],
    close: () => annotator.close(),
  };
}
