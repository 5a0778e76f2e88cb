import type { SightlineError } from '../../core/errors.js';
import type { StreamState } from '../../core/stream-status.js';
import type { RunOutcome } from '../run/run-outcome.js';

/** Runs in a row that may fail without a new frame. */
const MAX_FAILURES = 3;

export type ReplayEvent =
  | { readonly type: 'start' }
  /** A frame was handed out. */
  | { readonly type: 'frame' }
  /** The run is to begin anew, elsewhere or otherwise. */
  | { readonly type: 'restart' }
  /** The run hangs. */
  | { readonly type: 'stalled'; readonly error: SightlineError }
  | { readonly type: 'run-ended'; readonly outcome: RunOutcome }
  | { readonly type: 'close' };

/** `stop-run`: `run-ended` follows. */
export type ReplayEffect = 'start-run' | 'stop-run';

export type ReplayState = {
  /** `active`: a run is on; `stopping`: it was told to end and has not yet; `resting`: no run and none planned. */
  readonly phase: 'idle' | 'active' | 'stopping' | 'resting' | 'closed';
  readonly status: Extract<StreamState, 'starting' | 'running' | 'ended' | 'failed' | 'stopped'>;
  readonly error: SightlineError | null;
  /** Runs that failed since the last frame. */
  readonly failures: number;
  /** In `stopping`: what follows. */
  readonly next: 'close' | 'restart' | 'retry';
};

export type ReplayStep = { readonly state: ReplayState; readonly effects: readonly ReplayEffect[] };

export const REPLAY_INITIAL_STATE: ReplayState = { phase: 'idle', status: 'starting', error: null, failures: 0, next: 'close' };

/** The decisions of a replay's source, without clock or process. Laws (see its test): at most one run at a time; after `close` nothing starts any more; every run ends in
 * frames, in the end of the file, or after three failures in a row in `failed` with the reason. The table is in README.md. */
export function stepReplay(state: ReplayState, event: ReplayEvent): ReplayStep {
  if (event.type === 'close') return close(state);
  switch (state.phase) {
    case 'idle':
      return event.type === 'start' ? run(state) : stay(state);
    case 'active':
      return inActive(state, event);
    case 'stopping':
      return inStopping(state, event);
    case 'resting':
      return event.type === 'restart' ? run({ ...state, status: 'running', error: null, failures: 0 }) : stay(state);
    case 'closed':
      return stay(state);
  }
}

type Event = Exclude<ReplayEvent, { readonly type: 'close' }>;

function inActive(state: ReplayState, event: Event): ReplayStep {
  switch (event.type) {
    case 'frame':
      return stay(state.status === 'running' && state.error === null && state.failures === 0 ? state : { ...state, status: 'running', error: null, failures: 0 });
    case 'restart':
      return stop(state, 'restart');
    case 'stalled':
      return stop({ ...state, error: event.error }, 'retry');
    case 'run-ended':
      return runEnded(state, event.outcome);
    case 'start':
      return stay(state);
  }
}

function inStopping(state: ReplayState, event: Event): ReplayStep {
  // A seek in the middle of a retry is a fresh start.
  if (event.type === 'restart' && state.next === 'retry') return stay({ ...state, next: 'restart' });
  if (event.type !== 'run-ended') return stay(state);
  switch (state.next) {
    case 'close':
      return stay({ ...state, phase: 'closed' });
    case 'restart':
      return run(state);
    case 'retry':
      return failed(state, state.error);
  }
}

function runEnded(state: ReplayState, outcome: RunOutcome): ReplayStep {
  switch (outcome.kind) {
    case 'again':
      return run(state);
    case 'ended':
      return stay({ ...state, phase: 'resting', status: 'ended', error: outcome.error });
    case 'retry':
      return failed(state, outcome.error);
    case 'unauthorized':
    case 'failed':
      return stay({ ...state, phase: 'resting', status: 'failed', error: outcome.error });
  }
}

function failed(state: ReplayState, error: SightlineError | null): ReplayStep {
  const failures = state.failures + 1;
  if (failures >= MAX_FAILURES) return stay({ ...state, phase: 'resting', status: 'failed', error, failures });
  return run({ ...state, error, failures });
}

function close(state: ReplayState): ReplayStep {
  // What ended or failed by itself keeps saying so.
  const status = state.status === 'ended' || state.status === 'failed' ? state.status : 'stopped';
  const closed: ReplayState = { ...state, status, next: 'close' };
  if (state.phase === 'active') return stop(closed, 'close');
  return stay(state.phase === 'stopping' ? closed : { ...closed, phase: 'closed' });
}

function run(state: ReplayState): ReplayStep {
  return { state: { ...state, phase: 'active' }, effects: ['start-run'] };
}

function stop(state: ReplayState, next: ReplayState['next']): ReplayStep {
  return { state: { ...state, phase: 'stopping', next }, effects: ['stop-run'] };
}

function stay(state: ReplayState): ReplayStep {
  return { state, effects: [] };
}
