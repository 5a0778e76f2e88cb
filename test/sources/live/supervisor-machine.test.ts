import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceExitedError, SourceStalledError, type SightlineError } from '../../../src/core/errors.js';
import { INITIAL_STATE, step, type LiveOutcome, type SupervisorEffect, type SupervisorEvent, type SupervisorState } from '../../../src/sources/live/supervisor-machine.js';

const error: SightlineError = new SourceExitedError('gone', { exitCode: 1, signal: null, stderrTail: '' });
const stall: SightlineError = new SourceStalledError('silent');

const outcome: fc.Arbitrary<LiveOutcome> = fc.constantFrom<LiveOutcome[]>(
  { kind: 'ended', error: null }, { kind: 'ended', error }, { kind: 'again' }, { kind: 'retry', error }, { kind: 'unauthorized', error }, { kind: 'failed', error }, { kind: 'fallback' },
);
const event: fc.Arbitrary<SupervisorEvent> = fc.oneof(
  fc.constantFrom<SupervisorEvent[]>(
    { type: 'start' }, { type: 'frame' }, { type: 'healthy' }, { type: 'stalled', error: stall }, { type: 'undecodable', error: stall }, { type: 'settings' }, { type: 'retry-due' }, { type: 'reachable' }, { type: 'pause' }, { type: 'play' }, { type: 'close' },
  ),
  outcome.map((each): SupervisorEvent => ({ type: 'run-ended', outcome: each })),
);

/** Runs events as the driver does: `run-ended` only comes while a run is on, `retry-due` and `reachable` only during a wait. */
class Driver {
  state: SupervisorState = INITIAL_STATE;
  runs = 0;
  waits = 0;
  started = 0;

  send(next: SupervisorEvent): readonly SupervisorEffect[] {
    if (next.type === 'run-ended') {
      if (this.runs === 0) return [];
      this.runs -= 1;
    }
    if (next.type === 'retry-due' || next.type === 'reachable') {
      if (this.waits === 0) return [];
      // A wait that ended early still has its timer; `cancel-retry` takes that away.
      if (next.type === 'retry-due') this.waits -= 1;
    }
    const { state, effects } = step(this.state, next);
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'start-run') [this.runs, this.started] = [this.runs + 1, this.started + 1];
      if (effect.type === 'arm-retry') this.waits += 1;
      if (effect.type === 'cancel-retry') this.waits -= 1;
      if (effect.type === 'stop-run') expect(this.runs).toBe(1);
    }
    return effects;
  }

  sendAll(events: readonly SupervisorEvent[]): this {
    for (const each of events) this.send(each);
    return this;
  }
}

