import { ClosedError, MissingProgramError, SightlineError, SourceExitedError, SourceOpenError, SourceUnauthorizedError } from '../../core/errors.js';
import { redactText } from '../../core/redact.js';
import type { ReaderEnd } from './frame-reader.js';
import type { SourceInfo } from '../opening/probe-source.js';
import { isOnDisk, type SourceLocation } from '../opening/source-location.js';
import { isUnauthorized, plainReason } from '../opening/stderr-reasons.js';
import { stderrLog } from '../opening/stderr-log.js';

/** How one run (probe and ffmpeg) ended, as far as it decides what comes next. */
export type RunOutcome =
  /** The source came to its end; `error` when part of it was missing or damaged. */
  | { readonly kind: 'ended'; readonly error: SightlineError | null }
  /** The end of a source that loops. */
  | { readonly kind: 'again' }
  /** Failed, and may work later. */
  | { readonly kind: 'retry'; readonly error: SightlineError }
  | { readonly kind: 'unauthorized'; readonly error: SightlineError }
  /** Failed for good. */
  | { readonly kind: 'failed'; readonly error: SightlineError };

export type RunFacts = {
  readonly location: SourceLocation;
  readonly info: SourceInfo;
  readonly live: boolean;
  readonly loop: boolean;
  readonly fps: number | null;
  /** Whether this run started in the middle, after a change of settings. */
  readonly continued: boolean;
  /** Times of the first frame of the source and of the last of this run, ms; `null` without frames. */
  readonly firstPtsMs: number | null;
  readonly lastPtsMs: number | null;
};

/** Says what the end of an ffmpeg means. Its exit code is not enough: it ends with 0 on truncated and on damaged files. */
export function outcomeOfRun(end: ReaderEnd, facts: RunFacts): RunOutcome {
  const name = facts.location.displayName;
  if (end.startError !== null) return outcomeOfError(end.startError, facts.location);
  const exited = (message: string): SourceExitedError => new SourceExitedError(`${name}: ${message}`, end, { log: stderrLog(end.stderrTail) });
  const reason = plainReason(end.stderrTail);
  if (!isOnDisk(facts.location) && end.exitCode !== 0 && isUnauthorized(end.stderrTail)) return { kind: 'unauthorized', error: exited('user or password refused') };
  if (end.exitCode !== 0) {
    const how = end.signal === null ? `ffmpeg ended with ${String(end.exitCode)}${reason === null ? '' : `: ${reason}`}` : `ffmpeg was killed (${end.signal})`;
    // Damage that ffmpeg gives up on is the end of a recording; being killed is not.
    if (!facts.live && end.frames > 0 && end.signal === null) return { kind: 'ended', error: exited(how) };
    if (end.frames === 0 && end.signal === null && isOnDisk(facts.location) && /: partial file$|prematurely| after EOF$/imu.test(end.stderrTail)) return { kind: 'failed', error: exited('the file is truncated or damaged: nothing that it holds can be decoded') };
    return { kind: 'retry', error: exited(how) };
  }
  if (end.frames === 0 && !facts.continued) {
    const error = exited(`no frame could be decoded${reason === null ? '' : `: ${reason}`}`);
    return isOnDisk(facts.location) ? { kind: 'failed', error } : { kind: 'retry', error };
  }
  if (facts.live) {
    const isFinite = isOnDisk(facts.location) || (facts.location.kind === 'http' && facts.info.durationMs !== null);
    if (!isFinite) return { kind: 'retry', error: exited('the source ended the connection') };
    if (facts.loop) return { kind: 'again' };
  }
  const damage = describeDamage(end, facts);
  if (damage === null && facts.loop) return { kind: 'again' };
  return facts.loop && end.frames > 0 ? { kind: 'again' } : { kind: 'ended', error: damage === null ? null : exited(damage) };
}

/** Says what the failure of opening a source means. */
export function outcomeOfError(error: unknown, location: SourceLocation | null): RunOutcome {
  if (error instanceof SourceUnauthorizedError) return { kind: 'unauthorized', error };
  if (error instanceof MissingProgramError || error instanceof ClosedError) return { kind: 'failed', error };
  if (error instanceof SightlineError) return { kind: error.retryable ? 'retry' : 'failed', error };
  const message = redactText(error instanceof Error ? error.message : String(error), location?.secrets);
  // This machine's own trouble (no process, no descriptor, no room left) passes; what is wrong with a source has errors of its own.
  return { kind: 'retry', error: new SourceOpenError(`${location?.displayName ?? 'source'}: ${message}`, { cause: error, retryable: true }) };
}

function describeDamage(end: ReaderEnd, facts: RunFacts): string | null {
  const { info, firstPtsMs, lastPtsMs } = facts;
  // What a part of a recording, or a choice of its frames, holds is not counted.
  const missing = facts.fps === null && !facts.continued && info.frameCount !== null ? info.frameCount - end.frames : null;
  const damage = end.damageReports > 0 ? `the video is damaged in places: ffmpeg reported ${String(end.damageReports)} errors while decoding` : null;
  if (missing !== null && missing <= 0) return damage;
  if (info.durationMs === null || firstPtsMs === null || lastPtsMs === null) return isCutOff(end) ? 'the file is truncated' : damage;
  const rate = info.declaredFps === null ? 25 : info.declaredFps.num / info.declaredFps.den;
  const intervalMs = 1000 / Math.min(rate, facts.fps ?? Infinity);
  const playedMs = lastPtsMs - firstPtsMs + intervalMs;
  // Containers round, and a variable rate may end on a long frame: only a clear lack counts, unless ffmpeg complains as well, or as many frames are missing as would fill it.
  const leastMs = Math.min(end.damageReports > 0 ? 2 * intervalMs : Math.max(500, 5 * intervalMs, info.durationMs * 0.02), missing === null ? Infinity : (missing - 0.5) * intervalMs);
  const isShort = info.durationIsExact && playedMs < info.durationMs - leastMs;
  return isShort || isCutOff(end) ? `the file is truncated${describeLack({ playedMs, durationMs: info.durationMs, frames: end.frames, missing })}` : damage;
}

function describeLack({ playedMs, durationMs, frames, missing }: { readonly playedMs: number; readonly durationMs: number; readonly frames: number; readonly missing: number | null }): string {
  const [played, duration] = [seconds(playedMs), seconds(durationMs)];
  if (played !== duration) return `: it holds ${played} of the ${duration} it announces`;
  return missing === null ? '' : `: it holds ${String(frames)} of the ${String(frames + missing)} frames it announces`;
}

/** Whether a demuxer came to the end of the file before the data that the file announces. */
function isCutOff({ stderrTail }: ReaderEnd): boolean {
  return /: partial file$|file ended prematurely/imu.test(stderrTail);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
