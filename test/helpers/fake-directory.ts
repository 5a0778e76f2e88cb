import { createCanvas } from 'canvas';
import { ClosedError } from '../../src/core/errors.js';
import type { AnnotatedFrame, ClassScore, Detection, ModelIdentity, OfferedFrame, Rendition } from '../../src/core/frames.js';
import { limitWidth, type Size } from '../../src/core/geometry.js';
import { scaleDetection } from '../../src/core/scale-detection.js';
import type { StreamCommand } from '../../src/core/stream-control.js';
import type { StreamStatus } from '../../src/core/stream-status.js';
import type { StreamTimeline } from '../../src/core/stream-timeline.js';
import type { DirectoryListener, StreamDirectory } from '../../src/viewers/stream-directory.js';

/** How a scripted frame differs from the default one. */
export type FakeFrameOptions = {
  readonly detections?: readonly Detection[];
  readonly classes?: readonly ClassScore[];
  readonly model?: ModelIdentity | null;
  readonly ptsMs?: number;
  /** Of a replay; default: as `ptsMs`, left out of a live stream. */
  readonly positionMs?: number;
  readonly capturedAtMs?: number;
  /** The JPEG is padded behind its end marker to at least this many bytes, for tests of slow viewers. */
  readonly jpegBytes?: number;
  /** Rendering waits for this. */
  readonly renderAfter?: Promise<void>;
  /** Rendering rejects with this. */
  readonly renderError?: Error;
};

type Stream = { status: StreamStatus; nextSeq: number; latest: FakeFrame | undefined; watchers: number; skipped: number; player: NodeJS.Timeout | undefined };

/**
 * A scripted {@link StreamDirectory}: tests add streams, offer frames and change states by hand (or `play` them), and read
 * what the viewers did: watches, listeners, skips, renders, and frames that are still held.
 */
export class FakeDirectory implements StreamDirectory {
  readonly #streams = new Map<string, Stream>();
  readonly #listeners = new Set<DirectoryListener>();
  /** Every frame offered, in order,. */
  readonly frames: FakeFrame[] = [];
  /** Every command, in order. */
  readonly commands: { readonly id: string; readonly command: StreamCommand }[] = [];
  /** What was found where, by stream; empty of a replay that is not named. */
  readonly timelines = new Map<string, StreamTimeline>();
  /** Called with every command that is taken: lets a test play the recording. */
  onCommand: ((id: string, command: StreamCommand) => void) | null = null;
  /** What the next commands are refused with. */
  controlError: Error | null = null;

  /** Adds a stream in state `running`, 640x360, and tells it to the listeners. */
  addStream(id: string, overrides: Partial<StreamStatus> = {}): void {
    const status = { ...defaultStatus(id), ...overrides };
    this.#streams.set(id, { status, nextSeq: 0, latest: undefined, watchers: 0, skipped: 0, player: undefined });
    this.#emitStatus(status);
  }

  /** Changes a stream's status and tells it. */
  setStatus(id: string, patch: Partial<StreamStatus>): void {
    const stream = this.#stream(id);
    stream.status = { ...stream.status, ...patch };
    this.#emitStatus(stream.status);
  }

