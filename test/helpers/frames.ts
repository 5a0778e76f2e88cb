import type { VideoFrame } from '../../src/core/frames.js';
import { letterbox, limitWidth, type Size } from '../../src/core/geometry.js';

export type TestFrameOptions = {
  readonly streamId?: string;
  readonly seq?: number;
  readonly ptsMs?: number;
  readonly sourceSize?: Size;
  readonly displayWidthPx?: number;
  readonly modelInputSize?: Size;
  /** Fills the display picture; default black. */
  readonly rgb?: readonly [number, number, number];
};

/** A frame in memory that counts its holders; `holders()` is 0 once everybody has let go. */
export type TestFrame = VideoFrame & { readonly holders: () => number };

/** Makes a frame without any source. */
export function testFrame(options: TestFrameOptions = {}): TestFrame {
  const sourceSize = options.sourceSize ?? { widthPx: 64, heightPx: 36 };
  const displaySize = limitWidth(sourceSize, options.displayWidthPx ?? null);
  const modelInputSize = options.modelInputSize ?? { widthPx: 32, heightPx: 32 };
  const display = Buffer.alloc(displaySize.widthPx * displaySize.heightPx * 4, 255);
  const [red, green, blue] = options.rgb ?? [0, 0, 0];
  for (let at = 0; at < display.length; at += 4) {
    display[at] = red;
    display[at + 1] = green;
    display[at + 2] = blue;
  }
  let held = 1;
  return {
    streamId: options.streamId ?? 'test',
    seq: options.seq ?? 0,
    ptsMs: options.ptsMs ?? 0,
    capturedAtMs: Date.now(),
    captureMs: 1,
    sourceSize,
    display: { ...displaySize, format: 'rgba', data: display },
    modelInput: { ...modelInputSize, format: 'rgb24', data: Buffer.alloc(modelInputSize.widthPx * modelInputSize.heightPx * 3, 114) },
    letterbox: letterbox(sourceSize, modelInputSize),
    retain: () => {
      if (held === 0) throw new RangeError('retained after the last release');
      held += 1;
    },
    release: () => {
      if (held === 0) throw new RangeError('released more often than held');
      held -= 1;
    },
    holders: () => held,
  };
}
