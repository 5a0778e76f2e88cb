import { describe, expect, it } from 'vitest';
import { chooseBackend, rankBackends, type Candidate } from '../../../src/detection/pool/choose-backend.js';

describe('chooseBackend', () => {
  type Given = Partial<Omit<Candidate, 'finishMs'>> & { name: string; finishesMs: number | null };
  const candidate = ({ finishesMs, ...rest }: Given): Candidate & { name: string } => ({ hasRoom: true, inFlight: 0, lastSentMs: 990, finishMs: () => finishesMs, ...rest });
  const choose = (...given: readonly Given[]): string | undefined => chooseBackend(given.map(candidate), 1, 1_000)?.name;

  it.each<[string, readonly Given[], string | undefined]>([
    ['nobody', [], undefined],
    ['the only one', [{ name: 'a', finishesMs: null }], 'a'],
    ['the one that answers soonest', [{ name: 'a', finishesMs: 40 }, { name: 'b', finishesMs: 20 }], 'b'],
    ['nobody while the one that answers soonest is full', [{ name: 'slow', finishesMs: 230 }, { name: 'fast', finishesMs: 60, hasRoom: false, inFlight: 2 }], undefined],
    ['the slow one once it answers sooner than the queue of the fast one', [{ name: 'slow', finishesMs: 230 }, { name: 'fast', finishesMs: 240, hasRoom: false, inFlight: 2 }], 'slow'],
    ['an idle one that nothing is known of', [{ name: 'a', finishesMs: 5 }, { name: 'new', finishesMs: null }], 'new'],
    ['one that was passed over for long', [{ name: 'a', finishesMs: 5 }, { name: 'slow', finishesMs: 500, lastSentMs: -1_500 }], 'slow'],
    ['the less busy of two that nothing is known of', [{ name: 'a', finishesMs: null, inFlight: 1 }, { name: 'b', finishesMs: null }], 'b'],
    ['of equals the one that has waited longest', [{ name: 'a', finishesMs: 5, lastSentMs: 995 }, { name: 'b', finishesMs: 5 }], 'b'],
  ])('gives the batch to %s', (_title, given, expected) => {
    expect(choose(...given)).toBe(expected);
  });

  it('ranks all of them, each once', () => {
    const given = [{ name: 'a', finishesMs: 40 }, { name: 'b', finishesMs: null }, { name: 'c', finishesMs: 10 }].map(candidate);
    expect(rankBackends(given, 1).map(({ name }) => name)).toEqual(['b', 'c', 'a']);
  });
});
