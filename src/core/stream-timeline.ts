/** What was found in one stretch of a recording. */
export type TimelineBucket = {
  /** The stretch begins `index * bucketMs` after the first frame. */
  readonly index: number;
  /** By label, how many of the frames that were shown of this stretch have it; a frame that is shown again counts once. */
  readonly classes: Readonly<Record<string, number>>;
};

/** Where in a recording what was found, as far as it was shown. */
export type StreamTimeline = {
  /** As the stream's status tells it; `null` while it is unknown. */
  readonly durationMs: number | null;
  /** Length of a bucket, > 0; `null` before anything was counted or the duration is known. */
  readonly bucketMs: number | null;
  /** Those with something in them, by index, at most 300. */
  readonly buckets: readonly TimelineBucket[];
  /** The class id of every label in `buckets`: it gives the class its colour. */
  readonly classIds: Readonly<Record<string, number>>;
};
