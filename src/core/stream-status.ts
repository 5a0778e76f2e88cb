/** `live` keeps the newest frame and sheds the rest; `replay` loses nothing and waits. */
export type StreamMode = 'live' | 'replay';

export type StreamState = 'starting' | 'running' | 'paused' | 'reconnecting' | 'unauthorized' | 'ended' | 'failed' | 'stopped';

/** Why a frame ended without being shown. */
export type DropReason =
  /** A newer frame of a live stream took its place. */
  | 'superseded'
  /** Waited too long for the detector, or the detector for its backend. */
  | 'deadline'
  /** Every backend said that it was full. */
  | 'overloaded'
  | 'closed'
  /** A seek or a step of a replay jumped over it. */
  | 'seek';
export type FailReason = 'serving' | 'model-output' | 'annotation';

/** Law of conservation: `decoded = shown + inFlight + Σ dropped + Σ failed` at any time. */
export type FrameCounters = {
  readonly decoded: number;
  readonly shown: number;
  readonly inFlight: number;
  /** Frames that a slow viewer did not get; counted apart, they are in `shown` too. */
  readonly viewerSkipped: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly failed: Readonly<Partial<Record<FailReason, number>>>;
};

export type DetectorStatus = { readonly state: 'ok' | 'unavailable' | 'misconfigured'; readonly message: string };

/** Why a stream does not run; with `ended`: what was missing or damaged. */
export type StatusError = {
  readonly code: string;
  readonly message: string;
  /** What ffmpeg said last when it failed, redacted: at most 20 lines and 4 KB, oldest first. Left out where it said nothing. */
  readonly log?: readonly string[];
};

/** What the API tells about a stream. Unknown numbers are `null`; `source` carries no secret. */
export type StreamStatus = {
  readonly id: string;
  readonly name: string;
  readonly mode: StreamMode;
  readonly state: StreamState;
  readonly source: string;
  /** Size of the display picture. */
  readonly widthPx: number | null;
  readonly heightPx: number | null;
  /** What the source says of itself, frames per second. */
  readonly declaredFps: number | null;
  /** Frames shown per second, over the last seconds. */
  readonly measuredFps: number | null;
  /** Age of the newest shown frame, ms. */
  readonly ageMs: number | null;
  readonly positionMs: number | null;
  readonly durationMs: number | null;
  readonly speed: number | 'max' | null;
  /** Lowest score that is shown, by label, `'*'` for labels not listed; `false` hides a label. What scores lower is not sent. */
  readonly thresholds: Readonly<Record<string, number | false>>;
  readonly detector: DetectorStatus;
  readonly counters: FrameCounters;
  readonly error: StatusError | null;
  /** When a source that waits is tried again, epoch ms; `null` while it does not wait. */
  readonly retryAtMs: number | null;
  /** How often ffmpeg was started anew. */
  readonly restarts: number;
  /** Which of `source` and `detectSource` frames come from, without secrets; `null` of a replay, and before the first try. */
  readonly activeSource: string | null;
  /** What decodes: `software`, `cuda`, or `software (cuda failed: …)`; `null` before the first try. */
  readonly decoder: string | null;
};
