import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceNotAllowedError } from '../../../src/core/errors.js';
import { SecureOrigins } from '../../../src/sources/gateway/secure-origins.js';

const plain = { secure: false, displayName: 'the source' };
const secure = { secure: true, displayName: 'the source' };

describe('SecureOrigins', () => {
  it.each([
    ['https://camera/a?b#c', 'http://camera:443/a?b#c', 'camera', 443],
    ['HTTPS://Camera:8443', 'http://camera:8443', 'camera', 8443],
    ['https://camera:80/', 'http://camera/', 'camera', 80],
    ['https://u:p@camera/', 'http://u:p@camera:443/', 'camera', 443],
    ['https://[::1]/a', 'http://[::1]:443/a', '::1', 443],
    ['https://0x7f.1/a', 'http://127.0.0.1:443/a', '127.0.0.1', 443],
  ])('gives %s out as %s, and remembers that it speaks TLS', (address, given, host, port) => {
    const origins = new SecureOrigins();
    expect(origins.has(host, port)).toBe(false);
    expect(origins.forFfmpeg(address, plain)).toBe(given);
    expect(origins.has(host, port)).toBe(true);
    expect(origins.has(host, port + 1)).toBe(false);
  });

  it.each(['', 'a/b.ts', '/a', '?a', '#a', 'http://camera/', 'HTTP://camera', 'http:camera', 'a?u=https://x/', 'seg:1.ts', 'https:camera', 'https://', 'https://a b/', '//a b/'])('leaves %j as it is', (address) => {
    const origins = new SecureOrigins();
    expect(origins.forFfmpeg(address, plain)).toBe(address);
    expect(origins.forFfmpeg(address, secure)).toBe(address);
  });

  it('takes //host for https where it was named over TLS', () => {
    const origins = new SecureOrigins();
    expect([origins.forFfmpeg('//camera/a', plain), origins.has('camera', 443)]).toEqual(['//camera/a', false]);
    expect([origins.forFfmpeg('//camera/a', secure), origins.has('camera', 443)]).toEqual(['http://camera:443/a', true]);
  });

  it.each(['file:///etc/passwd', 'ftp://camera/', 'tcp://camera:1', 'httpproxy://camera/', 'httpproxy:camera', 'HTTPPROXY:x', 'crypto+httpproxy:x', 'crypto+http://camera/'])('refuses %s', (address) => {
    expect(() => new SecureOrigins().forFfmpeg(address, plain)).toThrow(SourceNotAllowedError);
    expect(() => new SecureOrigins().forFfmpeg(address, plain)).toThrow(/^the source: leads to something that is not http:\/\/ or https:\/\//u);
  });

  it('throws nothing else, and gives out no https', () => {
    fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^(?:https?:)?[/@:a-z.[\]?#]{0,30}$/u)), fc.boolean(), (address, isSecure) => {
      try {
        const given = new SecureOrigins().forFfmpeg(address, { ...plain, secure: isSecure });
        if (given !== address) expect(given).toMatch(/^http:\/\//u);
      } catch (error) {
        if (!(error instanceof SourceNotAllowedError)) throw error;
      }
    }));
  });

  it('remembers only so many', () => {
    const origins = new SecureOrigins();
    for (let count = 0; count < 1_001; count += 1) origins.add('camera', count);
    expect([origins.has('camera', 999), origins.has('camera', 1_000)]).toEqual([true, false]);
  });
});
