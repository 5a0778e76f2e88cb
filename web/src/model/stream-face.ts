import type { StreamStatus } from '../../../src/core/stream-status.js';
import { formatAge } from './text.js';

/** What the page itself knows of a stream at one moment. */
export type PageView = {
  /** Whether the socket is open. */
  readonly connected: boolean;
  /** Time since the newest picture arrived, ms; `null` before the first. */
  readonly sinceFrameMs: number | null;
  /** Age of the picture on the screen, clocks corrected, ms; `null` when unknown. */
  readonly ageMs: number | null;
  /** Time since the page last asked for this stream, ms; `null` when it does not want it now. */
  readonly sinceAskedMs: number | null;
  /** Whether a detector looked at the picture on the screen; `null` before the first. */
  readonly detected: boolean | null;
  /** Time until the source is tried again, ms; `null` when it does not wait, or that is unknown. */
  readonly retryInMs: number | null;
};

/** How a stream looks at one moment. */
export type StreamFace = {
  /** Sign that tells the state without colour. */
  readonly sign: '●' | '○' | '❚❚' | '■' | '…' | '!';
  /** The state in a word or two. */
  readonly word: string;
  /** Whether the picture must not be taken for what is there now. */
  readonly stale: boolean;
  /** Sentences that stand over the picture: what is wrong, and what to do; empty when all is well. */
  readonly lines: readonly string[];
  /** Why nothing is detected; `null` while a detector works. */
  readonly noDetector: string | null;
  /** Whether frames are arriving as they should. */
  readonly live: boolean;
};

/** Without a new frame for longer than this, a live picture is not live. */
const STALE_AFTER_MS = 2000;
/** A picture that is this old when it arrives is not live either. */
export const STALE_AGE_MS = STALE_AFTER_MS;

/** Decides how a stream looks. */
export function streamFace(status: StreamStatus, view: PageView): StreamFace {
  return { ...stateFace(status, view), noDetector: noDetector(status, view) };
}

type StateFace = Omit<StreamFace, 'noDetector'>;

function stateFace(status: StreamStatus, view: PageView): StateFace {
  if (!view.connected) return disconnectedFace(status, view);
  const reason = status.error?.message;
  // A recording has a position, not an age.
  const old = view.sinceFrameMs === null || status.mode === 'replay' ? [] : [`${formatAge(view.ageMs ?? view.sinceFrameMs)} old`];
  switch (status.state) {
    case 'starting':
      return { sign: '…', word: 'starting', stale: view.sinceFrameMs !== null, lines: view.sinceFrameMs === null ? ['Opening the source'] : [...old, 'starting again'], live: false };
    case 'running':
      return runningFace(status, view, old);
    case 'paused':
      return { sign: '❚❚', word: 'paused', stale: status.mode === 'live', lines: status.mode === 'live' ? [...old, 'paused'] : [], live: false };
    case 'reconnecting':
      return { sign: '○', word: 'camera lost', stale: true, lines: [...old, reason ?? 'The camera does not answer', retryText(view)], live: false };
    case 'unauthorized':
      return { sign: '!', word: 'login refused', stale: true, lines: [...old, reason ?? 'The camera refused the login.', 'Check the user name and the password in the stream’s source.'], live: false };
    case 'ended':
      return endedFace(status, view);
    case 'failed':
      return { sign: '!', word: 'failed', stale: true, lines: [...old, reason ?? 'The stream failed for an unknown reason.', ...lastWords(status)], live: false };
    case 'stopped':
      return { sign: '■', word: 'stopped', stale: true, lines: [...old, 'stopped'], live: false };
  }
}

function retryText({ retryInMs }: PageView): string {
  const seconds = retryInMs === null ? 0 : Math.ceil(retryInMs / 1000);
  return seconds > 0 ? `Next try in ${String(seconds)} s` : 'Trying again';
}

/** What ffmpeg said last, unless the reason says so already. */
function lastWords({ error }: StreamStatus): readonly string[] {
  const last = error?.log?.at(-1)?.trim() ?? '';
  return last === '' || error?.message.includes(last) === true ? [] : [`ffmpeg’s last words: ${last}`];
}

function disconnectedFace({ mode }: StreamStatus, view: PageView): StateFace {
  const stale = view.sinceFrameMs === null || view.sinceFrameMs > STALE_AFTER_MS;
  // A recording has a position, not an age.
  const age = view.sinceFrameMs === null || mode === 'replay' ? [] : [`${formatAge(view.ageMs ?? view.sinceFrameMs)} old`];
  return { sign: '○', word: 'connection lost', stale, lines: stale ? [...age, 'Connection to the server lost'] : [], live: false };
}

function runningFace(status: StreamStatus, view: PageView, old: readonly string[]): StateFace {
  if (view.sinceFrameMs === null) {
    const overdue = view.sinceAskedMs !== null && view.sinceAskedMs > STALE_AFTER_MS;
    return { sign: '…', word: overdue ? 'no picture' : 'running', stale: false, lines: overdue ? ['Running, but no picture has come yet'] : [], live: false };
  }
  const late = view.sinceFrameMs > STALE_AFTER_MS;
  const stale = status.mode === 'live' && (late || (view.ageMs !== null && view.ageMs > STALE_AGE_MS));
  if (!stale && !late) return { sign: '●', word: status.mode === 'live' ? 'live' : 'replay', stale: false, lines: [], live: true };
  // A recording loses nothing by waiting: its picture is as right as before, it only does not move.
  if (!stale) return { sign: '…', word: 'waiting', stale: false, lines: [], live: false };
  // Pictures that were not asked for do not come: a tile back in sight is waiting, its camera is not to blame.
  const waiting = view.sinceAskedMs === null || view.sinceAskedMs < STALE_AFTER_MS;
  if (late && waiting) return { sign: '○', word: 'waiting', stale, lines: old, live: false };
  return { sign: '○', word: late ? 'no frames' : 'late', stale, lines: [...old, late ? 'No frames are coming' : 'Frames come late'], live: false };
}

/** A recording that was read to its end is over when its last frame is shown, not before. */
function endedFace(status: StreamStatus, view: PageView): StateFace {
  const moving = view.sinceFrameMs !== null && view.sinceFrameMs <= STALE_AFTER_MS;
  if (status.counters.inFlight > 0) return { sign: moving ? '●' : '…', word: 'ending', stale: false, lines: [], live: moving };
  return { sign: '■', word: 'ended', stale: false, lines: view.sinceFrameMs === null ? ['The recording has ended'] : [], live: false };
}

/** States in which no new picture comes: what stands there was looked at, or not, while the detector was what it then was. */
const STILL_STATES: ReadonlySet<StreamStatus['state']> = new Set(['ended', 'failed', 'stopped', 'unauthorized', 'reconnecting']);

function noDetector(status: StreamStatus, view: PageView): string | null {
  if (status.detector.state !== 'ok' && !STILL_STATES.has(status.state)) return status.detector.message === '' ? 'The detector does not answer' : status.detector.message;
  return view.detected === false ? 'No detector looked at this picture' : null;
}
