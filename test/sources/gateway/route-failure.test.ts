import { describe, expect, it } from 'vitest';
import { SourceNotAllowedError, SourceOpenError } from '../../../src/core/errors.js';
import { errorForConnection, errorForStatus, RouteFailure } from '../../../src/sources/gateway/route-failure.js';

describe('RouteFailure', () => {
  it('keeps the newest failure until the server answers well, and a refusal for good', () => {
    const failure = new RouteFailure();
    const [first, second, refusal] = [new SourceOpenError('first'), new SourceOpenError('second'), new SourceNotAllowedError('refusal')];
    expect(failure.newest).toBeNull();
    failure.note(first);
    failure.note(second);
    expect(failure.newest).toBe(second);
    failure.noteSuccess();
    expect(failure.newest).toBeNull();
    failure.note(refusal);
    failure.noteSuccess();
    expect(failure.newest).toBe(refusal);
    // What comes of a refusal does not hide it.
    failure.note(first);
    expect(failure.newest).toBe(refusal);
  });
});

describe('what went wrong, in words', () => {
  it.each([[401, 'source-unauthorized', 'user or password refused (401)'], [403, 'source-unauthorized', 'access refused (403)'], [404, 'source-open', 'not found on the server (404)'], [503, 'source-open', 'the server answered with 503']])('status %d', (status, code, words) => {
    expect(errorForStatus('camera', status)).toMatchObject({ code, retryable: true, message: `camera: ${words}` });
  });

  it.each([['ECONNREFUSED', 'connection refused: is the address right and the camera on?'], ['EHOSTUNREACH', 'host not reachable'], ['ETIMEDOUT', 'no answer in time'], ['EPIPE', 'the connection was reset'], ['EMFILE', 'the connection failed (EMFILE)']])('%s', (code, words) => {
    const cause = Object.assign(new Error('low level'), { code });
    expect(errorForConnection('camera', cause)).toMatchObject({ code: 'source-open', retryable: true, message: `camera: ${words}`, cause });
  });

  it('without a code', () => {
    expect(errorForConnection('camera', new Error('odd')).message).toBe('camera: the connection failed (odd)');
  });
});
