import type { StreamTimeline } from '../../../src/core/stream-timeline.js';

/** While it plays, what others count is looked up this often, ms. */
const EVERY_MS = 5_000;
/** Not more often than this, whatever is asked, ms. */
const AT_MOST_EVERY_MS = 400;

/** Whether there is reason to ask at this moment. */
export type FeedMoment = { readonly playing: boolean; readonly connected: boolean };

/** Keeps a recording's timeline up to date: when it is opened, when it was sent elsewhere, and now and then while it plays; never while the page is hidden. */
export class TimelineFeed {
  readonly #stream: string;
  readonly #onTimeline: (timeline: StreamTimeline) => void;
  #askedAtMs = Number.NEGATIVE_INFINITY;
  #wanted = true;
  #asking = false;
  #closed = false;

  constructor(stream: string, onTimeline: (timeline: StreamTimeline) => void) {
    this.#stream = stream;
    this.#onTimeline = onTimeline;
  }

  /** Asks with the next tick. */
  refresh(): void {
    this.#wanted = true;
  }

  /** Asks when it is time to; to be called several times a second. @param nowMs the page's clock */
  tick({ playing, connected }: FeedMoment, nowMs: number): void {
    const sinceMs = nowMs - this.#askedAtMs;
    const due = (this.#wanted && sinceMs >= AT_MOST_EVERY_MS) || (playing && sinceMs >= EVERY_MS);
    if (!due || !connected || document.hidden || this.#asking || this.#closed) return;
    this.#askedAtMs = nowMs;
    this.#wanted = false;
    void this.#ask();
  }

  close(): void {
    this.#closed = true;
  }

  async #ask(): Promise<void> {
    this.#asking = true;
    try {
      const response = await fetch(new URL(`api/streams/${encodeURIComponent(this.#stream)}/timeline`, document.baseURI), { cache: 'no-store' });
      // What went wrong otherwise, the stream's own state tells; the marks stay as they are.
      if (response.ok && !this.#closed) this.#onTimeline((await response.json()) as StreamTimeline);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // the connection went: the page says so already
    } finally {
      this.#asking = false;
    }
  }
}
