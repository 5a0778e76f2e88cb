import type { BoxXyxyPx, Letterbox, Size } from './geometry.js';

/** Pixels in memory, row-major, top row first, no padding: `rgb24` is 3 bytes a pixel, `rgba` 4 with alpha 255. */
export type PixelImage = Size & { readonly format: 'rgb24' | 'rgba'; readonly data: Buffer };

/** One decoded frame in the two sizes it is needed in. Its buffers belong to a pool: whoever holds it calls `release()` once,
 * whoever hands it to a second owner calls `retain()` first; nobody keeps a view of the buffers beyond that. */
export interface VideoFrame {
  readonly streamId: string;
  /** Counts a stream's decoded frames from 0; only grows, also after a restart of the source. */
  readonly seq: number;
  /** Presentation time on the source's own clock, ms, not rounded (1001/30000 s is 33.3666… ms). */
  readonly ptsMs: number;
  /** Arrival of the frame's last byte, epoch ms. */
  readonly capturedAtMs: number;
  /** From the frame's first byte to its last, both sizes, ms. */
  readonly captureMs: number;
  /** Size of the upright source picture in square pixels: rotation and sample aspect applied, not scaled. */
  readonly sourceSize: Size;
  /** What people see: `rgba`, at most as wide as asked. */
  readonly display: PixelImage;
  /** What the model sees: `rgb24`, letterboxed as `letterbox` says (grey 114 around it). */
  readonly modelInput: PixelImage;
  /** Where the upright source picture lies in `modelInput`. */
  readonly letterbox: Letterbox;
  retain(): void;
  /** @throws {RangeError} when called more often than it is held */
  release(): void;
}

/** Frames of equal model input size that travel in one `Predict` call; never empty. */
export type FrameBatch = { readonly frames: readonly VideoFrame[] };

/** One object found on a frame. */
export type Detection = {
  /** The model's own class id (COCO-90 ids for Object Detection API models). */
  readonly classId: number;
  /** From the label map; the id as a number where the map does not know it. */
  readonly label: string;
  /** In [0, 1]. */
  readonly score: number;
  /** Pixels of the upright source picture, clipped to it. */
  readonly box: BoxXyxyPx;
  /** Only from models that give masks. */
  readonly mask?: DetectionMask;
  /** In the model's own order; only from models that give keypoints. */
  readonly keypoints?: readonly Keypoint[];
};

/** Which part of its box an object covers, as the model gives it: a small picture that is to be stretched over `box`. */
export type DetectionMask = Size & {
  /** Row-major, `heightPx * widthPx` values in [0, 1] (above 0.5: the object). A view of the model's answer. */
  readonly data: Float32Array;
  /** What the mask lies over: the detection's box before it was clipped to the picture. */
  readonly box: BoxXyxyPx;
};

/** A named point of an object, such as a person's left elbow; it may lie outside the picture. `score` is `null` where the model gives none. */
export type Keypoint = { readonly xPx: number; readonly yPx: number; readonly score: number | null };

/** What a frame as a whole shows, from an image classification model. */
export type ClassScore = {
  readonly classId: number;
  /** As of a {@link Detection}. */
  readonly label: string;
  /** In [0, 1]. */
  readonly score: number;
};

/** Name and version of the model that made a frame's detections, as the backend resolved them. */
export type ModelIdentity = { readonly name: string; readonly version: string };

/** How long a frame spent where, ms. `annotate` is 0 until it is drawn. */
export type FrameTimingsMs = { readonly capture: number; readonly queue: number; readonly predict: number; readonly annotate: number };

/** A frame together with what was found on it. It owns `frame`: release that when done. */
export type DetectedFrame = {
  readonly frame: VideoFrame;
  /** Ordered by score, descending, thresholds applied. */
  readonly detections: readonly Detection[];
  /** What the frame as a whole shows, ordered and thresholds applied likewise; only from classification models. */
  readonly classes?: readonly ClassScore[];
  /** `null` when no detector looked at the frame. */
  readonly model: ModelIdentity | null;
  readonly timingsMs: FrameTimingsMs;
  /** Of a replay: time after the first frame, ms. */
  readonly positionMs?: number;
};

/** In which form a viewer wants a frame. */
export type Rendition = {
  /** At most this wide; `null`: as wide as the stream's display picture. Never scaled up. */
  readonly maxWidthPx: number | null;
  /** Whether boxes and labels are drawn into the picture. */
  readonly drawn: boolean;
};

/** A frame as a JPEG with its detections in that picture's own pixels. */
export type AnnotatedFrame = Size & {
  readonly streamId: string;
  readonly seq: number;
  readonly ptsMs: number;
  /** As in {@link DetectedFrame}. */
  readonly positionMs?: number;
  readonly capturedAtMs: number;
  readonly model: ModelIdentity | null;
  /** Boxes, masks and keypoints in pixels of this JPEG. */
  readonly detections: readonly Detection[];
  readonly classes?: readonly ClassScore[];
  readonly timingsMs: FrameTimingsMs;
  readonly jpeg: Buffer;
};

/** A frame that left detection, offered to viewers: drawn only when somebody asks, once for each rendition asked for. */
export interface OfferedFrame {
  readonly streamId: string;
  readonly seq: number;
  readonly ptsMs: number;
  readonly capturedAtMs: number;
  /** @throws {AnnotationError} when drawing or encoding fails; {@link ClosedError} after the frame's last release */
  render(rendition: Rendition): Promise<AnnotatedFrame>;
  retain(): void;
  release(): void;
}
