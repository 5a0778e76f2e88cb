import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactText, redactUrl, secretsOf } from '../../src/core/redact.js';

describe('redactUrl', () => {
  it.each([
    ['', ''],
    ['/video/street.mp4', '/video/street.mp4'],
    ['rtsp://camera/stream1', 'rtsp://camera/stream1'],
    ['rtsp://user:secret@camera:554/stream1', 'rtsp://***@camera:554/stream1'],
    ['rtsp://user@camera/stream1', 'rtsp://***@camera/stream1'],
    ['rtsp://user:p@ss/w?r#d:1@camera/stream1', 'rtsp://***@camera/stream1'],
    ['rtsp://us.er%40home:a%2Fb@camera/s', 'rtsp://***@camera/s'],
    ['http://host/live?channel=1&token=abc&subtype=0', 'http://host/live?channel=1&token=***&subtype=0'],
    ['http://host/cgi?usr=admin&pwd=abc', 'http://host/cgi?usr=***&pwd=***'],
    ['rtsp://host/user=admin_password=abc_channel=1.sdp', 'rtsp://host/user=***'],
    [`http://host/live?token=a'b"c d|e&x=1`, 'http://host/live?token=***&x=1'],
    ['https://host/a?X-Amz-Signature=abc&x=1', 'https://host/a?X-Amz-Signature=***&x=1'],
  ])('%s → %s', (url, expected) => {
    expect(redactUrl(url)).toBe(expected);
  });

  it('never lets a login through, whatever it is made of', () => {
    const word = fc.oneof(fc.stringMatching(/^[A-Za-z0-9.@:/?#%+äß'"<>|&;=\\ -]{0,20}$/u), fc.string({ unit: 'binary', maxLength: 20 }));
    fc.assert(
      fc.property(word, word, (user, password) => {
        expect(redactUrl(`rtsp://${user}:Zq${password}Zq@camera/stream1`)).toBe('rtsp://***@camera/stream1');
      }),
    );
  });

  it('shows nothing of a login whose end was cut off', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z]['"<>| A-Za-z]{0,20}$/u), (password) => {
        expect(redactUrl(`rtsp://us'er:${password}`)).toBe('rtsp://***');
      }),
    );
  });
});

describe('redactText', () => {
  it('redacts every URL of a line and keeps the rest', () => {
    expect(redactText("[rtsp @ 0x5] 'rtsp://a:b@c/d' and http://e:f@g/h: 401 Unauthorized, mail a@b")).toBe("[rtsp @ 0x5] 'rtsp://***@c/d' and http://***@g/h: 401 Unauthorized, mail a@b");
  });

  it('takes out the passwords that it is told, in every spelling', () => {
    const secrets = secretsOf('rtsp://user:p%40ss w@camera/s');
    expect(redactText('trying p%40ss w, then p@ss w, then p%40ss%20w', secrets)).toBe('trying ***, then ***, then ***');
  });
});

describe('secretsOf', () => {
  it.each([
    ['/path/a:b@c', []],
    ['rtsp://camera/s', []],
    ['rtsp://user@camera/s', []],
    ['rtsp://user:ab@camera/s', ['dXNlcjphYg==']],
    ['rtsp://user:100%@camera/s', ['dXNlcjoxMDAl', '100%']],
    ['http://camera/live?token=abcd&subtype=0&user=admin', ['abcd']],
    [`http://camera/live?token=ab'cd&x=1`, [`ab'cd`]],
    [`rtsp://user:it's@camera/s`, ['dXNlcjppdCdz', `it's`]],
  ])('%s → %j', (url, expected) => {
    expect(secretsOf(url)).toEqual(expected);
  });
});