  /** Removes a stream and tells it. */
  removeStream(id: string): void {
    this.pause(id);
    this.#stream(id).latest?.release();
    this.#streams.delete(id);
    for (const listener of [...this.#listeners]) listener.onRemoved(id);
  }

  /** Offers the stream's next frame to the listeners and keeps it as the newest. */
  offer(id: string, options: FakeFrameOptions = {}): FakeFrame {
    const stream = this.#stream(id);
    const size = { widthPx: stream.status.widthPx ?? 640, heightPx: stream.status.heightPx ?? 360 };
    const frame = new FakeFrame(id, stream.nextSeq, size, { ...(stream.status.mode === 'replay' && { positionMs: options.ptsMs ?? stream.nextSeq * 40 }), ...options });
    stream.nextSeq += 1;
    stream.latest?.release();
    stream.latest = frame;
    this.frames.push(frame);
    for (const listener of [...this.#listeners]) listener.onFrame(frame);
    return frame;
  }

  /** Offers a frame now and then `fps` a second until `pause`, `removeStream` or `close`. */
  play(id: string, fps: number, options: FakeFrameOptions = {}): void {
    this.pause(id);
    this.offer(id, options);
    this.#stream(id).player = setInterval(() => this.offer(id, options), 1000 / fps);
  }

  pause(id: string): void {
    const stream = this.#stream(id);
    clearInterval(stream.player);
    stream.player = undefined;
  }

  /** How many viewers watch the stream now; 0 for a stream that is gone. */
  watchers(id: string): number {
    return this.#streams.get(id)?.watchers ?? 0;
  }

  /** Frames counted as skipped by slow viewers. */
  skipped(id: string): number {
    return this.#stream(id).skipped;
  }

  get listenerCount(): number {
    return this.#listeners.size;
  }

  /** Frames that somebody besides the directory still holds; 0 when nothing leaks. */
  get heldFrames(): number {
    const newest = new Set([...this.#streams.values()].map((stream) => stream.latest));
    return this.frames.filter((frame) => frame.holds > (newest.has(frame) ? 1 : 0)).length;
  }

  /** Stops all players and lets go of the newest frames. */
  close(): void {
    for (const [id, stream] of this.#streams) {
      this.pause(id);
      stream.latest?.release();
      stream.latest = undefined;
    }
  }

  list(): readonly StreamStatus[] {
    return [...this.#streams.values()].map((stream) => stream.status);
  }

  get(streamId: string): StreamStatus | undefined {
    return this.#streams.get(streamId)?.status;
  }

  latest(streamId: string): OfferedFrame | undefined {
    const frame = this.#streams.get(streamId)?.latest;
    frame?.retain();
    return frame;
  }

  watch(streamId: string): () => void {
    const stream = this.#stream(streamId);
    stream.watchers += 1;
    let watching = true;
    return () => {
      if (watching) stream.watchers -= 1;
      watching = false;
    };
  }

  addViewerSkipped(streamId: string, count: number): void {
    const stream = this.#streams.get(streamId);
    if (stream !== undefined) stream.skipped += count;
  }

  control(id: string, command: StreamCommand): Promise<void> {
    if (!this.#streams.has(id)) return Promise.reject(new RangeError(`There is no stream ${id}`));
    this.commands.push({ id, command });
    if (this.controlError === null) this.onCommand?.(id, command);
    return this.controlError === null ? Promise.resolve() : Promise.reject(this.controlError);
  }

  timeline(streamId: string): StreamTimeline | null {
    const status = this.#streams.get(streamId)?.status;
    if (status?.mode !== 'replay') return null;
    return this.timelines.get(streamId) ?? { durationMs: status.durationMs, bucketMs: null, buckets: [], classIds: {} };
  }

  listen(listener: DirectoryListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #stream(id: string): Stream {
    const stream = this.#streams.get(id);
    if (stream === undefined) throw new RangeError(`Expected a stream that was added, got ${id}`);
    return stream;
  }

  #emitStatus(status: StreamStatus): void {
    for (const listener of [...this.#listeners]) listener.onStatus(status);
  }
}

/** A frame with a reference count that never goes below zero unnoticed, drawn by canvas when asked. */
export class FakeFrame implements OfferedFrame {
  readonly ptsMs: number;
  readonly capturedAtMs: number;
  /** How many hold it now; its maker holds it first. */
  holds = 1;
  /** Renditions asked for, as `width|drawn`; `null` width means full. */
  readonly renders: string[] = [];
  readonly #renditions = new Map<string, Promise<AnnotatedFrame>>();

  constructor(
    readonly streamId: string,
    readonly seq: number,
    readonly size: Size,
    readonly options: FakeFrameOptions = {},
  ) {
    this.ptsMs = options.ptsMs ?? seq * 40;
    this.capturedAtMs = options.capturedAtMs ?? Date.now();
  }

  retain(): void {
    if (this.holds < 1) throw new RangeError(`Frame ${String(this.seq)} was retained after its last release`);
    this.holds += 1;
  }

  release(): void {
    if (this.holds < 1) throw new RangeError(`Frame ${String(this.seq)} was released too often`);
    this.holds -= 1;
  }

  render(rendition: Rendition): Promise<AnnotatedFrame> {
    if (this.holds < 1) return Promise.reject(new ClosedError('Frame'));
    const key = `${String(rendition.maxWidthPx)}|${String(rendition.drawn)}`;
    this.renders.push(key);
    const known = this.#renditions.get(key);
    if (known !== undefined) return known;
    const made = this.#render(rendition);
    this.#renditions.set(key, made);
    return made;
  }

  async #render(rendition: Rendition): Promise<AnnotatedFrame> {
    await this.options.renderAfter;
    if (this.options.renderError !== undefined) throw this.options.renderError;
    const size = limitWidth(this.size, rendition.maxWidthPx);
    const { classes } = this.options;
    const detections = (this.options.detections ?? defaultDetections(this.seq, this.size)).map((found) => scaleDetection(found, this.size, size));
    const jpeg = pad(drawJpeg(this.seq, size, rendition.drawn ? detections : []), this.options.jpegBytes ?? 0);
    const { streamId, seq, ptsMs, capturedAtMs } = this;
    const { positionMs } = this.options;
    const model = this.options.model === undefined ? { name: 'detector', version: '1' } : this.options.model;
    return { streamId, seq, ptsMs, ...(positionMs === undefined ? {} : { positionMs }), capturedAtMs, model, detections, ...(classes === undefined ? {} : { classes }), ...size, timingsMs: { capture: 4, queue: 1, predict: 20, annotate: 3 }, jpeg };
  }
}

/** The status of a healthy live stream, 640x360. */
export function defaultStatus(id: string): StreamStatus {
  return {
    id,
    name: `Stream ${id}`,
    mode: 'live',
    state: 'running',
    source: `rtsp://camera/${id}`,
    widthPx: 640,
    heightPx: 360,
    declaredFps: 25,
    measuredFps: 25,
    ageMs: 40,
    positionMs: null,
    durationMs: null,
    speed: null,
    thresholds: { '*': 0.4 },
    detector: { state: 'ok', message: 'detector 1' },
    counters: { decoded: 0, shown: 0, inFlight: 0, viewerSkipped: 0, dropped: {}, failed: {} },
    error: null,
    retryAtMs: null,
    restarts: 0,
    activeSource: null,
    decoder: 'software',
  };
}

/** One person that walks to the right and comes back after 40 frames; its box lies in a picture of size `size`. */
export function defaultDetections(seq: number, size: Size): readonly Detection[] {
  const left = 0.1 + 0.015 * (seq % 40);
  const box = [left * size.widthPx, 0.3 * size.heightPx, (left + 0.15) * size.widthPx, 0.8 * size.heightPx] as const;
  return [{ classId: 1, label: 'person', score: 0.9, box }];
}

/** A picture whose background changes with `seq`; every detection is a red outline, 4 px wide. */
function drawJpeg(seq: number, size: Size, detections: readonly Detection[]): Buffer {
  const canvas = createCanvas(size.widthPx, size.heightPx);
  const context = canvas.getContext('2d');
  context.fillStyle = `hsl(${String((seq * 37) % 360)}, 40%, 45%)`;
  context.fillRect(0, 0, size.widthPx, size.heightPx);
  context.fillStyle = '#fff';
  context.font = `${String(Math.max(10, Math.round(size.heightPx / 6)))}px sans-serif`;
  context.fillText(String(seq), size.widthPx * 0.05, size.heightPx * 0.25);
  context.strokeStyle = '#f00';
  context.lineWidth = 4;
  for (const { box } of detections) context.strokeRect(box[0], box[1], box[2] - box[0], box[3] - box[1]);
  return canvas.toBuffer('image/jpeg', { quality: 0.75 });
}

function pad(jpeg: Buffer, bytes: number): Buffer {
  return jpeg.length >= bytes ? jpeg : Buffer.concat([jpeg], bytes);
}
