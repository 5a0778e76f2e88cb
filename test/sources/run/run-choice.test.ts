import { describe, expect, it } from 'vitest';
import { SourceExitedError, SourceUnauthorizedError } from '../../../src/core/errors.js';
import { decoderFailureOf, RunChoice } from '../../../src/sources/run/run-choice.js';

const broken = { hadFrame: false, decoderFailure: 'no device' };
const away = { hadFrame: false, decoderFailure: null };
const good = { hadFrame: true, decoderFailure: null };

describe('RunChoice', () => {
  it('takes the second stream, the first one after a run without a frame, and looks for the second again after that', () => {
    const choice = new RunChoice({ source: 'rtsp://u:p@camera/main', detectSource: 'rtsp://u:p@camera/sub', hwaccel: null });
    expect([choice.address, choice.displayAddress, choice.decoder]).toEqual(['rtsp://u:p@camera/sub', 'rtsp://***@camera/sub', 'software']);
    const after = [good, away, good, away, away, away].map((result) => {
      expect(choice.runEnded(result)).toBe(false);
      return choice.address.slice(-3);
    });
    expect(after).toEqual(['sub', 'ain', 'sub', 'ain', 'sub', 'ain']);
  });

  it('falls back to software once without a wait, keeps it when it works, and forgives the hardware when it does not', () => {
    const choice = new RunChoice({ source: 'a.mp4', detectSource: null, hwaccel: 'cuda' });
    expect([choice.hwaccel, choice.decoder]).toEqual(['cuda', 'cuda']);
    expect(choice.runEnded(broken)).toBe(true);
    expect([choice.hwaccel, choice.decoder]).toEqual([null, 'software (cuda failed: no device)']);
    expect(choice.runEnded(good)).toBe(false);
    expect(choice.hwaccel).toBeNull();
    expect(choice.runEnded(away)).toBe(false);
    expect(choice.hwaccel).toBe('cuda');
    expect(choice.runEnded(broken)).toBe(false);
    expect(choice.hwaccel).toBeNull();
  });

  it('does not blame the hardware for a camera that is away', () => {
    const choice = new RunChoice({ source: 'rtsp://camera/', detectSource: null, hwaccel: 'vaapi' });
    for (const result of [away, good, away]) expect(choice.runEnded(result)).toBe(false);
    expect(choice.hwaccel).toBe('vaapi');
  });
});

describe('decoderFailureOf', () => {
  const error = new SourceExitedError('ffmpeg ended with 1', { exitCode: 1, signal: null, stderrTail: '' }, { log: ['first', 'no device'] });
  const refused = new SourceUnauthorizedError('refused');

  it.each([
    ['what could not be opened', null, { kind: 'retry', error }, null],
    ['what the gateway saw fail', { failure: refused }, { kind: 'retry', error }, null],
    ['a refused login', { failure: null }, { kind: 'unauthorized', error: refused }, null],
    ['an end without an error', { failure: null }, { kind: 'ended', error: null }, null],
    ['a loop', { failure: null }, { kind: 'again' }, null],
    ['a run that failed', { failure: null }, { kind: 'retry', error }, 'no device'],
    ['a run that failed without a word', { failure: null }, { kind: 'failed', error: refused }, 'refused'],
  ] as const)('of %s', (_name, run, outcome, expected) => {
    expect(decoderFailureOf(run, outcome)).toBe(expected);
  });
});
