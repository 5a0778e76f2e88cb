import { ClosedError } from '../core/errors.js';
import type { AnnotatedFrame, DetectedFrame, OfferedFrame, Rendition } from '../core/frames.js';
import { limitWidth } from '../core/geometry.js';
import type { Annotator } from './annotator.js';

/** Offers a detected frame to viewers and takes over its `VideoFrame`: that is released once, after the offer's last `release()` and
 * never while a render reads it. The offer is held once by the caller.
 * @param annotator draws each rendition when it is first asked for; who asks again gets the same answer, an error too
 */
export function offerFrame(detected: DetectedFrame, annotator: Annotator): OfferedFrame {
  return new OfferedDetectedFrame(detected, annotator);
}

/** See {@link offerFrame}. */
class OfferedDetectedFrame implements OfferedFrame {
  readonly streamId: string;
  readonly seq: number;
  readonly ptsMs: number;
  readonly capturedAtMs: number;
  readonly #detected: DetectedFrame;
  readonly #annotator: Annotator;
  readonly #renditions = new Map<string, Promise<AnnotatedFrame>>();
  #holders = 1;
  #rendering = 0;

  constructor(detected: DetectedFrame, annotator: Annotator) {
    const { streamId, seq, ptsMs, capturedAtMs } = detected.frame;
    this.streamId = streamId;
    this.seq = seq;
    this.ptsMs = ptsMs;
    this.capturedAtMs = capturedAtMs;
    this.#detected = detected;
    this.#annotator = annotator;
  }

  async render(rendition: Rendition): Promise<AnnotatedFrame> {
    if (this.#holders === 0) throw new ClosedError(this.#name());
    const key = this.#keyOf(rendition);
    const known = this.#renditions.get(key);
    if (known !== undefined) return known;
    const rendering = this.#render(rendition);
    this.#renditions.set(key, rendering);
    return rendering;
  }

  /** @throws {ClosedError} after the last release */
  retain(): void {
    if (this.#holders === 0) throw new ClosedError(this.#name());
    this.#holders += 1;
  }

  /** @throws {RangeError} when called more often than it is held */
  release(): void {
    if (this.#holders === 0) throw new RangeError(`${this.#name()} was released more often than it was held`);
    this.#holders -= 1;
    this.#releaseFrameWhenUnused();
  }

  async #render(rendition: Rendition): Promise<AnnotatedFrame> {
    this.#rendering += 1;
    try {
      return await this.#annotator.render(this.#detected, rendition);
    } finally {
      this.#rendering -= 1;
      this.#releaseFrameWhenUnused();
    }
  }

  #releaseFrameWhenUnused(): void {
    if (this.#holders > 0 || this.#rendering > 0) return;
    // Comes here once: nothing can be held or rendered again after the last release.
    this.#renditions.clear();
    this.#detected.frame.release();
  }

  /** Widths that lead to the same picture share a rendition, and so do drawn and not drawn when there is nothing to draw. */
  #keyOf(rendition: Rendition): string {
    const { widthPx } = limitWidth(this.#detected.frame.display, rendition.maxWidthPx);
    const { detections, classes = [] } = this.#detected;
    return `${String(widthPx)} ${String(rendition.drawn && detections.length + classes.length > 0)}`;
  }

  #name(): string {
    return `frame ${String(this.seq)} of ${this.streamId}`;
  }
}
