import { clock } from '../core/clock.js';
import type { DetectorStatus, FrameCounters, StatusError, StreamMode, StreamState, StreamStatus } from '../core/stream-status.js';
import type { SourceStatus } from '../sources/video-source.js';
import type { Playout } from './playout.js';

/** What a stream's status is made of. */
export type StatusFacts = {
  readonly id: string;
  readonly name: string;
  readonly mode: StreamMode;
  readonly redactedSource: string;
  /** Takes secrets out of a text. */
  readonly redact: (text: string) => string;
  /** `null` before the source has told anything. */
  readonly source: SourceStatus | null;
  /** The frame that was shown last. */
  readonly latest: { readonly ptsMs: number; readonly capturedAtMs: number } | null;
  readonly counters: FrameCounters;
  readonly measuredFps: number | null;
  readonly thresholds: StreamStatus['thresholds'];
  readonly detector: DetectorStatus;
  /** Of a replay. */
  readonly playout: Playout | null;
  readonly closed: boolean;
};

/** Puts together what people are told of a stream. */
export function composeStatus(facts: StatusFacts): StreamStatus {
  const { source, latest, mode, counters } = facts;
  const live = mode === 'live';
  return {
    id: facts.id,
    name: facts.name,
    mode,
    state: stateOf(facts),
    source: facts.redactedSource,
    widthPx: source?.displaySize?.widthPx ?? null,
    heightPx: source?.displaySize?.heightPx ?? null,
    declaredFps: source?.declaredFps ?? null,
    measuredFps: facts.measuredFps,
    ageMs: latest === null ? null : clock.ageMs(latest.capturedAtMs),
    positionMs: live || latest === null || source?.startPtsMs == null ? null : latest.ptsMs - source.startPtsMs,
    durationMs: live ? null : (source?.durationMs ?? null),
    speed: facts.playout?.speed ?? null,
    thresholds: facts.thresholds,
    detector: facts.detector,
    counters,
    error: redactError(source?.error ?? null, facts.redact),
    retryAtMs: source?.retryAtMs ?? null,
    restarts: source?.restarts ?? 0,
    activeSource: source?.activeSource ?? null,
    decoder: source?.decoder == null ? null : facts.redact(source.decoder),
  };
}

function stateOf({ source, counters, playout, closed }: StatusFacts): StreamState {
  if (closed) return 'stopped';
  const state = source?.state ?? 'starting';
  // The source is through before its last frames are: to people the stream ends with the last of them.
  if (state === 'ended' && counters.inFlight === 0) return state;
  if (state === 'starting' || state === 'failed') return state;
  if (playout === null) return state === 'ended' ? 'running' : state;
  return playout.playing || counters.shown === 0 ? 'running' : 'paused';
}

function redactError(error: StatusError | null, redact: (text: string) => string): StatusError | null {
  return error === null ? null : { ...error, message: redact(error.message), ...(error.log !== undefined && { log: error.log.map(redact) }) };
}
