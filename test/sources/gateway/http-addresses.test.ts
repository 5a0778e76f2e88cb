import { describe, expect, it } from 'vitest';
import { HttpAddresses } from '../../../src/sources/gateway/http-addresses.js';
import { parseUpstream } from '../../../src/sources/gateway/upstream-url.js';

const addressesOf = (url: string): HttpAddresses => new HttpAddresses(parseUpstream(url), ['FOLDER', 'NAME']);

describe('HttpAddresses', () => {
  it.each([
    ['http://camera/', 'http://camera/'],
    ['http://u:p@camera:8080/live/index.m3u8?token=Zq7', 'http://camera:8080/live/index.m3u8'],
    ['https://camera/a.mp4', 'http://camera:443/a.mp4'],
    ['http://[::1]:80/a', 'http://[::1]/a'],
    ['http://camera/user=admin&password=Zq7&channel=1/live.m3u8?x=1', 'http://camera/FOLDER/NAME.m3u8'],
    ['http://camera/cgi/password=Zq7', 'http://camera/FOLDER/NAME'],
  ])('gives ffmpeg for %s the address %s', (url, input) => {
    expect(addressesOf(url).input).toBe(input);
  });

  it('gives the query back to the source itself, and to nothing else', () => {
    const addresses = addressesOf('http://camera/live/index.m3u8?token=Zq7');
    expect(['/live/index.m3u8', '/live/1.ts', '/live/index.m3u8?other=1', '/'].map((target) => addresses.toUpstream(target))).toEqual(['/live/index.m3u8?token=Zq7', '/live/1.ts', '/live/index.m3u8?other=1', '/']);
  });

  it('finds what stands beside a source whose path is secret', () => {
    const addresses = addressesOf('http://camera/password=Zq7/live/index.m3u8?x=1');
    expect(['/FOLDER/NAME.m3u8', '/FOLDER/1.ts?y=2', '/FOLDER/sub/2.ts', '/other/3.ts'].map((target) => addresses.toUpstream(target))).toEqual([
      '/password=Zq7/live/index.m3u8?x=1', '/password=Zq7/live/1.ts?y=2', '/password=Zq7/live/sub/2.ts', '/other/3.ts',
    ]);
  });
});
