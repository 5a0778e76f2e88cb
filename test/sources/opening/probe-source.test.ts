import { mkdtemp, rm, truncate, writeFile, copyFile, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findFfmpeg, type FfmpegTools } from '../../../src/ffmpeg/tools.js';
import { examineSource } from '../../../src/sources/run/open-run.js';
import type { SourceInfo } from '../../../src/sources/opening/probe-source.js';
import { generated, numberedClip, rotatedClip } from '../../helpers/clips.js';

let tools: FfmpegTools;
let folder: string;
beforeAll(async () => {
  tools = await findFfmpeg();
  folder = await mkdtemp(join(tmpdir(), 'sightline-probe-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Given = { readonly tools?: FfmpegTools; readonly timeoutMs?: number; readonly signal?: AbortSignal };
const probe = (source: string, { signal = new AbortController().signal, ...given }: Given = {}): Promise<SourceInfo> =>
  examineSource({ source, mode: 'replay', tools, transport: 'tcp', timeoutMs: 10_000, demoClip: () => Promise.reject(new Error('not asked for')), ...given }, signal);

describe('examineSource', () => {
  it('tells size, exact rate, time base, length and count', async () => {
    const info = await probe(await numberedClip({ name: 'ntsc.mp4', rate: '30000/1001', frames: 90 }));
    expect(info).toMatchObject({
      size: { widthPx: 160, heightPx: 96 }, declaredFps: { num: 30_000, den: 1001 }, timeBase: { num: 1, den: 30_000 }, durationMs: 3003, frameCount: 90, startPtsMs: 0, codecName: 'h264',
    });
  });

  it('counts in upright square pixels: sample aspect, rotation, both', async () => {
    const wide = await numberedClip({ name: 'wide.mp4', frames: 5, filters: 'setsar=4/3' });
    expect((await probe(wide)).size).toEqual({ widthPx: 213, heightPx: 96 });
    const turned = await rotatedClip('turned.mp4', await numberedClip({ name: 'plain.mp4', frames: 5 }), 90);
    expect((await probe(turned)).size).toEqual({ widthPx: 96, heightPx: 160 });
    expect((await probe(await rotatedClip('both.mp4', wide, 90))).size).toEqual({ widthPx: 96, heightPx: 213 });
  });

  it('knows the start of a transport stream and says null where a container knows nothing', async () => {
    const transport = await probe(await numberedClip({ name: 'start.ts', frames: 20, options: ['-bf', '0'] }));
    expect(transport.startPtsMs).toBeGreaterThan(1000);
    expect(transport.frameCount).toBeNull();
    const raw = await probe(await numberedClip({ name: 'raw.h264', frames: 5 }));
    expect(raw).toMatchObject({ durationMs: null, frameCount: null, durationIsExact: false });
  });

  it('refuses what is no video in one line that names it', async () => {
    const text = join(folder, 'text.mp4');
    await writeFile(text, 'This is only text.\n'.repeat(200));
    const playlist = join(folder, 'list.mp4');
    await writeFile(playlist, '#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nhttp://127.0.0.1:9/secret\n#EXT-X-ENDLIST\n');
    const concat = join(folder, 'concat.mp4');
    await writeFile(concat, "ffconcat version 1.0\nfile '/etc/passwd'\n");
    const empty = join(folder, 'empty.mp4');
    await writeFile(empty, '');
    const cut = join(folder, 'cut.mp4');
    await copyFile(await numberedClip({ name: 'index-last.mp4', frames: 30 }), cut);
    await truncate(cut, 500);
    const sound = await generated('sound.m4a', ['-f', 'lavfi', '-i', 'sine=duration=0.2']);
    const rows: (readonly [string, RegExp])[] = [
      [join(folder, 'missing.mp4'), /missing\.mp4: no such file$/u],
      [folder, /is a folder with no image in it/u],
      [empty, /empty\.mp4: the file is empty$/u],
      [text, /text\.mp4: not a complete video file/u],
      [playlist, /list\.mp4: not a (?:complete )?video/u],
      [concat, /concat\.mp4: not a (?:complete )?video/u],
      [cut, /cut\.mp4: not a complete video file \(no index found\)$/u],
      [sound, /sound\.m4a: has no video stream$/u],
    ];
    for (const [path, message] of rows) {
      const error = await probe(path).catch((reason: unknown) => reason as Error);
      expect(error, path).toMatchObject({ code: 'source-open', retryable: false });
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toContain('\n');
    }
  });

  it('refuses a picture that is too large before it decodes one', async () => {
    const huge = await generated('huge.gif', ['-f', 'lavfi', '-i', 'color=black:s=8200x64:d=0.1:r=10', '-frames:v', '1']);
    await expect(probe(huge)).rejects.toThrow(/8200x64 is too large, at most 8192 pixels a side/u);
  });

  it('takes a name that looks like an option or a protocol for the file it is', async () => {
    const clip = await numberedClip({ name: 'plain.mp4', frames: 5 });
    const odd = join(folder, 'concat:a|b -i.mp4');
    await symlink(clip, odd);
    expect((await probe(odd)).frameCount).toBe(5);
  });

  it('says without secrets that a server refuses, and that trying again may help', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const error = await probe(`rtsp://user:hush-hush@127.0.0.1:${String(port)}/stream`).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: 'source-open', retryable: true });
    expect((error as Error).message).toMatch(/rtsp:\/\/\*\*\*@127\.0\.0\.1:\d+\/stream: connection refused/u);
    expect(JSON.stringify(error) + (error as Error).message).not.toContain('hush-hush');
  });

  it('tells a refused login from other failures', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined); // the client hangs up as it likes
      socket.on('data', (chunk) => {
        const cseq = /CSeq: *(\d+)/iu.exec(chunk.toString())?.[1] ?? '1';
        socket.write(`RTSP/1.0 401 Unauthorized\r\nCSeq: ${cseq}\r\nWWW-Authenticate: Basic realm="camera"\r\n\r\n`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(probe(`rtsp://user:wrong@127.0.0.1:${String(port)}/stream`)).rejects.toMatchObject({ name: 'SourceUnauthorizedError', message: expect.stringContaining('user or password refused') as string });
    await new Promise((resolve) => server.close(resolve));
  });

  it('ends when it is told to', async () => {
    const server = createServer(() => undefined); // accepts and never answers
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const abort = new AbortController();
    const probing = probe(`rtsp://127.0.0.1:${String(port)}/`, { signal: abort.signal });
    setImmediate(() => { abort.abort(); });
    await expect(probing).rejects.toMatchObject({ code: 'closed' });
    await expect(probe(`rtsp://127.0.0.1:${String(port)}/`, { timeoutMs: 300 })).rejects.toMatchObject({ retryable: true });
    server.close();
  });

  it('names ffprobe when that is what is missing', async () => {
    const clip = await numberedClip({ name: 'plain.mp4', frames: 5 });
    await expect(probe(clip, { tools: { ...tools, ffprobePath: 'no-such-ffprobe' } })).rejects.toMatchObject({ code: 'missing-program' });
  });
});
