import { createImageData } from 'canvas';

import { drawFindings } from '../core/drawing/draw-findings.js';
import { AnnotationError, ClosedError } from '../core/errors.js';
import type { AnnotatedFrame, DetectedFrame, Detection, Rendition, VideoFrame } from '../core/frames.js';
import { limitWidth, type Size } from '../core/geometry.js';
import { scaleDetection } from '../core/scale-detection.js';
import type { Metrics } from '../telemetry/metrics.js';
import { CanvasPool, createSurface, dispose, resized, type Surface } from './canvas-pool.js';

export type AnnotatorOptions = {
  /** JPEG quality, 25 (smallest) to 100 (best); libjpeg leaves the baseline format below 25. Default 80. */
  readonly jpegQuality?: number;
  /** Pictures encoded at the same time. Default 3: encoding runs in Node's pool of 4 threads, one is left for files and names. */
  readonly maxConcurrentRenders?: number;
  /** Where the time of the stage `annotate` is counted. */
  readonly metrics?: Pick<Metrics, 'stageSeconds'>;
};

const DEFAULTS = { jpegQuality: 80, maxConcurrentRenders: 3 } as const;
/** Renders that may wait for a canvas; each of them holds a frame. */
const MAX_WAITING_RENDERS = 128;

/** Draws detections on frames and encodes them. It takes no ownership of frames: the caller keeps them alive until a render is done. */
export interface Annotator {
  /** Draws (if asked) and encodes one frame as JPEG; several run side by side, on canvases of their own.
   * @throws {AnnotationError} when the picture cannot be drawn or encoded, or too many wait
   * @throws {ClosedError} after {@link close}
   */
  render(detected: DetectedFrame, rendition: Rendition): Promise<AnnotatedFrame>;
  /** The display picture with boxes and caption drawn, unencoded, for a video encoder.
   * @returns 4 bytes a pixel, row-major: blue, green, red and one byte that means nothing (ffmpeg's `bgr0`)
   * @throws {AnnotationError} as {@link render}
   * @throws {ClosedError} after {@link close}
   */
  drawRaw(detected: DetectedFrame): Buffer;
  /** Lets running renders finish, turns waiting ones away, frees all pixels. Idempotent. */
  close(): Promise<void>;
}

/** Makes the annotator of a service; one is enough for all streams.
 * @throws {RangeError} for a quality outside 25–100 or fewer than one render at a time
 */
export function createAnnotator(options: AnnotatorOptions = {}): Annotator {
  return new CanvasAnnotator(options);
}

