import { describe, expect, it } from 'vitest';
import { ClosedError, MissingProgramError, SourceOpenError, SourceUnauthorizedError } from '../../../src/core/errors.js';
import type { ReaderEnd } from '../../../src/sources/run/frame-reader.js';
import type { SourceInfo } from '../../../src/sources/opening/probe-source.js';
import { outcomeOfError, outcomeOfRun, type RunFacts } from '../../../src/sources/run/run-outcome.js';
import type { SourceLocation } from '../../../src/sources/opening/source-location.js';

const file: SourceLocation = { kind: 'file', path: '/a.mp4', displayName: 'a.mp4', secrets: [] };
const camera: SourceLocation = { kind: 'rtsp', url: 'rtsp://u:Zq7secret@c/', displayName: 'rtsp://***@c/', secrets: ['Zq7secret'] };
const web: SourceLocation = { ...camera, kind: 'http', displayName: 'http://c/' };
const info: SourceInfo = {
  size: { widthPx: 2, heightPx: 2 }, orientation: { filters: [], swapsSides: false }, codecName: 'h264', container: 'mov', hasAlpha: false, timeBase: { num: 1, den: 1000 }, declaredFps: { num: 25, den: 1 },
  durationMs: 4000, durationIsExact: true, frameCount: 100, startPtsMs: 0,
};
const good: ReaderEnd = { exitCode: 0, signal: null, stderrTail: '', startError: null, frames: 100, discardedParts: 0, damageReports: 0 };
const replay: RunFacts = { location: file, info, live: false, loop: false, fps: null, continued: false, firstPtsMs: 0, lastPtsMs: 3960 };
const live: RunFacts = { ...replay, location: camera, live: true, info: { ...info, durationMs: null, frameCount: null } };

describe('outcomeOfRun', () => {
  it.each<[string, Partial<ReaderEnd>, RunFacts, string, RegExp | null]>([
    ['a file that was read to its end', {}, replay, 'ended', null],
    ['the same, to loop', {}, { ...replay, loop: true }, 'again', null],
    ['a file that is cut, although ffmpeg ends with 0', { frames: 50 }, { ...replay, lastPtsMs: 1960 }, 'ended', /truncated: it holds 2\.0 s of the 4\.0 s/u],
    ['a file whose container rounds its length up', {}, { ...replay, lastPtsMs: 3920 }, 'ended', null],
    ['a file whose edit list leaves out frames', { frames: 87 }, { ...replay, info: { ...info, durationMs: 3_500 }, firstPtsMs: 20, lastPtsMs: 3_460 }, 'ended', null],
    ['a file that lacks its last frame', { frames: 99 }, { ...replay, lastPtsMs: 3920 }, 'ended', /truncated: it holds 99 of the 100 frames/u],
    ['a file that is cut a little, with complaints', { frames: 97, damageReports: 1 }, { ...replay, lastPtsMs: 3840 }, 'ended', /truncated/u],
    ['a file that is damaged', { damageReports: 3 }, replay, 'ended', /damaged in places: ffmpeg reported 3 errors/u],
    ['a damaged file, to loop', { damageReports: 3 }, { ...replay, loop: true }, 'again', null],
    ['damage that ffmpeg gave up on', { exitCode: 1, frames: 5, stderrTail: 'x: Invalid data found when processing input' }, replay, 'ended', /ffmpeg ended with 1: not a video/u],
    ['a file without a frame', { frames: 0 }, { ...replay, lastPtsMs: null }, 'failed', /no frame could be decoded/u],
    ['a run behind the last frame of a file', { frames: 0 }, { ...replay, continued: true, lastPtsMs: null }, 'ended', null],
    ['an ffmpeg that was killed', { exitCode: null, signal: 'SIGKILL', frames: 50 }, replay, 'retry', /killed \(SIGKILL\)/u],
    ['a camera that hung up', {}, live, 'retry', /ended the connection/u],
    ['a camera that gave nothing', { frames: 0 }, live, 'retry', /no frame could be decoded/u],
    ['a camera that refuses', { exitCode: 1, frames: 0, stderrTail: 'method DESCRIBE failed: 401 Unauthorized' }, live, 'unauthorized', /refused/u],
    ['a camera that refuses in words that a file has, too', { exitCode: 1, frames: 3, stderrTail: '403 Forbidden' }, replay, 'ended', /ffmpeg ended/u],
    ['a video of the web that is played as a camera', {}, { ...live, location: web, info }, 'ended', null],
    ['the same, to loop', {}, { ...live, location: web, info, loop: true }, 'again', null],
  ])('tells of %s', (_name, end, facts, kind, message) => {
    const outcome = outcomeOfRun({ ...good, ...end }, facts);
    expect(outcome.kind).toBe(kind);
    const error = 'error' in outcome ? outcome.error : null;
    if (message === null) expect(error).toBeNull();
    else expect(error?.message).toMatch(message);
  });
});

describe('outcomeOfError', () => {
  it.each([
    [new SourceUnauthorizedError('x'), 'unauthorized'],
    [new MissingProgramError('x'), 'failed'],
    [new ClosedError('x'), 'failed'],
    [new SourceOpenError('x'), 'failed'],
    [new SourceOpenError('x', { retryable: true }), 'retry'],
    [new Error('EMFILE'), 'retry'],
    ['a text', 'retry'],
  ])('%s → %s', (error, kind) => {
    expect(outcomeOfError(error, camera).kind).toBe(kind);
  });

  it('tells no secret of an error that is not ours', () => {
    const outcome = outcomeOfError(new Error('connect rtsp://u:Zq7secret@c/ failed, Zq7secret'), camera);
    expect(JSON.stringify(outcome) + ('error' in outcome ? (outcome.error?.message ?? '') : '')).not.toContain('Zq7');
  });
});
