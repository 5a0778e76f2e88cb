import type { ClassScore, DetectedFrame, Detection } from '../core/frames.js';
import type { Size } from '../core/geometry.js';
import type { StreamTimeline, TimelineBucket } from '../core/stream-timeline.js';

const MAX_BUCKETS = 300;
/** Shorter stretches than this are of no use: a mark is to hold some frames. */
const MIN_BUCKET_MS = 100;
/** Moments of a bucket that are told apart, to count each frame once: with 300 buckets, those of eight hours at 40 frames a second; of frames that lie closer one counts. */
const SLOTS_PER_BUCKET = 4_096;
const BITS = 32;
/** Labels come from a model that may be anything: further ones are not counted. */
const MAX_LABELS = 256;

/** What a recording says of itself. */
export type RecordingFacts = { readonly durationMs: number | null; readonly sourceSize: Size | null };

/** Counts what is found in a recording, by place and label, in at most 300 equal stretches of it and about 150 KB, however long it is and however often it is played. */
export class DetectionTimeline {
  readonly #classIds = new Map<string, number>();
  #buckets = new Map<number, Map<string, number>>();
  /** A bit for each moment of which a frame was counted; made with the first. */
  #seen: Uint32Array | null = null;
  #bucketMs: number | null = null;
  #facts: RecordingFacts = { durationMs: null, sourceSize: null };

  /** Tells what the recording says of itself, which may change whenever it is opened again. One that is shorter than before or has another picture is another recording:
   * what was counted is forgotten. One that is longer has grown. */
  describe(facts: RecordingFacts): void {
    const before = this.#facts;
    const durationMs = facts.durationMs ?? before.durationMs;
    const sourceSize = facts.sourceSize ?? before.sourceSize;
    if ((durationMs ?? 0) < (before.durationMs ?? 0) || !isSameSize(before.sourceSize, sourceSize)) this.#clear();
    this.#facts = { durationMs, sourceSize };
    if (durationMs === null || !(durationMs > 0)) return;
    if (this.#seen === null) this.#bucketMs = Math.max(MIN_BUCKET_MS, durationMs / MAX_BUCKETS);
    else this.#growWhile((coveredMs) => coveredMs < durationMs);
  }

  /** Gives a frame its place in the recording and counts there what was found on it.
   * @param startPtsMs of the first frame of all; `null`: unknown, nothing is done */
  placed(detected: DetectedFrame, startPtsMs: number | null): DetectedFrame {
    if (startPtsMs === null) return detected;
    const positionMs = detected.frame.ptsMs - startPtsMs;
    this.add(positionMs, [...detected.detections, ...(detected.classes ?? [])]);
    return { ...detected, positionMs };
  }

  /** Counts a frame, unless it was before.
   * @param positionMs after the first frame; those before it are not counted */
  add(positionMs: number, found: readonly Pick<Detection | ClassScore, 'classId' | 'label'>[]): void {
    if (!(positionMs >= 0) || !Number.isFinite(positionMs)) return;
    this.#growWhile((coveredMs) => coveredMs <= positionMs && positionMs !== this.#facts.durationMs);
    if (!this.#isNew(positionMs)) return;
    // A frame exactly at the end of the duration belongs to the last one.
    const index = Math.min(MAX_BUCKETS - 1, Math.floor(positionMs / (this.#bucketMs ?? MIN_BUCKET_MS)));
    for (const [label, classId] of new Map(found.map((each) => [each.label, each.classId]))) {
      if (!this.#classIds.has(label) && this.#classIds.size >= MAX_LABELS) continue;
      this.#classIds.set(label, classId);
      const classes = this.#buckets.get(index) ?? new Map<string, number>();
      this.#buckets.set(index, classes.set(label, (classes.get(label) ?? 0) + 1));
    }
  }

  snapshot(): StreamTimeline {
    const buckets = [...this.#buckets].sort(([a], [b]) => a - b).map(([index, classes]): TimelineBucket => ({ index, classes: Object.fromEntries(classes) }));
    return { durationMs: this.#facts.durationMs, bucketMs: this.#bucketMs, buckets, classIds: Object.fromEntries(this.#classIds) };
  }

  #clear(): void {
    this.#classIds.clear();
    this.#buckets.clear();
    this.#seen = null;
    this.#bucketMs = null;
  }

  /** Doubles the stretches for as long as what they cover is too short. */
  #growWhile(isTooShort: (coveredMs: number) => boolean): void {
    this.#bucketMs ??= MIN_BUCKET_MS;
    while (isTooShort(this.#bucketMs * MAX_BUCKETS)) {
      this.#bucketMs *= 2;
      this.#mergePairs();
    }
  }

  #mergePairs(): void {
    const merged = new Map<number, Map<string, number>>();
    for (const [index, classes] of this.#buckets) {
      const into = merged.get(index >> 1) ?? new Map<string, number>();
      for (const [label, count] of classes) into.set(label, (into.get(label) ?? 0) + count);
      merged.set(index >> 1, into);
    }
    this.#buckets = merged;
    const seen = this.#seen;
    if (seen === null) return;
    const half = new Uint32Array(seen.length);
    for (let slot = 0; slot < seen.length * BITS; slot += 1) if (hasBit(seen, slot)) setBit(half, slot >> 1);
    this.#seen = half;
  }

  /** Notes a moment. @returns whether it was not noted before */
  #isNew(positionMs: number): boolean {
    const seen = (this.#seen ??= new Uint32Array((MAX_BUCKETS * SLOTS_PER_BUCKET) / BITS));
    const slot = Math.min(MAX_BUCKETS * SLOTS_PER_BUCKET - 1, Math.floor((positionMs / (this.#bucketMs ?? MIN_BUCKET_MS)) * SLOTS_PER_BUCKET));
    if (hasBit(seen, slot)) return false;
    setBit(seen, slot);
    return true;
  }
}

function hasBit(bits: Uint32Array, at: number): boolean {
  return (((bits[at >>> 5] ?? 0) >>> (at & 31)) & 1) === 1;
}

function setBit(bits: Uint32Array, at: number): void {
  bits[at >>> 5] = (bits[at >>> 5] ?? 0) | (1 << (at & 31));
}

function isSameSize(before: Size | null, now: Size | null): boolean {
  return before === null || now === null || (before.widthPx === now.widthPx && before.heightPx === now.heightPx);
}
