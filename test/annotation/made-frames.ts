import type { DetectedFrame, Detection, VideoFrame } from '../../src/core/frames.js';
import { letterbox, type BoxXyxyPx, type Size } from '../../src/core/geometry.js';

/** A frame of one colour that counts how often it is held. */
export type CountingFrame = VideoFrame & { readonly holders: number };

type FrameSpec = { readonly display: Size; readonly source?: Size; readonly rgb?: readonly [number, number, number]; readonly seq?: number; readonly streamId?: string };

export function makeFrame({ display, source = display, rgb = [0, 0, 0], seq = 0, streamId = 'made' }: FrameSpec): CountingFrame {
  const data = Buffer.alloc(display.widthPx * display.heightPx * 4, Buffer.from([...rgb, 255]));
  const modelSize = { widthPx: 1, heightPx: 1 };
  let holders = 1;
  return {
    streamId,
    seq,
    ptsMs: seq * 40,
    capturedAtMs: 1_700_000_000_000 + seq * 40,
    captureMs: 1,
    sourceSize: source,
    display: { ...display, format: 'rgba', data },
    modelInput: { ...modelSize, format: 'rgb24', data: Buffer.alloc(3) },
    letterbox: letterbox(source, modelSize),
    get holders() {
      return holders;
    },
    retain() {
      holders += 1;
    },
    release() {
      if (holders === 0) throw new RangeError('released more often than held');
      holders -= 1;
      // What a pool would do: the pixels become another frame's.
      if (holders === 0) data.fill(0x55);
    },
  };
}

export function detection(box: BoxXyxyPx, overrides: Partial<Detection> = {}): Detection {
  return { classId: 1, label: 'person', score: 0.91, box, ...overrides };
}

export function detected<F extends VideoFrame>(frame: F, detections: readonly Detection[] = []): DetectedFrame & { readonly frame: F } {
  return { frame, detections, model: { name: 'test', version: '1' }, timingsMs: { capture: 1, queue: 2, predict: 3, annotate: 0 } };
}

export const P360: Size = { widthPx: 640, heightPx: 360 };
export const P1080: Size = { widthPx: 1920, heightPx: 1080 };
