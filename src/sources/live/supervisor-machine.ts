import type { SightlineError } from '../../core/errors.js';
import type { StreamState } from '../../core/stream-status.js';
import type { RetryReason } from './backoff.js';
import type { RunOutcome } from '../run/run-outcome.js';

/** `fallback`: another way is left that needs no wait (software instead of hardware decoding); comes once in a source's life. */
export type LiveOutcome = RunOutcome | { readonly kind: 'fallback' };

export type SupervisorEvent =
  | { readonly type: 'start' }
  /** A frame was handed out. */
  | { readonly type: 'frame' }
  /** Frames have come for a while: earlier failures are forgiven. */
  | { readonly type: 'healthy' }
  /** The run hangs. */
  | { readonly type: 'stalled'; readonly error: SightlineError }
  /** The source has become another one than the run was started for. */
  | { readonly type: 'undecodable'; readonly error: SightlineError }
  /** The run's settings changed. */
  | { readonly type: 'settings' }
  | { readonly type: 'run-ended'; readonly outcome: LiveOutcome }
  /** The wait is over. */
  | { readonly type: 'retry-due' }
  /** The camera can be reached again: the wait is over early. */
  | { readonly type: 'reachable' }
  | { readonly type: 'pause' }
  | { readonly type: 'play' }
  | { readonly type: 'close' };

export type SupervisorEffect =
  | { readonly type: 'start-run' }
  /** End the run; `run-ended` follows. `now`: it hangs and need not be asked kindly. */
  | { readonly type: 'stop-run'; readonly now: boolean }
  /** Wait; `retry-due` or `reachable` follows, unless `cancel-retry` comes first. */
  | ({ readonly type: 'arm-retry' } & RetryReason)
  | { readonly type: 'cancel-retry' };

/** `active`: a run is on; `stopping`: it was told to end and has not yet; `waiting`: for the next try; `resting`: no run and none planned. */
export type Phase = 'idle' | 'active' | 'stopping' | 'waiting' | 'resting' | 'closed';

export type SupervisorState = {
  readonly phase: Phase;
  readonly status: StreamState;
  /** Runs that failed since the last healthy one; fewer after an early end of a wait. */
  readonly attempt: number;
  /** Waits that ended early since the last healthy run. */
  readonly early: number;
  readonly error: SightlineError | null;
  /** In `idle`: whether it was paused before its start. */
  readonly held: boolean;
  /** In `stopping`: what follows. */
  readonly next: 'close' | 'pause' | 'restart' | 'renew' | 'retry';
};

export type Step = { readonly state: SupervisorState; readonly effects: readonly SupervisorEffect[] };

export const INITIAL_STATE: SupervisorState = { phase: 'idle', status: 'starting', attempt: 0, early: 0, error: null, held: false, next: 'close' };

/** The decisions of a live source's supervisor, without clock, process or chance. The table and the laws are in README.md. */
export function step(state: SupervisorState, event: SupervisorEvent): Step {
  if (event.type === 'close') return close(state);
  switch (state.phase) {
    case 'idle':
      return inIdle(state, event);
    case 'active':
      return inActive(state, event);
    case 'stopping':
      return inStopping(state, event);
    case 'waiting':
      return inWaiting(state, event);
    case 'resting':
      return event.type === 'play' && state.status === 'paused' ? run({ ...state, status: 'starting' }) : stay(state);
    case 'closed':
      return stay(state);
  }
}

type Event = Exclude<SupervisorEvent, { readonly type: 'close' }>;

function inIdle(state: SupervisorState, event: Event): Step {
  if (event.type === 'pause' || event.type === 'play') return stay({ ...state, held: event.type === 'pause' });
  if (event.type !== 'start') return stay(state);
  return state.held ? stay({ ...state, phase: 'resting', status: 'paused' }) : run(state);
}

