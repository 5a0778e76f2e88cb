import { Readable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SourceNotAllowedError, SourceOpenError } from '../../../src/core/errors.js';
import { PlaylistFilter } from '../../../src/sources/gateway/playlist-filter.js';

type Passed = { readonly text: string; readonly isPlaylist: boolean; readonly durations: readonly number[] };

async function pass(bytes: Buffer, sizes: readonly number[] = [bytes.length + 1]): Promise<Passed> {
  const starts: boolean[] = [];
  const durations: number[] = [];
  const filter = new PlaylistFilter({ displayName: 'the source', onStart: (isPlaylist) => { starts.push(isPlaylist); }, onTargetDuration: (ms) => { durations.push(ms); }, forFfmpeg: (address) => `<${address}>` });
  const chunks: Buffer[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  const passed: Buffer[] = [];
  for await (const chunk of Readable.from(chunks).pipe(filter.on('pipe', (from: Readable) => from.on('error', () => undefined)))) {
    expect(starts).toHaveLength(1);
    passed.push(chunk as Buffer);
  }
  expect(starts).toHaveLength(1);
  return { text: Buffer.concat(passed).toString('latin1'), isPlaylist: starts[0] ?? false, durations };
}

const passText = (text: string): Promise<Passed> => pass(Buffer.from(text, 'latin1'));

describe('PlaylistFilter', () => {
  it('passes what is no playlist on as it is, however it is cut', async () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.tuple(fc.constantFrom('', '#', '#EXTM3', ' #EXTM3U', '#extm3u', '\u00ef\u00bb\u00bf#EXTM3U'), fc.constantFrom('', '\nhttps://a/httpproxy://')).map(([start, rest]) => Buffer.from(start + rest, 'latin1')));
    await fc.assert(fc.asyncProperty(bytes, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }), async (given, sizes) => {
      const buffer = Buffer.from(given);
      fc.pre(!buffer.toString('latin1').startsWith('#EXTM3U'));
      expect(await pass(buffer, sizes)).toEqual({ text: buffer.toString('latin1'), isPlaylist: false, durations: [] });
    }));
  });

  it.each<[string, string]>([
    ['#EXTM3U', '#EXTM3U'],
    ['#EXTM3U\nseg1.ts\nseg2.ts', '#EXTM3U\n<seg1.ts>\n<seg2.ts>'],
    ['#EXTM3U\r\n  https://h/1.ts\r\n\r\n', '#EXTM3U\r\n  <https://h/1.ts>\r\n\r\n'],
    ['#EXTM3U\n#EXTINF:2,https://h/title\n#EXT-X-ENDLIST', '#EXTM3U\n#EXTINF:2,https://h/title\n#EXT-X-ENDLIST'],
    ['#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="https://h/key?a,b",IV=0x1\n', '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="<https://h/key?a>,b",IV=0x1\n'],
    ['#EXTM3U\n#EXT-X-MAP:uri=init.mp4,BYTERANGE="1@0"', '#EXTM3U\n#EXT-X-MAP:uri=<init.mp4>,BYTERANGE="1@0"'],
    ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n//h/v.m3u8?u=https://x/', '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n<//h/v.m3u8?u=https://x/>'],
    ['#EXTM3U\na.ts\rb.ts\0c.ts\r\n', '#EXTM3U\n<a.ts>\r<b.ts>\0<c.ts>\r\n'],
    ['#EXTM3U\n\u00ff\u0080.ts', '#EXTM3U\n<\u00ff\u0080.ts>'],
  ])('finds the addresses of %j', async (given, expected) => {
    expect(await passText(given)).toEqual({ text: expected, isPlaylist: true, durations: [] });
  });

  it('finds the same however it is cut', async () => {
    const line = fc.oneof(fc.constantFrom('seg.ts', 'https://h/a.ts', '#EXTINF:2,', '#EXT-X-KEY:URI="https://h/k"', '', '#EXT-X-TARGETDURATION:6', '  x y'), fc.stringMatching(/^[ -~]{0,30}$/u).filter((text) => !/httpproxy/iu.test(text)));
    await fc.assert(fc.asyncProperty(fc.array(line, { maxLength: 8 }), fc.constantFrom('\n', '\r\n'), fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 4 }), async (lines, end, sizes) => {
      const bytes = Buffer.from(['#EXTM3U', ...lines].join(end));
      expect(await pass(bytes, sizes)).toEqual(await pass(bytes));
    }));
  });

  it('tells how long segments are, and of each playlist its own', async () => {
    expect((await passText('#EXTM3U\n#EXT-X-TARGETDURATION:6\r\n#EXT-X-TARGETDURATION:2.5\nx')).durations).toEqual([6_000, 2_500]);
    expect((await passText('#EXTM3U\n #EXT-X-TARGETDURATION:6\n#EXT-X-TARGETDURATION:x\n#EXT-X-TARGETDURATION:1000000')).durations).toEqual([]);
    expect((await passText('#EXT-X-TARGETDURATION:6')).durations).toEqual([]);
  });

  it.each(['httpproxy://h/', '#EXT-X-KEY:URI="HTTPPROXY:h"', '#X crypto+httpproxy://h', 'a\0httpproxy://h', 'a\rhttpproxy:h'])('lets no line by that leads past the gateway: %j', async (line) => {
    await expect(passText(`#EXTM3U\n${line}`)).rejects.toThrow(SourceNotAllowedError);
    await expect(passText(`#EXTM3U\n${line}\nx`)).rejects.toThrow(/^the source: /u);
  });

  it.each([['a line without end', () => 'x'.repeat(70_000)], ['lines without end', () => 'seg.ts\n'.repeat(5_000_000)]])('takes no playlist with %s', async (_name, text) => {
    await expect(pass(Buffer.from(`#EXTM3U\n${text()}`), [65_536])).rejects.toThrow(SourceOpenError);
  });
});
