import { describe, expect, it } from 'vitest';
import { LostTime } from '../../../src/sources/run/lost-time.js';

describe('lost time', () => {
  it('is none while looks come about in time', () => {
    const lost = new LostTime(100, 1_000);
    expect([1_100, 1_200, 1_350, 1_380, 1_779].map((nowMs) => lost.look(nowMs))).toEqual([0, 0, 0, 0, 0]);
  });

  it('is all of a long pause, once', () => {
    const lost = new LostTime(100, 1_000);
    expect([1_100, 6_100, 6_200].map((nowMs) => lost.look(nowMs))).toEqual([0, 5_000, 0]);
  });
});
