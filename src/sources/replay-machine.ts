import type { SightlineError } from '../core/errors.js';
import type { StreamState } from '../core/stream-status.js';

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

export type SupervisorEvent =
  | { readonly type: 'start' }
  /** A frame was handed out. */
  | { readonly type: 'frame' }
  /** Frames have come for a while: earlier failures are forgiven. */
  | { readonly type: 'healthy' }
  /** The run is to be replaced: it hangs (`error`), or its settings changed (`null`). */
  | { readonly type: 'replace'; readonly error: SightlineError | null }
  | { readonly type: 'run-ended'; readonly outcome: RunOutcome }
  | { readonly type: 'retry-due' }
  | { readonly type: 'pause' }
  | { readonly type: 'play' }
  | { readonly type: 'close' };

export type SupervisorEffect =
  | { readonly type: 'start-run' }
  /** End the run; `run-ended` follows. */
  | { readonly type: 'stop-run' }
  | { readonly type: 'arm-retry'; readonly reason: 'backoff' | 'unauthorized'; readonly attempt: number }
  | { readonly type: 'cancel-retry' };

/** `active`: a run is on; `stopping`: it was told to end and has not yet; `waiting`: for the next try; `resting`: no run and none planned. */
type Phase = 'idle' | 'active' | 'stopping' | 'waiting' | 'resting' | 'closed';

export type SupervisorState = {
  readonly phase: Phase;
  readonly status: StreamState;
  /** Runs that failed since the last healthy one. */
  readonly attempt: number;
  readonly error: SightlineError | null;
  /** Whether somebody paused it. */
  readonly held: boolean;
  /** In `stopping`: what follows. */
  readonly next: 'close' | 'pause' | 'restart' | 'retry';
};

export type SupervisorPolicy = {
  /** A live source is stopped by a pause and tried again for ever; a replay keeps its ffmpeg waiting and fails once. */
  readonly live: boolean;
};

export type Step = { readonly state: SupervisorState; readonly effects: readonly SupervisorEffect[] };

export const INITIAL_STATE: SupervisorState = { phase: 'idle', status: 'starting', attempt: 0, error: null, held: false, next: 'close' };

/** The supervisor's decisions, without clock, process or chance. Laws (see its test): at most one run at a time; after `close` nothing
 * starts any more; a timer is armed exactly while it waits. */
export function step(state: SupervisorState, event: SupervisorEvent, policy: SupervisorPolicy): Step {
  if (event.type === 'close') return close(state);
  if (state.phase === 'closed') return stay(state);
  switch (event.type) {
    case 'start':
      return state.phase === 'idle' ? run({ ...state, status: 'starting' }) : stay(state);
    case 'frame':
      if (state.phase !== 'active') return stay(state);
      return stay({ ...state, status: state.held && !policy.live ? 'paused' : 'running', error: null });
    case 'healthy':
      return stay({ ...state, attempt: 0 });
    case 'replace':
      if (state.phase !== 'active') return stay(state);
      if (event.error === null) return stop(state, 'restart');
      return stop({ ...state, status: policy.live ? 'reconnecting' : state.status, error: event.error }, 'retry');
    case 'run-ended':
      return runEnded(state, event.outcome, policy);
    case 'retry-due':
      return state.phase === 'waiting' ? run(state) : stay(state);
    case 'pause':
      return pause(state, policy);
    case 'play':
      return play(state, policy);
  }
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

function runEnded(state: SupervisorState, outcome: RunOutcome, policy: SupervisorPolicy): Step {
  if (state.phase === 'stopping') {
    switch (state.next) {
      case 'close':
        return stay({ ...state, phase: 'closed' });
      case 'pause':
        return stay({ ...state, phase: 'resting', status: 'paused' });
      case 'restart':
        return run(state);
      case 'retry':
        return failed(state, { kind: 'retry', error: state.error ?? errorOf(outcome) }, policy);
    }
  }
  if (state.phase !== 'active') return stay(state);
  if (outcome.kind === 'again') return run(state);
  if (outcome.kind === 'ended') return stay({ ...state, phase: 'resting', status: 'ended', error: outcome.error });
  return failed(state, outcome, policy);
}

function failed(state: SupervisorState, outcome: { readonly kind: 'retry' | 'unauthorized' | 'failed'; readonly error: SightlineError | null }, policy: SupervisorPolicy): Step {
  if (!policy.live || outcome.kind === 'failed') return stay({ ...state, phase: 'resting', status: 'failed', error: outcome.error });
  const attempt = state.attempt + 1;
  const unauthorized = outcome.kind === 'unauthorized';
  return {
    state: { ...state, phase: 'waiting', status: unauthorized ? 'unauthorized' : 'reconnecting', attempt, error: outcome.error },
    effects: [{ type: 'arm-retry', reason: unauthorized ? 'unauthorized' : 'backoff', attempt }],
  };
}

function pause(state: SupervisorState, policy: SupervisorPolicy): Step {
  const held = { ...state, held: true };
  if (!policy.live) return stay({ ...held, status: state.status === 'running' ? 'paused' : state.status });
  if (state.phase === 'active') return stop({ ...held, status: 'paused' }, 'pause');
  if (state.phase === 'stopping' && state.next !== 'close') return stay({ ...held, status: 'paused', next: 'pause' });
  if (state.phase === 'waiting') return { state: { ...held, phase: 'resting', status: 'paused' }, effects: [{ type: 'cancel-retry' }] };
  return stay(state);
}

function play(state: SupervisorState, policy: SupervisorPolicy): Step {
  const free = { ...state, held: false };
  if (!policy.live) return stay({ ...free, status: state.status === 'paused' ? 'running' : state.status });
  if (state.phase === 'resting' && state.status === 'paused') return run({ ...free, status: 'starting' });
  if (state.phase === 'stopping' && state.next === 'pause') return stay({ ...free, status: 'starting', next: 'restart' });
  return stay(free);
}

function run(state: SupervisorState): Step {
  return { state: { ...state, phase: 'active' }, effects: [{ type: 'start-run' }] };
}

function stop(state: SupervisorState, next: SupervisorState['next']): Step {
  return { state: { ...state, phase: 'stopping', next }, effects: [{ type: 'stop-run' }] };
}

function stay(state: SupervisorState): Step {
  return { state, effects: [] };
}

function errorOf(outcome: RunOutcome): SightlineError | null {
  return outcome.kind === 'again' ? null : outcome.error;
}
