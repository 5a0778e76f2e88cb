import type { OfferedFrame, Rendition } from '../core/frames.js';
import { FrameMessage } from './frame-message.js';

/** Widths asked for are rounded up to this, so that a hundred window sizes do not mean a hundred encodings of each frame. */
const WIDTH_STEP_PX = 160;

/**
 * The rendition that serves a viewer best.
 * @param maxWidthPx as asked, pixels; the picture may be up to one step (160 px) wider
 * @param displayWidthPx width of the stream's display picture, `null` while unknown; asking for it or more means full width
 */
export function chooseRendition(maxWidthPx: number | undefined, displayWidthPx: number | null, drawn: boolean): Rendition {
  if (maxWidthPx === undefined) return { maxWidthPx: null, drawn };
  const steppedPx = Math.ceil(maxWidthPx / WIDTH_STEP_PX) * WIDTH_STEP_PX;
  return { maxWidthPx: displayWidthPx !== null && steppedPx >= displayWidthPx ? null : steppedPx, drawn };
}

/** Encodes each rendition of a frame once, whoever asks, for as long as the frame itself lives. */
export class RenditionCache {
  readonly #messages = new WeakMap<OfferedFrame, Map<string, Promise<FrameMessage>>>();

  /** The caller holds the frame until this settles. Rejects as `OfferedFrame.render` does, for everybody who asks alike. */
  get(frame: OfferedFrame, rendition: Rendition): Promise<FrameMessage> {
    const key = `${String(rendition.maxWidthPx)}${rendition.drawn ? ' drawn' : ''}`;
    let ofFrame = this.#messages.get(frame);
    if (ofFrame === undefined) {
      ofFrame = new Map();
      this.#messages.set(frame, ofFrame);
    }
    let message = ofFrame.get(key);
    if (message === undefined) {
      message = frame.render(rendition).then((annotated) => new FrameMessage(annotated, rendition.drawn));
      ofFrame.set(key, message);
    }
    return message;
  }
}
