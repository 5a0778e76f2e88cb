import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceExitedError, SourceStalledError, type SightlineError } from '../../../src/core/errors.js';
import { REPLAY_INITIAL_STATE, stepReplay, type ReplayEvent, type ReplayState } from '../../../src/sources/replay/replay-machine.js';
import type { RunOutcome } from '../../../src/sources/run/run-outcome.js';

const error: SightlineError = new SourceExitedError('gone', { exitCode: 1, signal: null, stderrTail: '' });
const outcome = fc.constantFrom<RunOutcome[]>({ kind: 'ended', error: null }, { kind: 'ended', error }, { kind: 'again' }, { kind: 'retry', error }, { kind: 'unauthorized', error }, { kind: 'failed', error });
const event: fc.Arbitrary<ReplayEvent> = fc.oneof(
  fc.constantFrom<ReplayEvent[]>({ type: 'start' }, { type: 'frame' }, { type: 'restart' }, { type: 'stalled', error: new SourceStalledError('silent') }, { type: 'close' }),
  outcome.map((each): ReplayEvent => ({ type: 'run-ended', outcome: each })),
);

class Driver {
  state: ReplayState = REPLAY_INITIAL_STATE;
  runs = 0;
  started = 0;

  send(next: ReplayEvent): this {
    if (next.type === 'run-ended') {
      if (this.runs === 0) return this;
      this.runs -= 1;
    }
    const { state, effects } = stepReplay(this.state, next);
    this.state = state;
    for (const effect of effects) {
      if (effect === 'start-run') [this.runs, this.started] = [this.runs + 1, this.started + 1];
      else expect(this.runs).toBe(1);
    }
    return this;
  }
}

describe('the source of a replay', () => {
  it('never has two runs, and knows whether it has one', () => {
    fc.assert(fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const driver = new Driver();
      for (const each of events) {
        driver.send(each);
        expect(driver.runs).toBe(driver.state.phase === 'active' || driver.state.phase === 'stopping' ? 1 : 0);
      }
    }), { numRuns: 2000 });
  });

  it('starts nothing after close', () => {
    fc.assert(fc.property(fc.array(event, { maxLength: 40 }), fc.array(event, { maxLength: 20 }), (before, after) => {
      const driver = new Driver();
      for (const each of before) driver.send(each);
      driver.send({ type: 'close' });
      const { started } = driver;
      for (const each of after) driver.send(each);
      driver.send({ type: 'run-ended', outcome: { kind: 'retry', error } });
      expect([driver.state.phase, driver.runs, driver.started]).toEqual(['closed', 0, started]);
    }), { numRuns: 2000 });
  });

  it('answers every restart by frames, by the end, or by a failure that is explained after three runs', () => {
    fc.assert(fc.property(fc.array(event, { maxLength: 40 }), outcome, (before, each) => {
      const driver = new Driver();
      for (const one of before) driver.send(one);
      driver.send({ type: 'start' }).send({ type: 'restart' });
      if (each.kind === 'again') return;
      for (let run = 0; run < 4; run += 1) driver.send({ type: 'run-ended', outcome: each });
      const { phase, status, error: why } = driver.state;
      expect(phase === 'closed' || (phase === 'resting' && (status === 'ended' || (status === 'failed' && why !== null)))).toBe(true);
    }), { numRuns: 2000 });
  });
});
