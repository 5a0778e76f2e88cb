import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RtspAddresses } from '../../../src/sources/gateway/rtsp-addresses.js';
import { parseUpstream } from '../../../src/sources/gateway/upstream-url.js';

const addressesOf = (url: string): RtspAddresses => new RtspAddresses(parseUpstream(url), '127.0.0.1:5000', ['aaaa', 'bbbb']);

describe('RtspAddresses', () => {
  it.each([
    ['rtsp://u:p@camera/1?x=1', 'rtsp://127.0.0.1:5000/aaaa', 'rtsp://camera/1?x=1'],
    ['rtsp://camera:8554/1', 'rtsp://127.0.0.1:5000/aaaa/trackID=1', 'rtsp://camera:8554/1/trackID=1'],
    ['rtsps://camera/1', 'rtsp://127.0.0.1:5000/aaaa', 'rtsps://camera/1'],
    ['rtsps://camera:554/1', 'rtsp://127.0.0.1:5000/bbbb/other', 'rtsps://camera:554/other'],
    ['rtsp://[::1]/1', 'rtsp://127.0.0.1:5000/bbbb', 'rtsp://[::1]'],
    ['rtsp://camera/1', '*', '*'],
    ['rtsp://camera/1', 'rtsp://127.0.0.1:5000/cccc', null],
    ['rtsp://camera/1', 'rtsp://127.0.0.1:5001/aaaa', null],
    ['rtsp://camera/1', 'rtsp://camera/1', null],
    ['rtsp://camera/1', '', null],
  ])('of %s: %s is %s to the camera', (url, uri, expected) => {
    expect(addressesOf(url).toUpstream(uri)).toBe(expected);
  });

  it('turns what the camera names into its own, whatever host that is', () => {
    const addresses = addressesOf('rtsp://camera/1');
    expect(addresses.toClient('url=rtsp://10.0.0.1:554/a/b;seq=1,url=RTSPS://u:p@other/c')).toBe('url=rtsp://127.0.0.1:5000/bbbb/a/b;seq=1,url=rtsp://127.0.0.1:5000/bbbb/c');
    expect(addresses.toClient('trackID=1, http://camera/, artsp://x')).toBe('trackID=1, http://camera/, artsp://x');
  });

  it('brings what the camera names back to it', () => {
    fc.assert(fc.property(fc.stringMatching(/^(?:\/[a-z0-9=?&._-]{0,20})?$/u), (path) => {
      const addresses = addressesOf('rtsp://camera:8554/1');
      expect(addresses.toUpstream(addresses.toClient(`rtsp://another:1${path}`))).toBe(`rtsp://camera:8554${path}`);
    }));
  });

  it('follows the camera to where it sends us', () => {
    const addresses = addressesOf('rtsp://camera/1');
    addresses.moveTo(parseUpstream('rtsps://other:1/2'));
    expect([addresses.input, addresses.toUpstream('rtsp://127.0.0.1:5000/aaaa/x'), addresses.toUpstream('rtsp://127.0.0.1:5000/bbbb/x')]).toEqual(['rtsp://127.0.0.1:5000/aaaa', 'rtsps://other:1/2/x', 'rtsps://other:1/x']);
  });
});
