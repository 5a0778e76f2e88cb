import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoClipOnce, demoClipPath, ensureDemoClip } from '../../src/demo/demo-clip.js';
import { DEMO_FRAMES, DEMO_SIZE, StreetScene } from '../../src/demo/street-scene.js';
import { findFfmpeg, type FfmpegTools } from '../../src/ffmpeg/tools.js';

const run = promisify(execFile);
const log = pino({ level: 'silent' });
let tools: FfmpegTools;
let cacheDir: string;
beforeAll(async () => {
  tools = await findFfmpeg();
  cacheDir = await mkdtemp(join(tmpdir(), 'sightline-demo-'));
});
afterAll(() => rm(cacheDir, { recursive: true, force: true }));

describe('StreetScene', () => {
  const scene = new StreetScene();
  const pixels = (index: number): Buffer => scene.draw(index).toBuffer('raw');

  it('repeats: the frame after the last is the first, byte for byte', () => {
    const first = pixels(0);
    expect(first).toHaveLength(4 * DEMO_SIZE.widthPx * DEMO_SIZE.heightPx);
    expect(pixels(DEMO_FRAMES).equals(first)).toBe(true);
    expect(pixels(-1).equals(pixels(DEMO_FRAMES - 1))).toBe(true);
  });

  it('moves from every frame to the next, over the seam of the loop no more than where the light changes elsewhere', () => {
    const change = (from: number): number => meanDifference(pixels(from), pixels(from + 1));
    const elsewhere = [1, 60, 120, 229, 449].map(change);
    expect(Math.min(...elsewhere)).toBeGreaterThan(0.05);
    expect(change(DEMO_FRAMES - 1)).toBeGreaterThan(0.05);
    expect(change(DEMO_FRAMES - 1)).toBeLessThan(Math.max(...elsewhere) * 1.5);
  });

  it('shows the whole cycle of the light', () => {
    const lit = (index: number): string[] => {
      const canvas = scene.draw(index);
      const ctx = canvas.getContext('2d');
      const sway = Math.sin((index / DEMO_FRAMES) * Math.PI * 2) * 36;
      return ([['red', -63], ['yellow', 0], ['green', 63]] as const).filter(([, dy]) => Math.max(...ctx.getImageData(Math.round(660 + sway) + 10, 315 + dy + 10, 1, 1).data.subarray(0, 3)) > 180).map(([name]) => name);
    };
    expect([10, 210, 300, 480].map(lit)).toEqual([['red'], ['red', 'yellow'], ['green'], ['yellow']]);
  });
});

describe('ensureDemoClip', () => {
  it('draws a clip of 500 frames at 25 a second that plays anywhere, once, and shares the work', async () => {
    const clip = demoClipOnce({ cacheDir, tools, log });
    const [first, second] = await Promise.all([clip(), clip()]);
    expect([first, second]).toEqual([demoClipPath(cacheDir), demoClipPath(cacheDir)]);
    const { mtimeMs } = await stat(first);
    expect(await ensureDemoClip({ cacheDir, tools, log })).toBe(first);
    expect((await stat(first)).mtimeMs).toBe(mtimeMs);
    expect(await readdir(cacheDir)).toHaveLength(1);
    const { stdout } = await run('ffprobe', ['-v', 'error', '-of', 'json', '-show_entries', 'stream=width,height,r_frame_rate,avg_frame_rate,nb_frames,duration,pix_fmt,codec_name:packet=flags', first]);
    const probed = JSON.parse(stdout) as { streams: unknown[]; packets: { flags: string }[] };
    expect(probed.streams).toEqual([
      { codec_name: 'h264', width: 1280, height: 720, pix_fmt: 'yuv420p', r_frame_rate: '25/1', avg_frame_rate: '25/1', duration: '20.000000', nb_frames: '500' },
    ]);
    const keys = probed.packets.flatMap((packet, index) => (packet.flags.startsWith('K') ? [index] : []));
    expect(Math.max(...keys.map((key, index) => (keys[index + 1] ?? DEMO_FRAMES) - key))).toBeLessThanOrEqual(50);
  });

  it('leaves nothing behind when it is given up, and draws at the next call', async () => {
    const folder = join(cacheDir, 'given-up');
    const abort = new AbortController();
    const drawing = ensureDemoClip({ cacheDir: folder, tools, log, signal: abort.signal });
    setTimeout(() => { abort.abort(); }, 100);
    await expect(drawing).rejects.toMatchObject({ code: 'closed' });
    expect(await readdir(folder)).toEqual([]);
  });

  it('fails with what to do without ffmpeg, and tries again at the next call', async () => {
    const clip = demoClipOnce({ cacheDir: join(cacheDir, 'missing'), tools: { ...tools, ffmpegPath: 'no-such-ffmpeg' }, log });
    await expect(clip()).rejects.toMatchObject({ code: 'missing-program' });
    await expect(clip()).rejects.toMatchObject({ code: 'missing-program' });
  });
});

/** Mean difference of two pictures, levels a byte. */
function meanDifference(a: Buffer, b: Buffer): number {
  let sum = 0;
  for (let index = 0; index < a.length; index += 1) sum += Math.abs((a[index] ?? 0) - (b[index] ?? 0));
  return sum / a.length;
}
