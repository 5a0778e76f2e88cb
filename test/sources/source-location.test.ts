import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOptions, parseSource } from '../../src/sources/source-location.js';

const tools = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', setpriv: false, version: { major: 5, minor: 1 } };

describe('parseSource', () => {
  it.each(['street.mp4', './a:b.mp4', '/videos/a b.mp4', '-version', '../x.mkv'])('takes %s for a file, whatever it looks like to ffmpeg', (path) => {
    expect(parseSource(path)).toEqual({ kind: 'file', input: `file:${resolve(path)}`, path: resolve(path), displayName: path, secrets: [] });
  });

  it('encodes what would end user and password early, and hides them from people', () => {
    expect(parseSource('rtsp://user:p@s/s?#@camera:554/stream1?x=1')).toMatchObject({
      kind: 'rtsp', input: 'rtsp://user:p%40s%2Fs%3F%23@camera:554/stream1?x=1', displayName: 'rtsp://***@camera:554/stream1?x=1',
    });
  });

  it.each(['concat:a.mp4|b.mp4', 'subfile,,start,0,end,1,,:a.mp4', 'data:video/mp4;base64,AA', 'ftp://host/a.mp4', 'gopher://host', 'file:///etc/passwd', 'lavfi:color', 'rtmp://h/a'])('refuses %s', (source) => {
    // A comma is no part of a scheme: the second is a plain file name then, with no meaning for ffmpeg behind file:.
    if (source.startsWith('subfile')) expect(parseSource(source).input).toBe(`file:${resolve(source)}`);
    else expect(() => parseSource(source)).toThrow(/a source is a path, rtsp/u);
  });

  it.each(['rtsp://', 'http:///x', 'rtsp://user:pw@/x', 'http://host/a b'])('refuses %s', (source) => {
    expect(() => parseSource(source)).toThrow(/not a usable URL/u);
  });
});

describe('openOptions', () => {
  it('lets a file open nothing but files of known containers, and a camera no files', () => {
    expect(openOptions(parseSource('a.mp4'), tools, { transport: 'tcp', timeoutMs: 5000 }).slice(0, 2)).toEqual(['-protocol_whitelist', 'file']);
    const camera = openOptions(parseSource('rtsp://c/s'), tools, { transport: 'udp', timeoutMs: 5000 });
    expect(camera[1]?.split(',')).not.toContain('file');
    expect(camera.slice(4)).toEqual(['-rtsp_transport', 'udp', '-timeout', '5000000']);
    expect(openOptions(parseSource('rtsp://c/s'), { ...tools, version: { major: 4, minor: 4 } }, { transport: 'tcp', timeoutMs: 5000 })).toContain('-stimeout');
    expect(openOptions(parseSource('https://c/s'), tools, { transport: 'tcp', timeoutMs: 1500 }).slice(-2)).toEqual(['-rw_timeout', '1500000']);
  });
});
