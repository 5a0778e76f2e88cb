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

/** Who asked for a rendition. */
export interface RenditionListener {
  /** Told how it went, at once or later: the message, or `null` and why there is none. Must not throw. */
  onRendition(message: FrameMessage | null, error?: unknown): void;
}

/** A rendition that is drawn, or being drawn and for whom. */
type Entry = { result: { readonly message: FrameMessage | null; readonly error?: unknown } | null; readonly listeners: RenditionListener[] };

/** Encodes each rendition of a frame once, whoever asks, for as long as the frame itself lives. Listeners in place of promises: a thousand viewers of a frame cost a
 * thousand calls, not a thousand promises. */
export class RenditionCache {
  readonly #entries = new WeakMap<OfferedFrame, Map<string, Entry>>();

  /** The caller holds the frame until this settles. Rejects as `OfferedFrame.render` does, for everybody who asks alike. */
  get(frame: OfferedFrame, rendition: Rendition): Promise<FrameMessage> {
    return new Promise((resolve, reject) => {
      const onRendition: RenditionListener['onRendition'] = (message, error) => {
        if (message === null) reject(error instanceof Error ? error : new Error(String(error)));
        else resolve(message);
      };
      this.tell(frame, rendition, { onRendition });
    });
  }

  /** As `get`, for very many who ask. The caller holds the frame until it is told. */
  tell(frame: OfferedFrame, rendition: Rendition, listener: RenditionListener): void {
    const entry = this.#entryOf(frame, rendition);
    if (entry.result === null) entry.listeners.push(listener);
    else listener.onRendition(entry.result.message, entry.result.error);
  }

  #entryOf(frame: OfferedFrame, rendition: Rendition): Entry {
    const key = `${String(rendition.maxWidthPx)}${rendition.drawn ? ' drawn' : ''}`;
    let ofFrame = this.#entries.get(frame);
    if (ofFrame === undefined) {
      ofFrame = new Map();
      this.#entries.set(frame, ofFrame);
    }
    let entry = ofFrame.get(key);
    if (entry === undefined) {
      entry = { result: null, listeners: [] };
      ofFrame.set(key, entry);
      void draw(frame, rendition, entry);
    }
    return entry;
  }
}

async function draw(frame: OfferedFrame, rendition: Rendition, entry: Entry): Promise<void> {
  try {
    entry.result = { message: new FrameMessage(await frame.render(rendition), rendition.drawn) };
  } catch (error) {
    entry.result = { message: null, error };
  }
  const { message, error } = entry.result;
  for (const listener of entry.listeners.splice(0)) listener.onRendition(message, error);
}
