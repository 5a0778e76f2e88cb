import { describe, expect, it } from 'vitest';

import { parseStreamDefinition } from '../../src/config/stream-definition.js';
import { load, problems } from './config-folder.js';

describe('the streams folder', () => {
  it('gives one stream a file, in the order of the names, and may be empty', async () => {
    const files = { 'streams/b.yaml': 'source: x.mp4', 'streams/a.yml': 'id: z\nsource: x.mp4', 'streams/sub/c.yaml': 'nonsense', 'streams/notes.md': 'nonsense' };
    expect((await load(files)).streams.map(({ id, file }) => [id, file])).toEqual([['z', '~/streams/a.yml'], ['b', '~/streams/b.yaml']]);
    expect((await load({ 'streams/.gitkeep': '' })).streams).toEqual([]);
  });

  it('can be another one', async () => {
    expect((await load({ 'cams/a.yaml': 'source: x.mp4', 'streams/b.yaml': 'nonsense' }, { flags: { streams: 'cams' } })).streams).toMatchObject([{ id: 'a', source: '~/cams/x.mp4' }]);
  });

  it('has no two streams of one id: the message names both files', async () => {
    expect(await problems({ 'streams/a.yaml': 'id: door\nsource: x.mp4', 'streams/b.yaml': 'id: door\nsource: y.mp4', 'streams/door.yaml': 'source: z.mp4\nfsp: 1' })).toEqual([
      'streams/b.yaml: id: streams/a.yaml has the same id (door): each stream needs its own',
      'streams/door.yaml: fsp: unknown key (did you mean fps?)',
      'streams/door.yaml: id: streams/a.yaml has the same id: each stream needs its own',
    ]);
  });

  it('needs an id where the name of the file is none', async () => {
    expect(await problems({ 'streams/front door.yaml': 'source: x.mp4' })).toEqual(["streams/front door.yaml: id: is needed, as the file's name is no id: expected 1 to 64 letters, digits, - and _"]);
  });
});

