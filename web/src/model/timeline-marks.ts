import type { StreamTimeline } from '../../../src/core/stream-timeline.js';
import type { FrameHeader } from '../../../src/viewers/protocol.js';

/** What was found in one stretch of a recording, by class id. */
export type Mark = { readonly fromMs: number; readonly toMs: number; readonly parts: readonly MarkPart[]; readonly total: number };
export type MarkPart = { readonly label: string; readonly classId: number; readonly frames: number };

type Bucket = { readonly places: Set<number>; readonly classes: Map<string, number> };

/** Where in a recording what was found: what the server counted, and since then what this page saw itself. */
export class TimelineMarks {
  #server: StreamTimeline | null = null;
  readonly #own = new Map<number, Bucket>();
  readonly #classIds = new Map<string, number>();
  #marks: readonly Mark[] | null = null;

  /** Takes what the server counted, which includes all that was shown here until now. */
  setServer(timeline: StreamTimeline): void {
    this.#server = timeline;
    this.#own.clear();
    for (const [label, classId] of Object.entries(timeline.classIds)) this.#classIds.set(label, classId);
    this.#marks = null;
  }

  /** Adds a frame that was shown here. */
  add({ positionMs, detections, classes = [] }: FrameHeader): void {
    const bucketMs = this.#server?.bucketMs ?? null;
    if (positionMs === undefined || bucketMs === null || !(positionMs >= 0)) return;
    const index = Math.floor(positionMs / bucketMs);
    const bucket = this.#own.get(index) ?? { places: new Set(), classes: new Map<string, number>() };
    if (bucket.places.has(positionMs)) return;
    this.#own.set(index, bucket);
    bucket.places.add(positionMs);
    for (const [label, classId] of new Map([...detections, ...classes].map((found) => [found.label, found.classId]))) {
      this.#classIds.set(label, classId);
      bucket.classes.set(label, (bucket.classes.get(label) ?? 0) + 1);
      this.#marks = null;
    }
  }

  /** The marks, by time; the same array as before while nothing has changed. */
  marks(): readonly Mark[] {
    this.#marks ??= this.#compose();
    return this.#marks;
  }

  /** The mark at a time. */
  at(positionMs: number): Mark | undefined {
    return this.marks().find(({ fromMs, toMs }) => positionMs >= fromMs && positionMs < toMs);
  }

  #compose(): readonly Mark[] {
    const bucketMs = this.#server?.bucketMs ?? null;
    if (this.#server === null || bucketMs === null) return [];
    const buckets = new Map<number, Map<string, number>>(this.#server.buckets.map(({ index, classes }) => [index, new Map(Object.entries(classes))]));
    for (const [index, { classes }] of this.#own) {
      const into = buckets.get(index) ?? new Map<string, number>();
      // The server may have counted the same frames: the greater number is the one that surely is.
      for (const [label, frames] of classes) into.set(label, Math.max(into.get(label) ?? 0, frames));
      if (into.size > 0) buckets.set(index, into);
    }
    return [...buckets].sort(([a], [b]) => a - b).map(([index, classes]) => this.#markOf(classes, index * bucketMs, (index + 1) * bucketMs));
  }

  #markOf(classes: ReadonlyMap<string, number>, fromMs: number, toMs: number): Mark {
    const parts = [...classes].map(([label, frames]) => ({ label, frames, classId: this.#classIds.get(label) ?? 0 })).sort((a, b) => a.classId - b.classId);
    return { fromMs, toMs, parts, total: parts.reduce((sum, { frames }) => sum + frames, 0) };
  }
}
