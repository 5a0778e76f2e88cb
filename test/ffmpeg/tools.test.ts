import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { composeArguments, passthroughTiming } from '../../src/ffmpeg/compose.js';
import { findFfmpeg, isAtLeast, parseVersion } from '../../src/ffmpeg/tools.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-tools-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function program(name: string, script: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return path;
}

describe('findFfmpeg', () => {
  it('finds the programs of this machine', async () => {
    const tools = await findFfmpeg();
    expect(tools).toMatchObject({ ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe' });
    expect(tools.version.major).toBeGreaterThanOrEqual(4);
  });

  it('says what to install when a program is missing, is too old or does not run', async () => {
    await expect(findFfmpeg({ ffmpegPath: 'no-such-ffmpeg' })).rejects.toMatchObject({ code: 'missing-program', message: expect.stringContaining('apt-get install ffmpeg') as string });
    await expect(findFfmpeg({ ffprobePath: join(folder, 'nothing') })).rejects.toMatchObject({ code: 'missing-program' });
    await expect(findFfmpeg({ ffmpegPath: await program('old', 'echo ffmpeg version 3.4.8-0ubuntu0.2') })).rejects.toThrow(/version 3\.4, but 4\.0 or newer/u);
    await expect(findFfmpeg({ ffmpegPath: await program('broken', 'echo libavutil.so: cannot open >&2; exit 127') })).rejects.toThrow(/does not run \(libavutil\.so: cannot open\)/u);
  });
});

describe('parseVersion', () => {
  it.each([
    ['ffmpeg version 5.1.9-0+deb12u1 Copyright', { major: 5, minor: 1 }],
    ['ffmpeg version n7.0.2 Copyright', { major: 7, minor: 0 }],
    ['ffmpeg version N-117000-g1234567 Copyright', { major: 99, minor: 0 }],
    ['', { major: 99, minor: 0 }],
  ])('%s', (text, expected) => {
    expect(parseVersion(text)).toEqual(expected);
  });
});

describe('composeArguments', () => {
  const tools = { ffmpegPath: 'ffmpeg', ffprobePath: 'ffprobe', setpriv: false, version: { major: 5, minor: 1 } };

  it('orders input, graph and several pipes, and never cuts an option at a space', () => {
    expect(
      composeArguments({
        inputOptions: ['-user_agent', 'two words'],
        input: 'file:/a b.mp4',
        filterGraph: "[0:V:0]select='gt(n,1)',split=2[a][b]",
        outputs: [
          { options: ['-map', '[a]', '-f', 'rawvideo'], target: 'pipe:3' },
          { options: ['-map', '[b]', '-f', 'rawvideo'], target: 'pipe:4' },
        ],
      }),
    ).toEqual([
      '-nostdin', '-hide_banner', '-loglevel', 'repeat+level+error', '-user_agent', 'two words', '-i', 'file:/a b.mp4',
      '-filter_complex', "[0:V:0]select='gt(n,1)',split=2[a][b]",
      '-map', '[a]', '-f', 'rawvideo', 'pipe:3', '-map', '[b]', '-f', 'rawvideo', 'pipe:4',
    ]);
  });

  it('speaks the words of the ffmpeg at hand', () => {
    expect(passthroughTiming(tools)).toEqual(['-fps_mode', 'passthrough']);
    expect(passthroughTiming({ ...tools, version: { major: 4, minor: 4 } })).toEqual(['-vsync', 'passthrough']);
    expect([isAtLeast(tools, 5, 1), isAtLeast(tools, 5, 2), isAtLeast(tools, 4, 9), isAtLeast(tools, 6, 0)]).toEqual([true, false, true, false]);
  });
});
