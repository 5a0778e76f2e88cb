import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOptions, parseSource, pathInput, type PathLocation } from '../../../src/sources/opening/source-location.js';

const tools = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', setpriv: false, version: { major: 5, minor: 1 } };
const transport = { transport: 'tcp', timeoutMs: 5000 } as const;

describe('parseSource', () => {
  it.each(['street.mp4', './a:b.mp4', '/videos/a b.mp4', '-version', '../x.mkv'])('takes %s for a file, whatever it looks like to ffmpeg', (path) => {
    const location = parseSource(path);
    expect(location).toEqual({ kind: 'file', path: resolve(path), displayName: path, secrets: [] });
    expect(pathInput(location as PathLocation)).toBe(`file:${resolve(path)}`);
  });

  it('keeps a URL as it was written for the gateway, and hides its login from people', () => {
    const url = 'rtsp://user:p@s/s?#@camera:554/stream1?x=1';
    expect(parseSource(url)).toMatchObject({ kind: 'rtsp', url, displayName: 'rtsp://***@camera:554/stream1?x=1' });
  });

  it('knows a camera at this machine', () => {
    expect(pathInput(parseSource('/dev/video0') as PathLocation)).toBe('/dev/video0');
    expect(openOptions(parseSource('/dev/video0'), tools, transport)).toEqual(['-f', 'v4l2']);
  });

  it.each([
    'concat:a.mp4|b.mp4', 'subfile,,start,0,end,1,,:a.mp4', 'data:video/mp4;base64,AA', 'ftp://host/a.mp4', 'gopher://host', 'file:///etc/passwd', 'lavfi:color', 'rtmp://h/a',
    'rtsp://', 'http:///x', 'rtsp://user:pw@/x', 'http://host/a b', 'demo:street', '', 'a\nb', 'a\0b',
  ])('refuses %j in words', (source) => {
    expect(() => parseSource(source)).toThrow(/a source is rtsp/u);
  });
});

describe('openOptions', () => {
  it('lets a file open nothing but files of known containers, and a camera no files', () => {
    expect(openOptions(parseSource('a.mp4'), tools, transport).slice(0, 2)).toEqual(['-protocol_whitelist', 'file']);
    const camera = openOptions(parseSource('rtsp://c/s'), tools, { transport: 'udp', timeoutMs: 5000 });
    expect(camera[1]).toBe('rtsp,rtp,srtp,udp,tcp');
    expect(openOptions(parseSource('https://c/s'), tools, transport)[1]).toBe('http,tcp,crypto');
    expect(camera.slice(4)).toEqual(['-rtsp_transport', 'udp', '-timeout', '5000000']);
    expect(openOptions(parseSource('rtsp://c/s'), { ...tools, version: { major: 4, minor: 4 } }, transport)).toContain('-stimeout');
    expect(openOptions(parseSource('https://c/s'), tools, { transport: 'tcp', timeoutMs: 1500 }).slice(-2)).toEqual(['-rw_timeout', '1500000']);
  });
});
