import { describe, expect, it } from 'vitest';

import type { StreamStatus } from '../../src/core/stream-status.js';
import { streamFace, type PageView } from '../../web/src/model/stream-face.js';
import { defaultStatus } from '../helpers/fake-directory.js';

const FRESH: PageView = { connected: true, sinceFrameMs: 30, ageMs: 84, sinceAskedMs: 60_000, detected: true, retryInMs: null };
const face = (status: Partial<StreamStatus> = {}, view: Partial<PageView> = {}): ReturnType<typeof streamFace> => streamFace({ ...defaultStatus('a'), ...status }, { ...FRESH, ...view });

describe('streamFace', () => {
  it('is live while frames arrive', () => {
    expect(face()).toEqual({ sign: '●', word: 'live', stale: false, lines: [], live: true, noDetector: null });
  });

  it('is stale when its picture is older than two seconds, and says how old', () => {
    expect(face({}, { sinceFrameMs: 1940, ageMs: 2000 }).stale).toBe(false);
    expect(face({}, { sinceFrameMs: 2000, ageMs: null }).stale).toBe(false);
    expect(face({}, { sinceFrameMs: 1950, ageMs: 2010 })).toMatchObject({ stale: true, live: false, word: 'late' });
    expect(face({}, { sinceFrameMs: 2001, ageMs: 2061 })).toMatchObject({ sign: '○', stale: true, live: false, word: 'no frames', lines: ['2.1 s old', 'No frames are coming'] });
  });

  it('takes no picture for live that was old when it came', () => {
    expect(face({}, { sinceFrameMs: 10, ageMs: 30_000 })).toMatchObject({ stale: true, word: 'late', lines: ['30 s old', 'Frames come late'] });
  });

  it('blames nobody for a picture that was just asked for', () => {
    expect(face({}, { sinceFrameMs: 9000, ageMs: 9000, sinceAskedMs: 100 })).toMatchObject({ stale: true, word: 'waiting', lines: ['9.0 s old'] });
    expect(face({}, { sinceFrameMs: null, ageMs: null, sinceAskedMs: 100 })).toMatchObject({ stale: false, lines: [] });
    expect(face({}, { sinceFrameMs: null, ageMs: null, sinceAskedMs: 2100 }).lines).toEqual(['Running, but no picture has come yet']);
  });

  it('blames the connection when that is lost, two seconds later by a grey picture', () => {
    expect(face({}, { connected: false })).toMatchObject({ word: 'connection lost', stale: false, live: false });
    expect(face({}, { connected: false, sinceFrameMs: 12_000, ageMs: 12_000 })).toMatchObject({ stale: true, lines: ['12 s old', 'Connection to the server lost'] });
    expect(face({ mode: 'replay' }, { connected: false, sinceFrameMs: 12_000, ageMs: 12_000 }).lines).toEqual(['Connection to the server lost']);
  });

  it('lets a recording be as old as it is', () => {
    expect(face({ mode: 'replay', state: 'paused', positionMs: 64_000 }, { sinceFrameMs: 60_000, ageMs: 60_000 })).toMatchObject({ sign: '❚❚', stale: false, lines: [] });
    expect(face({ mode: 'replay' }, { sinceFrameMs: 500, ageMs: 30_000 })).toMatchObject({ sign: '●', word: 'replay', stale: false, lines: [], live: true });
    expect(face({ mode: 'replay' }, { sinceFrameMs: 60_000, ageMs: 60_000 })).toMatchObject({ sign: '…', word: 'waiting', stale: false, live: false });
  });

  it('does not call a recording ended before its last frame is shown', () => {
    const counters = { ...defaultStatus('a').counters, inFlight: 3 };
    expect(face({ mode: 'replay', state: 'ended', counters })).toMatchObject({ sign: '●', word: 'ending', stale: false, live: true });
    expect(face({ mode: 'replay', state: 'ended', counters }, { sinceFrameMs: 3000 })).toMatchObject({ sign: '…', word: 'ending', live: false });
    expect(face({ mode: 'replay', state: 'ended' })).toMatchObject({ sign: '■', word: 'ended', live: false });
  });

  it.each<[StreamStatus['state'], string, boolean]>([
    ['starting', '…', true],
    ['reconnecting', '○', true],
    ['unauthorized', '!', true],
    ['failed', '!', true],
    ['stopped', '■', true],
    ['ended', '■', false],
    ['paused', '❚❚', true],
  ])('has a face for %s', (state, sign, stale) => {
    expect(face({ state, error: { code: 'x', message: 'the reason' } })).toMatchObject({ sign, stale, live: false });
  });

  it('tells the server’s reason, and what to do about a refused login', () => {
    const error = { code: 'source-open', message: 'camera: 401' };
    expect(face({ state: 'unauthorized', error }).lines).toEqual(['84 ms old', 'camera: 401', expect.stringMatching(/password/)]);
    expect(face({ state: 'failed', error }).lines).toEqual(['84 ms old', 'camera: 401']);
    expect(face({ state: 'failed', mode: 'replay', error }).lines).toEqual(['camera: 401']);
    expect(face({ state: 'reconnecting', error: null }, { sinceFrameMs: 12_000, ageMs: 12_000 }).lines).toEqual(['12 s old', 'The camera does not answer', 'Trying again']);
  });

  it('says when a lost camera is tried again', () => {
    const lines = (retryInMs: number | null): readonly string[] => face({ state: 'reconnecting' }, { retryInMs }).lines.slice(1);
    expect(lines(3400)).toEqual(['The camera does not answer', 'Next try in 4 s']);
    expect(lines(0)).toEqual(['The camera does not answer', 'Trying again']);
    expect(lines(-300)).toEqual(['The camera does not answer', 'Trying again']);
    expect(lines(null)).toEqual(['The camera does not answer', 'Trying again']);
  });

  it('repeats the last line of ffmpeg about a stream that failed, unless the reason says it already', () => {
    const lines = (log: readonly string[] | undefined): readonly string[] => face({ state: 'failed', mode: 'replay', error: { code: 'x', message: 'no video in it: moov atom not found', ...(log !== undefined && { log }) } }).lines;
    expect(lines(undefined)).toHaveLength(1);
    expect(lines([])).toHaveLength(1);
    expect(lines(['moov atom not found'])).toHaveLength(1);
    expect(lines(['first', 'Invalid data found '])).toEqual(['no video in it: moov atom not found', 'ffmpeg’s last words: Invalid data found']);
  });

  it('says why nothing is detected', () => {
    expect(face({}, { detected: false }).noDetector).toMatch(/No detector/);
    expect(face({}, { detected: null }).noDetector).toBeNull();
    expect(face({ detector: { state: 'misconfigured', message: 'wants float32' } }).noDetector).toBe('wants float32');
    expect(face({ detector: { state: 'unavailable', message: '' } }).noDetector).toMatch(/does not answer/);
  });

  it('leaves a picture that a detector looked at alone when that goes away later', () => {
    const detector = { state: 'unavailable', message: 'gone' } as const;
    for (const state of ['ended', 'failed', 'stopped', 'reconnecting'] as const) expect(face({ state, detector }).noDetector).toBeNull();
    expect(face({ state: 'ended', detector }, { detected: false }).noDetector).toMatch(/No detector looked/);
  });
});