class CanvasAnnotator implements Annotator {
  readonly #jpegQuality: number;
  readonly #metrics: Pick<Metrics, 'stageSeconds'> | undefined;
  readonly #pool: CanvasPool;
  /** Used and left within one synchronous call, so one of each is enough: raw pictures and pictures before they are scaled down, each
   * entry half as wide as the one before. */
  readonly #scratches: Surface[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: AnnotatorOptions) {
    const { jpegQuality = DEFAULTS.jpegQuality, maxConcurrentRenders = DEFAULTS.maxConcurrentRenders } = options;
    if (!(jpegQuality >= 25 && jpegQuality <= 100)) throw new RangeError(`Expected \`jpegQuality\` to be 25–100, got ${String(jpegQuality)}`);
    if (!Number.isInteger(maxConcurrentRenders) || maxConcurrentRenders < 1) throw new RangeError(`Expected \`maxConcurrentRenders\` to be >= 1, got ${String(maxConcurrentRenders)}`);
    this.#jpegQuality = jpegQuality;
    this.#metrics = options.metrics;
    this.#pool = new CanvasPool(maxConcurrentRenders, MAX_WAITING_RENDERS);
  }

  async render(detected: DetectedFrame, rendition: Rendition): Promise<AnnotatedFrame> {
    if (this.#closed) throw new ClosedError('the annotator');
    const rendering = this.#render(detected, rendition);
    this.#running.add(rendering);
    try {
      return await rendering;
    } finally {
      this.#running.delete(rendering);
    }
  }

  drawRaw(detected: DetectedFrame): Buffer {
    if (this.#closed) throw new ClosedError('the annotator');
    const size = sizeOf(detected.frame.display);
    return guarded(detected.frame, () => {
      const surface = this.#scratchOf(0, size);
      putPicture(surface, detected.frame);
      putFindings(surface, detected, scaleDetections(detected, size), size);
      return surface.canvas.toBuffer('raw');
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#pool.close();
    await Promise.allSettled(this.#running);
    for (const surface of this.#scratches.splice(0)) dispose(surface);
  }

  async #render(detected: DetectedFrame, rendition: Rendition): Promise<AnnotatedFrame> {
    const startedMs = performance.now();
    const { frame } = detected;
    const size = limitWidth(sizeOf(frame.display), rendition.maxWidthPx);
    const detections = scaleDetections(detected, size);
    const surface = await this.#pool.acquire(size);
    let jpeg: Buffer;
    try {
      guarded(frame, () => {
        this.#putScaled(surface, frame, size);
        if (rendition.drawn) putFindings(surface, detected, detections, size);
      });
      jpeg = await this.#encode(surface, frame);
    } finally {
      // Only now: the encoder reads the canvas from another thread until it calls back (Automattic/node-canvas#101).
      this.#pool.release(surface);
    }
    const annotateMs = performance.now() - startedMs;
    this.#metrics?.stageSeconds.observe({ stage: 'annotate' }, annotateMs / 1000);
    return {
      streamId: frame.streamId,
      seq: frame.seq,
      ptsMs: frame.ptsMs,
      ...(detected.positionMs === undefined ? {} : { positionMs: detected.positionMs }),
      capturedAtMs: frame.capturedAtMs,
      model: detected.model,
      detections,
      ...(detected.classes === undefined ? {} : { classes: detected.classes }),
      timingsMs: { ...detected.timingsMs, annotate: annotateMs },
      jpeg,
      ...size,
    };
  }

  /** Halves until less than a half is left to scale, then scales the rest: halving averages four pixels each, so nothing aliases, and takes
   * 0.7 ms from 1280 to 480 pixels wide where cairo's own filter takes 7.5 (measured 2026). */
  #putScaled(target: Surface, frame: VideoFrame, size: Size): void {
    let from = sizeOf(frame.display);
    if (from.widthPx === size.widthPx) {
      putPicture(target, frame);
      return;
    }
    let source = this.#scratchOf(0, from);
    putPicture(source, frame);
    for (let level = 1; from.widthPx >= 2 * size.widthPx && from.heightPx >= 2 * size.heightPx; level += 1) {
      from = { widthPx: Math.floor(from.widthPx / 2), heightPx: Math.floor(from.heightPx / 2) };
      const half = this.#scratchOf(level, from);
      drawScaled(source, half, from);
      source = half;
    }
    drawScaled(source, target, size);
  }

  #scratchOf(level: number, size: Size): Surface {
    const surface = (this.#scratches[level] ??= createSurface(size));
    return resized(surface, size);
  }

  #encode({ canvas }: Surface, frame: VideoFrame): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      canvas.toBuffer(
        (error, jpeg) => {
          if (error === null) resolve(jpeg);
          else reject(new AnnotationError(`Frame ${String(frame.seq)} of ${frame.streamId} cannot be encoded: ${error.message}`, { cause: error }));
        },
        'image/jpeg',
        { quality: this.#jpegQuality / 100, chromaSubsampling: true },
      );
    });
  }
}

/** Copies the display picture onto the canvas; the `ImageData` is a view of the frame's own buffer, not a copy. */
function putPicture(surface: Surface, frame: VideoFrame): void {
  const { format, data, widthPx, heightPx } = frame.display;
  if (format !== 'rgba' || data.length !== widthPx * heightPx * 4) {
    throw new TypeError(`Expected \`display\` to be rgba ${String(widthPx)}x${String(heightPx)}, got ${format} with ${String(data.length)} bytes`);
  }
  const pixels = new Uint8ClampedArray(data.buffer as ArrayBuffer, data.byteOffset, data.length);
  surface.ctx.putImageData(createImageData(pixels, widthPx, heightPx), 0, 0);
}

function drawScaled(source: Surface, target: Surface, size: Size): void {
  // The filter of `drawImage` is this property, not `quality`.
  target.ctx.patternQuality = 'bilinear';
  target.ctx.drawImage(source.canvas, 0, 0, size.widthPx, size.heightPx);
}

function scaleDetections({ frame, detections }: DetectedFrame, size: Size): readonly Detection[] {
  return detections.map((detection) => scaleDetection(detection, frame.sourceSize, size));
}

/** @param detections those of the frame, in pixels of the surface */
function putFindings({ ctx }: Surface, { classes }: DetectedFrame, detections: readonly Detection[], size: Size): void {
  // Six times faster than 'path' and as good at the sizes of labels.
  ctx.textDrawingMode = 'glyph';
  drawFindings(ctx, { detections, ...(classes === undefined ? {} : { classes }) }, size);
}

function sizeOf({ widthPx, heightPx }: Size): Size {
  return { widthPx, heightPx };
}

function guarded<T>(frame: VideoFrame, draw: () => T): T {
  try {
    return draw();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new AnnotationError(`Frame ${String(frame.seq)} of ${frame.streamId} cannot be drawn: ${reason}`, { cause: error });
  }
}
