import type { DetectedFrame, Detection, PixelImage, VideoFrame } from '../../src/core/frames.js';
import { letterbox, type Size } from '../../src/core/geometry.js';

const MODEL_INPUT: Size = { widthPx: 512, heightPx: 512 };

/** A picture that is neither trivial nor impossible to compress: gradients with noise, the same on every run. */
export function noisePicture(size: Size): PixelImage {
  const data = Buffer.alloc(size.widthPx * size.heightPx * 4);
  let state = 1;
  for (let pixel = 0; pixel < size.widthPx * size.heightPx; pixel++) {
    // Numerical Recipes' linear congruential generator: good enough for noise, and repeatable.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const noise = state >>> 27;
    data[pixel * 4] = ((pixel % size.widthPx) * 200) / size.widthPx + noise;
    data[pixel * 4 + 1] = (Math.floor(pixel / size.widthPx) * 200) / size.heightPx + noise;
    data[pixel * 4 + 2] = 90 + noise;
    data[pixel * 4 + 3] = 255;
  }
  return { format: 'rgba', data, ...size };
}

/** A frame with `count` detections spread over it; its buffers are never given back, so it can be annotated again and again. */
export function makeDetectedFrame(display: PixelImage, count: number): DetectedFrame {
  const { widthPx, heightPx } = display;
  const frame: VideoFrame = {
    streamId: 'bench',
    seq: 0,
    ptsMs: 0,
    capturedAtMs: 0,
    captureMs: 0,
    sourceSize: { widthPx, heightPx },
    display,
    modelInput: { format: 'rgb24', data: Buffer.alloc(MODEL_INPUT.widthPx * MODEL_INPUT.heightPx * 3), ...MODEL_INPUT },
    letterbox: letterbox({ widthPx, heightPx }, MODEL_INPUT),
    retain: () => undefined,
    release: () => undefined,
  };
  const detections = Array.from({ length: count }, (_, index): Detection => {
    const left = ((index % 5) * widthPx) / 5 + 20;
    const top = (Math.floor(index / 5) * heightPx) / Math.ceil(count / 5) + 60;
    return { classId: 1 + index, label: `class ${String(index)}`, score: 0.9 - index / 100, box: [left, top, left + widthPx / 8, top + heightPx / 4] };
  });
  return { frame, detections, model: { name: 'bench', version: '1' }, timingsMs: { capture: 0, queue: 0, predict: 0, annotate: 0 } };
}
