import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceExitedError, SourceStalledError, type SightlineError } from '../../src/core/errors.js';
import { INITIAL_STATE, step, type RunOutcome, type SupervisorEffect, type SupervisorEvent, type SupervisorState } from '../../src/sources/supervisor-machine.js';

const error: SightlineError = new SourceExitedError('gone', { exitCode: 1, signal: null, stderrTail: '' });
const stall: SightlineError = new SourceStalledError('silent');

const outcome: fc.Arbitrary<RunOutcome> = fc.constantFrom<RunOutcome[]>(
  { kind: 'ended', error: null }, { kind: 'ended', error }, { kind: 'again' }, { kind: 'retry', error }, { kind: 'unauthorized', error }, { kind: 'failed', error },
);
const event: fc.Arbitrary<SupervisorEvent> = fc.oneof(
  fc.constantFrom<SupervisorEvent[]>(
    { type: 'start' }, { type: 'frame' }, { type: 'healthy' }, { type: 'replace', error: null }, { type: 'replace', error: stall }, { type: 'retry-due' }, { type: 'pause' }, { type: 'play' }, { type: 'close' },
  ),
  outcome.map((each): SupervisorEvent => ({ type: 'run-ended', outcome: each })),
);

/** Runs events as the driver does: `run-ended` only comes while a run is on, `retry-due` only while a timer is armed. */
class Driver {
  state: SupervisorState = INITIAL_STATE;
  runs = 0;
  timers = 0;
  started = 0;
  readonly live: boolean;

  constructor(live: boolean) {
    this.live = live;
  }

  send(next: SupervisorEvent): readonly SupervisorEffect[] {
    if (next.type === 'run-ended') {
      if (this.runs === 0) return [];
      this.runs -= 1;
    }
    if (next.type === 'retry-due') {
      if (this.timers === 0) return [];
      this.timers -= 1;
    }
    const { state, effects } = step(this.state, next, { live: this.live });
    this.state = state;
    for (const effect of effects) {
      if (effect.type === 'start-run') [this.runs, this.started] = [this.runs + 1, this.started + 1];
      if (effect.type === 'arm-retry') this.timers += 1;
      if (effect.type === 'cancel-retry') this.timers -= 1;
      if (effect.type === 'stop-run') expect(this.runs).toBe(1);
    }
    return effects;
  }
}

describe('the supervisor', () => {
  it('never has two runs, nor a run and a timer, and knows which it has', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(event, { maxLength: 60 }), (live, events) => {
        const driver = new Driver(live);
        for (const each of events) {
          driver.send(each);
          const { phase } = driver.state;
          expect(driver.runs).toBe(phase === 'active' || phase === 'stopping' ? 1 : 0);
          expect(driver.timers).toBe(phase === 'waiting' ? 1 : 0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('stops in every state: after close nothing starts, no timer runs, and it ends with its run', () => {
    fc.assert(
      fc.property(fc.boolean(), fc.array(event, { maxLength: 40 }), fc.array(event, { maxLength: 20 }), (live, before, after) => {
        const driver = new Driver(live);
        for (const each of before) driver.send(each);
        driver.send({ type: 'close' });
        const { started } = driver;
        expect(driver.timers).toBe(0);
        for (const each of after) driver.send(each);
        if (driver.runs === 1) driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } });
        expect(driver.state.phase).toBe('closed');
        expect(['stopped', 'ended', 'failed']).toContain(driver.state.status);
        expect(driver.started).toBe(started);
        expect([driver.runs, driver.timers]).toEqual([0, 0]);
      }),
      { numRuns: 1000 },
    );
  });

  it('tries a live source again with growing attempts and forgives after health', () => {
    const driver = new Driver(true);
    driver.send({ type: 'start' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 1 }]);
    expect(driver.state).toMatchObject({ status: 'reconnecting', error });
    driver.send({ type: 'retry-due' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'unauthorized', error } })).toEqual([{ type: 'arm-retry', reason: 'unauthorized', attempt: 2 }]);
    expect(driver.state.status).toBe('unauthorized');
    driver.send({ type: 'retry-due' });
    driver.send({ type: 'frame' });
    expect(driver.state).toMatchObject({ status: 'running', error: null });
    driver.send({ type: 'healthy' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 1 }]);
  });

  it('replaces a live run that hangs once it is gone, and one with new settings at once', () => {
    const driver = new Driver(true);
    driver.send({ type: 'start' });
    driver.send({ type: 'frame' });
    expect(driver.send({ type: 'replace', error: stall })).toEqual([{ type: 'stop-run' }]);
    expect(driver.state).toMatchObject({ status: 'reconnecting', error: stall });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'failed', error } })).toEqual([{ type: 'arm-retry', reason: 'backoff', attempt: 1 }]);
    expect(driver.state.error).toBe(stall);
    driver.send({ type: 'retry-due' });
    driver.send({ type: 'replace', error: null });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'failed', error } })).toEqual([{ type: 'start-run' }]);
  });

  it('ends a replay with its file, loops one that loops, and does not try a broken one again', () => {
    const driver = new Driver(false);
    driver.send({ type: 'start' });
    driver.send({ type: 'frame' });
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'again' } })).toEqual([{ type: 'start-run' }]);
    expect(driver.state.status).toBe('running');
    expect(driver.send({ type: 'run-ended', outcome: { kind: 'ended', error: null } })).toEqual([]);
    expect(driver.state).toMatchObject({ status: 'ended', error: null });

    const broken = new Driver(false);
    broken.send({ type: 'start' });
    expect(broken.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([]);
    expect(broken.state).toMatchObject({ status: 'failed', error });
  });

  it('holds a replay with its run, but stops and starts a live source', () => {
    const replay = new Driver(false);
    replay.send({ type: 'pause' });
    replay.send({ type: 'start' });
    expect(replay.state.status).toBe('starting');
    replay.send({ type: 'frame' });
    expect(replay.state.status).toBe('paused');
    expect(replay.send({ type: 'play' })).toEqual([]);
    expect(replay.state.status).toBe('running');

    const live = new Driver(true);
    live.send({ type: 'start' });
    live.send({ type: 'frame' });
    expect(live.send({ type: 'pause' })).toEqual([{ type: 'stop-run' }]);
    expect(live.send({ type: 'run-ended', outcome: { kind: 'retry', error } })).toEqual([]);
    expect(live.state.status).toBe('paused');
    expect(live.send({ type: 'play' })).toEqual([{ type: 'start-run' }]);
  });
});