describe('a stream file', () => {
  it('may hold every key', async () => {
    const yaml = "id: front-door\nname: Front door\nsource: rtsp://u:p@camera/1\nmode: live\nfps: 29.97\nwidthPx: 640\nthresholds: { '*': 0.5, person: 0.6, 'stop sign': false }\ntransport: udp\ntimeoutMs: 5000\nhwaccel: cuda\nhwaccelDevice: '1'\ndetectSource: rtsp://u:p@camera/2\nloop: false\n";
    expect((await load({ 'streams/a.yaml': yaml })).streams).toEqual([
      { id: 'front-door', name: 'Front door', source: 'rtsp://u:p@camera/1', mode: 'live', fps: 29.97, widthPx: 640, thresholds: { '*': 0.5, person: 0.6, 'stop sign': false }, transport: 'udp', timeoutMs: 5000, hwaccel: 'cuda', hwaccelDevice: '1', imageFps: 1, detectSource: 'rtsp://u:p@camera/2', loop: false, file: '~/streams/a.yaml', given: { name: 'Front door', source: 'rtsp://u:p@camera/1', mode: 'live', fps: 29.97, widthPx: 640, thresholds: { '*': 0.5, person: 0.6, 'stop sign': false }, transport: 'udp', timeoutMs: 5000, hwaccel: 'cuda', hwaccelDevice: '1', detectSource: 'rtsp://u:p@camera/2', loop: false } },
    ]);
  });

  it('needs only a source', async () => {
    expect((await load({ 'streams/a.yaml': 'source: clips/x.mp4' })).streams).toEqual([
      { id: 'a', name: 'a', source: '~/streams/clips/x.mp4', mode: 'replay', fps: null, widthPx: 1280, thresholds: { '*': 0.4 }, transport: 'tcp', timeoutMs: 10000, hwaccel: null, hwaccelDevice: null, imageFps: 1, detectSource: null, loop: false, file: '~/streams/a.yaml', given: { source: '~/streams/clips/x.mp4' } },
    ]);
    expect(await problems({ 'streams/a.yaml': 'name: x' })).toEqual(['streams/a.yaml: source: is missing: expected rtsp(s)://…, http(s)://…, a path (./name:with-colon.mp4 when it has one), a folder or pattern of images (shots/, shots/*.jpg), /dev/video0 or demo:street']);
  });

  it.each([
    ['rtsp://camera/1', 'rtsp://camera/1', 'live'],
    ['RTSPS://u:p@w@camera:322/1', 'RTSPS://u:p@w@camera:322/1', 'live'],
    ['http://camera/v.mjpg', 'http://camera/v.mjpg', 'live'],
    ['https://h/v.mp4', 'https://h/v.mp4', 'live'],
    ['demo:street', 'demo:street', 'live'],
    ['v.mp4', '~/streams/v.mp4', 'replay'],
    ['../v.mp4', '~/v.mp4', 'replay'],
    ['/media/v.mp4', '/media/v.mp4', 'replay'],
    ['./a:b.mp4', '~/streams/a:b.mp4', 'replay'],
    ['shots/', '~/streams/shots/', 'replay'],
    ['../shots/door-*.jpg', '~/shots/door-*.jpg', 'replay'],
    ['/dev/video2', '/dev/video2', 'live'],
  ])('takes the source %s', async (source, absolute, mode) => {
    expect((await load({ 'streams/a.yaml': `source: ${JSON.stringify(source)}` })).streams).toMatchObject([{ source: absolute, mode }]);
  });

  it.each(['file:///etc/passwd', 'concat:a|b', 'ftp://h/1', 'demo:beach', 'rtsp://', 'rtsp://u:p@', 'rtsp:///1', 'http://h /1', 'ab:c.mp4', 'x'.repeat(5000), 'a\u0000b'])('refuses the source %j', async (source) => {
    expect(await problems({ 'streams/a.yaml': `source: ${JSON.stringify(source)}` })).toEqual([expect.stringMatching(/^streams\/a\.yaml: source: expected rtsp/u)]);
  });

  it.each([
    ['source: rtsp://h/1\nmode: replay\nloop: true', ['mode: a camera (rtsp) cannot be replayed: expected live', 'loop: a camera (rtsp) has no end to loop at: expected false']],
    ['source: v.mp4\ntransport: udp', ['transport: is only for rtsp(s):// sources']],
    ['source: v.mp4\ndetectSource: rtsp://h/2', ['detectSource: is only for cameras: a second, smaller stream of the same one']],
    ['source: rtsp://h/1\ndetectSource: v.mp4', ['detectSource: expected rtsp(s)://… or http(s)://…']],
    ['source: /dev/video0\nmode: replay\nloop: true', ['mode: a camera at this machine cannot be replayed: expected live', 'loop: a camera at this machine has no end to loop at: expected false']],
    ['source: rtsp://h/1\nimageFps: 2\nhwaccelDevice: /dev/dri/renderD128', ['imageFps: is only for images', 'hwaccelDevice: is only for sources with hwaccel']],
    ['source: v.mp4\nfps: 0', ['fps: expected a number above 0, at most 1000, got 0 (number)']],
    ['source: v.mp4\nwidthPx: 8.5', ['widthPx: expected a whole number from 16 to 16384, got 8.5 (number)']],
    ['source: v.mp4\nthresholds: [0.4]', ['thresholds: expected classes with their scores, for example person: 0.6, got a list']],
    ['source: v.mp4\nthresholds: { person: true }', ['thresholds.person: expected a score from 0 to 1, or false to hide the class, got true (true or false)']],
    ['source: v.mp4\nthresholds: { *: 0.4 }', ["1 not valid YAML: a text that begins with * or & needs quotes, as in '*': 0.4"]],
    ['source: v.mp4\nloop: yes', ['loop: expected true or false, got "yes" (text)']],
    ['source: v.mp4\nid: a b', ['id: expected 1 to 64 letters, digits, - and _, got "a b" (text)']],
    [`source: v.mp4\nid: ${'x'.repeat(65)}`, ['id: expected 1 to 64 letters, digits, - and _, got another text (text)']],
    ['source: v.mp4\ntreshold: 1\nwidth_px: 2\nBogus: 3', ['treshold: unknown key', 'width_px: unknown key (did you mean widthPx?)', 'Bogus: unknown key']],
  ])('with %j is refused', async (yaml, expected) => {
    const lines = (await problems({ 'streams/a.yaml': yaml })).map((line) => line.replace('streams/a.yaml: ', '').replace(/^2:\d+:/u, '1').replace(/; known here: .*/u, ''));
    expect(lines).toEqual(expected.map((line) => (line.startsWith('treshold') ? expect.stringContaining('treshold: unknown key') as string : line)));
  });
});

describe('a definition from the API', () => {
  it('needs an id of its own and fills nothing in from the environment', () => {
    const origin = { file: null, defaultId: null, baseDir: '/videos' };
    expect(parseStreamDefinition({ source: '${HOME}/v.mp4' }, origin)).toEqual({ stream: null, problems: [{ path: ['id'], message: 'is missing: expected 1 to 64 letters, digits, - and _' }] });
    expect(parseStreamDefinition({ id: 'a', source: '${HOME}/v.mp4' }, origin).stream).toMatchObject({ source: '/videos/${HOME}/v.mp4', file: null });
    for (const input of [null, undefined, 1, 'x', []]) expect(parseStreamDefinition(input, origin)).toMatchObject({ stream: null, problems: [{ path: [] }] });
  });
});
