import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { absoluteSource, classifySource, natureOf, parseAuthority, userInfoOf } from '../../src/core/source-kind.js';

describe('classifySource', () => {
  it.each([
    ['rtsp://camera/1', { kind: 'rtsp' }],
    ['RTSPS://u:p@w@camera:322/1', { kind: 'rtsp' }],
    ['rtsp://user:p@s/s?#@camera:554/stream1?x=1', { kind: 'rtsp' }],
    ['rtsp://[fe80::1]:554/1', { kind: 'rtsp' }],
    ['http://kamera-tür.example/v.mjpg', { kind: 'http' }],
    ['https://h/live.m3u8?token=a:b@c', { kind: 'http' }],
    ['clip.mp4', { kind: 'file', path: 'clip.mp4' }],
    ['./a:b.mp4', { kind: 'file', path: './a:b.mp4' }],
    ['10:30 door.mp4', { kind: 'file', path: '10:30 door.mp4' }],
    ['C:\\clips\\a.mp4', { kind: 'file', path: 'C:\\clips\\a.mp4' }],
    ['/videos/100 % [a] ünï.mkv', { kind: 'file', path: '/videos/100 % [a] ünï.mkv' }],
    ['what?.mp4', { kind: 'file', path: 'what?.mp4' }],
    ['-version', { kind: 'file', path: '-version' }],
    ['shots/', { kind: 'images', folder: 'shots/', pattern: null }],
    ['./shots/*.JPG', { kind: 'images', folder: './shots/', pattern: '*.JPG' }],
    ['shots/door-*', { kind: 'images', folder: 'shots/', pattern: 'door-*' }],
    ['*.png', { kind: 'images', folder: '.', pattern: '*.png' }],
    ['photo.jpeg', { kind: 'images', folder: '.', pattern: 'photo.jpeg' }],
    ['/dev/video0', { kind: 'device', path: '/dev/video0' }],
    ['/dev/v4l/by-id/usb-cam-index0', { kind: 'device', path: '/dev/v4l/by-id/usb-cam-index0' }],
    ['/dev/sda', { kind: 'file', path: '/dev/sda' }],
    ['demo:street', { kind: 'demo' }],
  ] as const)('reads %s', (text, kind) => {
    expect(classifySource(text)).toEqual(kind);
  });

  it.each(['', '  ', 'demo:beach', 'rtsp://', 'rtsp:///1', 'rtsp://u:p@', 'rtsp://u:p@/x', 'rtsp://a@b@c', 'rtsp://a@b:p@c/1', 'http://h /1', 'http:h/1', 'http://h:0/', 'http://h:70000/', 'http://a b/', 'http://h\\@evil/', 'subfile,,start,0,end,1,,:a.mp4', 'file:///etc/passwd', 'rtmp://h/1', 'a\u0000b', 'a\rb.mp4', 'http://h/\n', 'rtsp://h\u202e/1', 'x'.repeat(4097)])('refuses %j', (text) => {
    expect(classifySource(text)).toBeNull();
  });

  it('never throws, and takes nothing with a scheme but the four', () => {
    const scheme = fc.stringMatching(/^[a-z][a-z0-9+.,-]{1,10}$/u).filter((name) => !['rtsp', 'rtsps', 'http', 'https'].includes(name));
    fc.assert(fc.property(scheme, fc.string({ unit: 'binary' }), (name, rest) => {
      const text = `${name}:${rest}`;
      if (text !== 'demo:street') expect(classifySource(text)).toBeNull();
    }));
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => { classifySource(text); }));
  });
});

describe('natureOf', () => {
  it('takes files and images for recordings, all else for cameras', () => {
    const natures = ['a.mp4', 'a/', 'rtsp://h/1', 'http://h/v.mp4', '/dev/video1', 'demo:street'].map((text) => { const kind = classifySource(text); return kind && natureOf(kind); });
    expect(natures).toEqual(['replay', 'replay', 'live', 'live', 'live', 'live']);
  });
});

describe('absoluteSource', () => {
  it.each([['v.mp4', '/s/v.mp4'], ['../v.mp4', '/v.mp4'], ['shots/', '/s/shots/'], ['./shots/*.jpg', '/s/shots/*.jpg'], ['*.png', '/s/*.png'], ['/', '/'], ['rtsp://h/../1', 'rtsp://h/../1'], ['/dev/video0', '/dev/video0']])('makes %s absolute', (text, absolute) => {
    const kind = classifySource(text);
    expect(kind && absoluteSource(text, kind, '/s')).toBe(absolute);
    const again = classifySource(absolute);
    expect(again?.kind).toBe(kind?.kind);
  });
});

describe('userInfoOf', () => {
  it.each([['u:p@h/1', 'u:p'], ['u:a@b/c@h', 'u:a@b/c'], ['h/a@b', null], ['h:554/a@b', null], ['h', null], ['@h', ''], ['h?x=@', null]])('finds it in %s', (rest, expected) => {
    expect(userInfoOf(rest)).toBe(expected);
  });
});

describe('parseAuthority', () => {
  it.each([['CAM:554', 'cam', 554], ['0x7f.1', '127.0.0.1', null], ['2130706433', '127.0.0.1', null], ['[::FFFF:127.0.0.1]:8', '::ffff:7f00:1', 8], ['bücher.example', 'xn--bcher-kva.example', null], ['%31%32%37.1', '127.0.0.1', null]])('spells %s in one way', (text, host, port) => {
    expect(parseAuthority(text)).toEqual({ host, port });
  });

  it('says the same of a name of the world however often it is asked', () => {
    for (let n = 0; n < 20_000; n += 1) if (parseAuthority('bücher.example')?.host !== 'xn--bcher-kva.example') throw new Error(`another answer the ${String(n)}th time`);
    expect(parseAuthority('bücher.example:554')).toEqual({ host: 'xn--bcher-kva.example', port: 554 });
  });
});