function inActive(state: SupervisorState, event: Event): Step {
  switch (event.type) {
    case 'frame':
      return stay(state.status === 'running' && state.error === null ? state : { ...state, status: 'running', error: null });
    case 'healthy':
      return stay({ ...state, attempt: 0, early: 0 });
    case 'stalled':
      return stop({ ...state, status: 'reconnecting', error: event.error }, 'retry');
    case 'undecodable':
      // Without a wait, but as a failure: where it does not help, the next is followed by one.
      return stop({ ...state, status: 'reconnecting', error: event.error, attempt: Math.max(1, state.attempt) }, state.attempt === 0 ? 'renew' : 'retry');
    case 'settings':
      return stop(state, 'restart');
    case 'pause':
      return stop({ ...state, status: 'paused' }, 'pause');
    case 'run-ended':
      return runEnded(state, event.outcome);
    default:
      return stay(state);
  }
}

function inStopping(state: SupervisorState, event: Event): Step {
  if (event.type === 'pause' && state.next !== 'close') return stay({ ...state, status: 'paused', next: 'pause' });
  if (event.type === 'play' && state.next === 'pause') return stay({ ...state, status: 'starting', next: 'restart' });
  if (event.type !== 'run-ended') return stay(state);
  switch (state.next) {
    case 'close':
      return stay({ ...state, phase: 'closed' });
    case 'pause':
      return stay({ ...state, phase: 'resting', error: null });
    case 'restart':
    case 'renew':
      return run(state);
    case 'retry':
      // How a run ends that was killed because it hung says nothing; only a way that is left is better than a wait.
      return event.outcome.kind === 'fallback' ? run(state) : wait(state, 'backoff', state.error);
  }
}

function inWaiting(state: SupervisorState, event: Event): Step {
  switch (event.type) {
    case 'retry-due':
      return run(state);
    case 'reachable':
      // What failed while it was away says nothing of how it is now: the pace begins anew, at the number of early ends, so that a port that flaps slows it down.
      return { ...run({ ...state, attempt: state.early, early: state.early + 1 }), effects: [{ type: 'cancel-retry' }, { type: 'start-run' }] };
    case 'pause':
      return { state: { ...state, phase: 'resting', status: 'paused', error: null }, effects: [{ type: 'cancel-retry' }] };
    default:
      return stay(state);
  }
}

function runEnded(state: SupervisorState, outcome: LiveOutcome): Step {
  switch (outcome.kind) {
    case 'again':
    case 'fallback':
      return run(state);
    case 'ended':
      return stay({ ...state, phase: 'resting', status: 'ended', error: outcome.error });
    case 'failed':
      return stay({ ...state, phase: 'resting', status: 'failed', error: outcome.error });
    case 'retry':
      return wait(state, 'backoff', outcome.error);
    case 'unauthorized':
      return wait(state, 'unauthorized', outcome.error);
  }
}

function wait(state: SupervisorState, reason: RetryReason['reason'], error: SightlineError | null): Step {
  const attempt = state.attempt + 1;
  const status = reason === 'unauthorized' ? 'unauthorized' : 'reconnecting';
  return { state: { ...state, phase: 'waiting', status, attempt, error }, effects: [{ type: 'arm-retry', reason, attempt, early: state.early }] };
}

function close(state: SupervisorState): Step {
  // What ended or failed by itself keeps saying so.
  const status = state.status === 'ended' || state.status === 'failed' ? state.status : 'stopped';
  const closed: SupervisorState = { ...state, status, next: 'close' };
  switch (state.phase) {
    case 'active':
      return stop(closed, 'close');
    case 'stopping':
    case 'closed':
      return stay(closed);
    case 'waiting':
      return { state: { ...closed, phase: 'closed' }, effects: [{ type: 'cancel-retry' }] };
    case 'idle':
    case 'resting':
      return stay({ ...closed, phase: 'closed' });
  }
}

function run(state: SupervisorState): Step {
  return { state: { ...state, phase: 'active' }, effects: [{ type: 'start-run' }] };
}

function stop(state: SupervisorState, next: SupervisorState['next']): Step {
  return { state: { ...state, phase: 'stopping', next }, effects: [{ type: 'stop-run', now: next === 'retry' || next === 'renew' }] };
}

function stay(state: SupervisorState): Step {
  return { state, effects: [] };
}
