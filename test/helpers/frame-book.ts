/** A frame as people saw it; times are monotonic, ms. */
export type ShownFrame = { readonly stream: number; readonly seq: number; readonly atMs: number; readonly ageMs: number; readonly isDetected: boolean };

/** From, until; monotonic, ms. */
export type Span = readonly [fromMs: number, untilMs: number];

/** Between two looks at the screens, ms. */
const SAMPLE_MS = 5;

/** What became of every frame of a number of streams. */
export class FrameBook {
  /** In the order of showing. */
  readonly frames: ShownFrame[] = [];
  /** Why frames could not be looked at, and when. */
  readonly failures: { readonly stream: number; readonly atMs: number; readonly error: unknown }[] = [];
  readonly drops: Record<string, number> = {};
  readonly #streams: number;
  readonly #open: number[];
  #offered = 0;

  constructor(streams: number) {
    this.#streams = streams;
    this.#open = Array.from({ length: streams }, () => 0);
  }

  offered(stream: number): void {
    this.#offered += 1;
    this.#open[stream] = (this.#open[stream] ?? 0) + 1;
  }

  shown(frame: ShownFrame): void {
    this.frames.push(frame);
    this.#ended(frame.stream);
  }

  failed(stream: number, error: unknown): void {
    this.failures.push({ stream, atMs: performance.now(), error });
    this.#ended(stream);
  }

  dropped(stream: number, reason: string): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
    this.#ended(stream);
  }

  /** Frames that cameras took so far. */
  get offeredCount(): number {
    return this.#offered;
  }

  /** Frames that were shown more than once. */
  get duplicates(): number {
    return this.frames.length - new Set(this.frames.map(({ stream, seq }) => `${String(stream)} ${String(seq)}`)).size;
  }

  /** @throws {Error} when a frame that was taken has not ended in just one way */
  check(): void {
    const open = this.#open.findIndex((count) => count !== 0);
    if (open >= 0) throw new Error(`stream ${String(open)} has ${String(this.#open[open])} frames that ended nowhere`);
    if (this.duplicates > 0) throw new Error(`${String(this.duplicates)} frames were shown twice`);
  }

  /** Frames shown in a span; `isDetected` leaves only those that were looked at, or were not. */
  within([fromMs, untilMs]: Span, isDetected?: boolean): ShownFrame[] {
    return this.frames.filter((frame) => frame.atMs >= fromMs && frame.atMs <= untilMs && (isDetected === undefined || frame.isDetected === isDetected));
  }

  /** The longest time in a span in which each stream showed nothing (nothing that was looked at), ms. */
  longestGapsMs(span: Span, isDetected?: boolean): number[] {
    const shown = this.within(span, isDetected);
    return Array.from({ length: this.#streams }, (_, stream) => {
      const times = [span[0], ...shown.filter((frame) => frame.stream === stream).map(({ atMs }) => atMs), span[1]];
      return Math.max(...times.slice(1).map((atMs, index) => atMs - (times[index] ?? atMs)));
    });
  }

  /** The longest of {@link longestGapsMs}. */
  longestGapMs(span: Span, isDetected?: boolean): number {
    return Math.max(...this.longestGapsMs(span, isDetected));
  }

  /** Age of the newest frame on screen, of all streams, at each moment of a span: it is no higher in 99 of 100 moments, ms. */
  p99ScreenAgeMs([fromMs, untilMs]: Span): number {
    const ages: number[] = [];
    for (let stream = 0; stream < this.#streams; stream += 1) {
      const frames = this.frames.filter((frame) => frame.stream === stream);
      let index = -1;
      for (let nowMs = fromMs; nowMs < untilMs; nowMs += SAMPLE_MS) {
        while ((frames[index + 1]?.atMs ?? Infinity) <= nowMs) index += 1;
        const newest = frames[index];
        if (newest !== undefined) ages.push(nowMs - newest.atMs + newest.ageMs);
      }
    }
    ages.sort((x, y) => x - y);
    return ages[Math.floor(ages.length * 0.99)] ?? NaN;
  }

  /** Frames that were neither shown nor are on their way: failed, or let go by a lane. */
  get lostCount(): number {
    return this.failures.length + Object.values(this.drops).reduce((sum, count) => sum + count, 0);
  }

  /** Frames of each stream that were looked at in a span. */
  detectedPerStream(span: Span): number[] {
    const detected = this.within(span, true);
    return Array.from({ length: this.#streams }, (_, stream) => detected.filter((frame) => frame.stream === stream).length);
  }

  #ended(stream: number): void {
    this.#open[stream] = (this.#open[stream] ?? 0) - 1;
  }
}
