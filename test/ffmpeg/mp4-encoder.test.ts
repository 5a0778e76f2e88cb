import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Size } from '../../src/core/geometry.js';
import { Mp4Encoder, type Mp4EncoderOptions } from '../../src/ffmpeg/mp4-encoder.js';
import type { Rational } from '../../src/ffmpeg/rational.js';
import { findFfmpeg, type FfmpegTools } from '../../src/ffmpeg/tools.js';

const run = promisify(execFile);
let tools: FfmpegTools;
let folder: string;
beforeAll(async () => {
  tools = await findFfmpeg();
  folder = await mkdtemp(join(tmpdir(), 'sightline-mp4-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const SMALL: Size = { widthPx: 64, heightPx: 48 };

function encoder(name: string, options: Partial<Mp4EncoderOptions> = {}): Mp4Encoder {
  return new Mp4Encoder({ tools, path: join(folder, name), size: SMALL, timeBase: { num: 1, den: 90_000 }, rate: { num: 25, den: 1 }, ...options });
}

function picture(size: Size, [red, green, blue]: readonly [number, number, number]): Buffer {
  return Buffer.alloc(4 * size.widthPx * size.heightPx, Buffer.from([blue, green, red, 255]));
}

type Probed = { streams: [{ pix_fmt: string; codec_name: string; width: number; height: number; time_base: string; level: number; color_space: string }]; packets: { pts: number }[] };

async function probe(name: string): Promise<Probed> {
  const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_streams', '-show_entries', 'packet=pts', join(folder, name)]);
  return JSON.parse(stdout) as Probed;
}

async function encodedTicks(name: string, timeBase: Rational, ptsMs: readonly number[]): Promise<{ timeBase: string; pts: number[] }> {
  const made = encoder(name, { timeBase });
  for (const [index, each] of ptsMs.entries()) await made.write(picture(SMALL, [index % 256, 0, 0]), each);
  await made.finish();
  const probed = await probe(name);
  return { timeBase: probed.streams[0].time_base, pts: probed.packets.map((packet) => packet.pts).sort((a, b) => a - b) };
}

describe('Mp4Encoder', () => {
  it('keeps 30000/1001 exactly', async () => {
    const ticks = Array.from({ length: 60 }, (_, n) => n * 1001);
    const encoded = await encodedTicks('ntsc.mp4', { num: 1, den: 30_000 }, ticks.map((tick) => (tick * 1000) / 30_000));
    expect(encoded).toEqual({ timeBase: '1/30000', pts: ticks });
  });

  it('keeps a variable frame rate to the tick, in time bases fine and coarse, from 0 on', async () => {
    const fine = [0, 3003, 3004, 12_000, 90_000, 90_001, 450_000];
    expect(await encodedTicks('fine.mp4', { num: 1, den: 90_000 }, fine.map((tick) => 1400 + (tick * 1000) / 90_000))).toEqual({ timeBase: '1/90000', pts: fine });
    const coarse = [0, 1, 3, 4, 10];
    expect(await encodedTicks('coarse.mp4', { num: 1001, den: 30_000 }, coarse.map((tick) => (tick * 1_001_000) / 30_000))).toEqual({ timeBase: '1/30000', pts: coarse.map((tick) => tick * 1001) });
    const microseconds = [0, 1, 333_333, 1_000_001];
    expect(await encodedTicks('us.mp4', { num: 1, den: 1_000_000 }, microseconds.map((tick) => tick / 1000))).toEqual({ timeBase: '1/1000000', pts: microseconds });
  });

  it('moves a time that does not grow one tick on, so that no frame is lost', async () => {
    expect((await encodedTicks('equal.mp4', { num: 1, den: 1000 }, [0, 40, 40, 20, 80])).pts).toEqual([0, 40, 41, 42, 80]);
  });

  it('writes what a browser plays: H.264, yuv420p, BT.709, a modest level, the index before the pictures', async () => {
    const made = encoder('browser.mp4');
    for (let n = 0; n < 10; n += 1) await made.write(picture(SMALL, [255, 0, 0]), n * 40);
    await made.finish();
    const { streams } = await probe('browser.mp4');
    expect(streams[0]).toMatchObject({ codec_name: 'h264', pix_fmt: 'yuv420p', color_space: 'bt709', width: 64, height: 48 });
    expect(streams[0].level).toBeLessThanOrEqual(31);
    const bytes = await readFile(join(folder, 'browser.mp4'));
    expect(bytes.indexOf('moov')).toBeLessThan(bytes.indexOf('mdat'));
    const { stdout } = await run('ffmpeg', ['-v', 'error', '-i', join(folder, 'browser.mp4'), '-frames:v', '1', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'], { encoding: 'buffer' });
    const [red, green, blue] = [stdout[0] ?? 0, stdout[1] ?? 0, stdout[2] ?? 0];
    expect(red).toBeGreaterThan(245);
    expect(Math.max(green, blue)).toBeLessThan(12);
  });

  it('pads odd sides', async () => {
    const size = { widthPx: 63, heightPx: 47 };
    const made = encoder('odd.mp4', { size });
    await made.write(picture(size, [0, 255, 0]), 0);
    await made.finish();
    expect((await probe('odd.mp4')).streams[0]).toMatchObject({ width: 64, height: 48 });
  });

  it('leaves nothing behind when it is destroyed, twice too', async () => {
    const made = encoder('destroyed.mp4');
    await made.write(picture(SMALL, [1, 2, 3]), 0);
    await made.destroy();
    await made.destroy();
    await expect(made.write(picture(SMALL, [1, 2, 3]), 40)).rejects.toMatchObject({ code: 'closed' });
    await expect(made.finish()).rejects.toMatchObject({ code: 'closed' });
    expect((await readdir(folder)).filter((name) => name.includes('destroyed'))).toEqual([]);
  });

  it('fails with one line that names the file when it cannot be written', async () => {
    const made = encoder('no-such-folder/out.mp4');
    const error = await (async () => {
      for (let n = 0; n < 500; n += 1) await made.write(picture(SMALL, [0, 0, 0]), n * 40);
      await made.finish();
    })().catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ code: 'annotation' });
    expect(error?.message).toMatch(/no-such-folder\/out\.mp4: cannot be written: .*No such file/u);
    expect(error?.message).not.toContain('\n');
    expect(error?.message).not.toContain('partial');
    await made.destroy();
  });

  it('says so when there was no frame', async () => {
    await expect(encoder('empty.mp4').finish()).rejects.toThrow(/no frame/u);
    expect(await readdir(folder)).not.toContain('empty.mp4');
  });

  it('keeps the file that was there until the new one is complete', async () => {
    await writeFile(join(folder, 'kept.mp4'), 'old');
    const made = encoder('kept.mp4');
    await made.write(picture(SMALL, [9, 9, 9]), 0);
    expect(await readFile(join(folder, 'kept.mp4'), 'utf8')).toBe('old');
    await made.finish();
    expect((await probe('kept.mp4')).packets).toHaveLength(1);
  });

  it('names what is missing: the program, or its H.264 encoder', async () => {
    const missing = encoder('missing.mp4', { tools: { ...tools, ffmpegPath: 'no-such-ffmpeg' } });
    await expect(missing.finish()).rejects.toMatchObject({ code: 'missing-program' });
    const script = join(folder, 'ffmpeg-without-x264');
    await writeFile(script, '#!/bin/sh\necho "[fatal] Unknown encoder \'libx264\'" >&2\nexit 1\n', { mode: 0o755 });
    await expect(encoder('plain.mp4', { tools: { ...tools, ffmpegPath: script } }).finish()).rejects.toThrow(/libx264/u);
  });
});