describe('the supervisor of a live source', () => {
  it('never has two runs, nor a run and a wait, and knows which it has', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (events) => {
        const driver = new Driver();
        for (const each of events) {
          driver.send(each);
          const { phase } = driver.state;
          expect(driver.runs).toBe(phase === 'active' || phase === 'stopping' ? 1 : 0);
          expect(driver.waits).toBe(phase === 'waiting' ? 1 : 0);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('stops in every state: after close nothing starts, nothing waits, and it ends with its run', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), fc.array(event, { maxLength: 20 }), (before, after) => {
        const driver = new Driver().sendAll(before);
        driver.send({ type: 'close' });
        const { started } = driver;
        expect(driver.waits).toBe(0);
        driver.sendAll(after);
        if (driver.runs === 1) driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } });
        expect(driver.state.phase).toBe('closed');
        expect(['stopped', 'ended', 'failed']).toContain(driver.state.status);
        expect(driver.started).toBe(started);
        expect([driver.runs, driver.waits]).toEqual([0, 0]);
      }),
      { numRuns: 2000 },
    );
  });

  it('comes from every state to running frames or to an end that is explained, once the world allows it', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 60 }), (before) => {
        const driver = new Driver().sendAll(before);
        driver.send({ type: 'start' });
        driver.send({ type: 'play' });
        // Five kind turns of the world: what is told to end ends, waits come to their end, and a run gives frames.
        for (let turn = 0; turn < 5; turn += 1) {
          const { phase } = driver.state;
          if (phase === 'stopping') driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } });
          if (phase === 'waiting') driver.send({ type: 'retry-due' });
          if (phase === 'active') driver.send({ type: 'frame' });
        }
        const { phase, status, error: why } = driver.state;
        if (phase === 'active') expect([status, why]).toEqual(['running', null]);
        else if (phase === 'resting') expect(status === 'failed' ? why !== null : status === 'ended').toBe(true);
        else expect(phase).toBe('closed');
      }),
      { numRuns: 2000 },
    );
  });

  it('holds nothing but a pause once it is paused, and goes on only when asked', () => {
    fc.assert(
      fc.property(fc.array(event, { maxLength: 40 }), (before) => {
        const driver = new Driver().sendAll(before);
        driver.send({ type: 'pause' });
        if (driver.runs === 1) driver.send({ type: 'run-ended', outcome: { kind: 'again' } });
        expect([driver.runs, driver.waits]).toEqual([0, 0]);
        const { started } = driver;
        for (const each of ['frame', 'healthy', 'settings', 'retry-due', 'reachable'] as const) driver.send({ type: each });
        expect(driver.started).toBe(started);
      }),
      { numRuns: 2000 },
    );
  });

  it('tries again with growing attempts and forgives after health', () => {
    const driver = new Driver();
    driver.send({ type: 'start' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 1, early: 0 }]);
    expect(driver.state).toMatchObject({ status: 'reconnecting', error });
    driver.send({ type: 'retry-due' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'unauthorized', error } })).toEqual([{ type: 'arm-retry', reason: 'unauthorized', attempt: 2, early: 0 }]);
    expect(driver.state.status).toBe('unauthorized');
    driver.sendAll([{ type: 'retry-due' }, { type: 'frame' }]);
    expect(driver.state).toMatchObject({ status: 'running', error: null });
    driver.send({ type: 'healthy' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 1, early: 0 }]);
  });

  it('does not wait any longer for a camera that is back, but slows down for one that flaps', () => {
    const driver = new Driver().sendAll([{ type: 'start' }, { type: 'run-ended', outcome: { kind: 'retry', error } }, { type: 'retry-due' }, { type: 'run-ended', outcome: { kind: 'retry', error } }]);
    expect(driver.send({ type: 'reachable' })).toEqual([{ type: 'cancel-retry' }, { type: 'start-run' }]);
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 1, early: 1 }]);
    driver.send({ type: 'reachable' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 2, early: 2 }]);
  });

  it('kills a run that hangs and waits, and starts one with new settings at once', () => {
    const driver = new Driver().sendAll([{ type: 'start' }, { type: 'frame' }]);
    expect(driver.send({ type: 'stalled', error: stall })).toEqual([{ type: 'stop-run', now: true }]);
    expect(driver.state).toMatchObject({ status: 'reconnecting', error: stall });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'failed', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 1, early: 0 }]);
    expect(driver.state.error).toBe(stall);
    driver.send({ type: 'retry-due' });
    expect(driver.send({ type: 'settings' })).toEqual([{ type: 'stop-run', now: false }]);
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'failed', error } })).toEqual([{ type: 'start-run' }]);
  });

  it('opens a source at once that has become another one, but once only', () => {
    const driver = new Driver().sendAll([{ type: 'start' }, { type: 'frame' }]);
    expect(driver.send({ type: 'undecodable', error: stall })).toEqual([{ type: 'stop-run', now: true }]);
    expect(driver.state).toMatchObject({ status: 'reconnecting', error: stall });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'start-run' }]);
    driver.sendAll([{ type: 'frame' }, { type: 'undecodable', error: stall }]);
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 2, early: 0 }]);
    driver.sendAll([{ type: 'retry-due' }, { type: 'frame' }, { type: 'healthy' }, { type: 'undecodable', error: stall }]);
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'start-run' }]);
  });

  it('goes on in software at once where hardware gave nothing, hung or not', () => {
    const driver = new Driver().sendAll([{ type: 'start' }]);
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'fallback' } })).toEqual([{ type: 'start-run' }]);
    driver.send({ type: 'stalled', error: stall });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'fallback' } })).toEqual([{ type: 'start-run' }]);
  });

  it('is stopped by a pause and started by play', () => {
    const driver = new Driver().sendAll([{ type: 'start' }, { type: 'frame' }]);
    expect(driver.send({ type: 'pause' })).toEqual([{ type: 'stop-run', now: false }]);
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([]);
    expect(driver.state.status).toBe('paused');
    expect(driver.send({ type: 'play' })).toEqual([{ type: 'start-run' }]);
  });
});
