import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceOpenError } from '../../../src/core/errors.js';
import { secretsOf } from '../../../src/core/redact.js';
import { classifySource } from '../../../src/core/source-kind.js';
import { authorityOf, httpTarget, parseUpstream } from '../../../src/sources/gateway/upstream-url.js';
import { dotted, ipv4Value, oddIpv4Spellings } from './addresses.js';

describe('parseUpstream', () => {
  it.each([
    ['rtsp://camera', { protocol: 'rtsp', secure: false, host: 'camera', port: 554, target: '', credentials: null, displayName: 'rtsp://camera' }],
    ['rtsp://camera/', { target: '/' }],
    ['RTSPS://CAMERA:8322/Live', { protocol: 'rtsp', secure: true, host: 'camera', port: 8322, target: '/Live' }],
    ['rtsps://camera/1', { port: 322 }],
    ['rtsp://camera?channel=1', { host: 'camera', target: '?channel=1' }],
    ['rtsp://camera/a?b=c#d', { target: '/a?b=c#d' }],
    ['http://camera', { protocol: 'http', secure: false, port: 80, target: '/' }],
    ['https://camera?x=1#part', { secure: true, port: 443, target: '/?x=1' }],
    ['http://camera/a%20b?c=%2F', { target: '/a%20b?c=%2F' }],
    ['http://camera/tür/1', { target: '/t%C3%BCr/1' }],
    ['http://camera:080/', { port: 80 }],
    ['http://[::1]:8080/v', { host: '::1', port: 8080 }],
    ['rtsp://[FD00:0:0::1]/v', { host: 'fd00::1', port: 554 }],
    ['rtsp://[::ffff:10.0.0.1]/v', { host: '::ffff:a00:1' }],
    ['rtsp://bücher.example/1', { host: 'xn--bcher-kva.example' }],
    ['rtsp://ＣＡＭ.example/1', { host: 'cam.example' }],
    ['rtsp://10。0。0。1/1', { host: '10.0.0.1' }],
    ['rtsp://①⓪.0.0.1/1', { host: '10.0.0.1' }],
    ['rtsp://camera./1', { host: 'camera.' }],
  ])('takes %s apart', (url, expected) => {
    expect(parseUpstream(url)).toMatchObject(expected);
  });

  it.each([
    ['u:p@', 'u', 'p'],
    ['u@', 'u', ''],
    [':p@', '', 'p'],
    ['us%40er:p%3Aw@', 'us@er', 'p:w'],
    ['u:p@s/s?#:w@', 'u', 'p@s/s?#:w'],
    ['u:100%@', 'u', '100%'],
    ['u:a+b%2Bc@', 'u', 'a+b+c'],
    ['jürgen:pässwört@', 'jürgen', 'pässwört'],
    ['us.er%40home:%E2%82%AC@', 'us.er@home', '€'],
    ['u:"\'<>|`{}^\\@', 'u', '"\'<>|`{}^\\'],
    ['u:%0d%0a@', 'u', '\r\n'],
  ])('reads the login %s', (userInfo, user, password) => {
    const url = `rtsp://${userInfo}camera:8554/1`;
    expect(parseUpstream(url)).toMatchObject({ credentials: { user, password }, host: 'camera', port: 8554, target: '/1' });
  });

  it.each(['rtsp://@camera/', 'rtsp://:@camera/'])('sees no login in %s', (url) => {
    expect(parseUpstream(url).credentials).toBeNull();
  });

  it.each([
    '', 'camera', 'ftp://camera/', 'rtsp:camera', 'rtsp:/camera', 'rtsp://', 'rtsp:///1', 'rtsp://:554/', 'rtsp://u:p@/', 'rtsp://camera:0/', 'rtsp://camera:65536/', 'rtsp://camera:5x4/', 'rtsp://[::1/', 'rtsp://[::1%25eth0]/',
    'rtsp://camera/a b', 'rtsp://camera/\r\nX: y', 'rtsp://camera\t/', 'rtsp://cam\u0000era/', 'http://u:p@camera\\evil/', 'http://cam%2fera/', 'http://cam%00era/', 'http://a|b/', `http://camera/${'x'.repeat(4096)}`, '\nhttp://camera/', 'file:///etc/passwd',
    'rtsp://u%0d%0aX%3A%20y:p@camera/', 'rtsp://u%00:p@camera/', 'rtsp://u%7f@camera/',
  ])('refuses %j', (url) => {
    expect(() => parseUpstream(url)).toThrow(SourceOpenError);
  });

  it('reads every odd spelling of an IPv4 address as the same host', () => {
    fc.assert(fc.property(ipv4Value, (value) => {
      for (const spelling of oddIpv4Spellings(value)) expect(parseUpstream(`rtsp://u:p@${spelling}:8554/1`)).toMatchObject({ host: dotted(value), port: 8554, target: '/1' });
    }));
  });

  it('gives back every login that is percent-encoded, and never shows it', () => {
    // What may not be in the name of a user: it goes into a header as it is.
    const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).filter((text) => !/\p{Cc}/u.test(text));
    const word = fc.string({ unit: 'grapheme', minLength: 3, maxLength: 12 });
    fc.assert(fc.property(name, word, (user, secret) => {
      const password = `Zq7${secret}`;
      const url = `rtsp://${encodeURIComponent(user)}:${encodeURIComponent(password)}@camera/1`;
      const upstream = parseUpstream(url);
      expect(upstream).toMatchObject({ credentials: { user, password }, host: 'camera', target: '/1', displayName: 'rtsp://***@camera/1' });
      expect(secretsOf(url)).toContain(encodeURIComponent(password));
    }));
  });

  it('takes all that is a network source by the grammar of sources, but for a line break in the name of a user', () => {
    const piece = fc.oneof(fc.constantFrom('rtsp://', 'https://', 'u:p@', '@', ':', '/', '?', '#', '%0a', '%', '[::1]', '127.1', 'camera', '.', '\\', 'ü', ' ', ':554', '-'), fc.string({ unit: 'binary', maxLength: 3 }));
    fc.assert(fc.property(fc.constantFrom('rtsp://', 'http://', 'HTTPS://'), fc.array(piece, { maxLength: 8 }), (scheme, pieces) => {
      const url = `${scheme}${pieces.join('')}`;
      if (classifySource(url) === null || /%(?:[01]|7f)/iu.test(url)) return;
      const { host, displayName } = parseUpstream(url);
      expect(host).not.toBe('');
      expect(displayName.length).toBeLessThanOrEqual(url.length + 3);
    }), { numRuns: 2_000 });
  });

  it('throws nothing but its own error, whose text shows no password', () => {
    fc.assert(fc.property(fc.constantFrom('rtsp', 'https', 'HTTP', 'x'), fc.string({ unit: 'binary' }), (scheme, rest) => {
      try {
        const { host, port, target } = parseUpstream(`${scheme}://${rest}`);
        expect(host).toMatch(/^[^\s/?#@\\]+$/u);
        expect(port).toBeGreaterThan(0);
        expect(target).toMatch(/^[!-~]*$/u);
      } catch (error) {
        if (!(error instanceof SourceOpenError)) throw error;
      }
    }));
    expect(() => parseUpstream('rtsp://user:Zq7secret@cam era/')).toThrow(/^(?!.*Zq7).*not a usable URL/u);
  });
});

describe('authorityOf', () => {
  it.each([['camera', 554, 554, 'camera'], ['camera', 80, 554, 'camera:80'], ['::1', 554, 554, '[::1]'], ['fd00::1', 8080, undefined, '[fd00::1]:8080'], ['10.0.0.1', 1, 80, '10.0.0.1:1']])('writes %s and %d (%s) as %s', (host, port, defaultPort, expected) => {
    expect(authorityOf(host, port, defaultPort)).toBe(expected);
  });
});

describe('httpTarget', () => {
  it.each([['', '/'], ['#x', '/'], ['?a=b', '/?a=b'], ['/a#b#c', '/a'], ['/ä b', '/%C3%A4%20b'], ['/%C3', '/%C3']])('makes %j %j', (path, expected) => {
    expect(httpTarget(path)).toBe(expected);
  });
});
