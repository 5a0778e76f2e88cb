import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VideoFrame } from '../../src/core/frames.js';
import { generated, numberedClip } from '../helpers/clips.js';
import { processState, runs, sourceHarness, upTo } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';

const { tools, folder, watch, readAll } = sourceHarness();

describe('a replay', () => {
  it('waits: hands out what was requested and no more, and loses nothing', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'long.mp4', widthPx: 640, heightPx: 360, frames: 300 }));
    source.start();
    source.request(3);
    await until(() => frames.length === 3);
    for (let turn = 0; turn < 40; turn += 1) {
      source.request(1);
      await until(() => frames.length === 4 + turn);
    }
    expect(source.status.state).toBe('running');
    source.request(Infinity);
    await until(() => source.status.state === 'ended', { timeoutMs: 20_000 });
    expect(frames.map((frame) => frame.display)).toEqual(upTo(300));
    expect(frames.map((frame) => frame.model)).toEqual(upTo(300));
  });

  it('stops ffmpeg while nobody asks: it decodes no further than its pipes hold', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'long.mp4', widthPx: 640, heightPx: 360, frames: 300 }));
    source.start();
    source.request(1);
    await until(() => frames.length === 1);
    // Asleep in a write for several looks in a row: it would have ended long before if it were not held.
    let asleep = 0;
    await until(() => (asleep = processState(source.pid) === 'S' ? asleep + 1 : 0) >= 40, { timeoutMs: 10_000 });
    expect(source.status.state).toBe('running');
    expect(runs(source.pid)).toBe(true);
    expect(frames).toHaveLength(1);
  });

  it('loops with growing seq', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'plain5.mp4', frames: 5 }), { loop: true });
    source.start();
    source.request(12);
    await until(() => frames.length === 12);
    expect(frames.map((frame) => frame.display)).toEqual([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]);
    expect(frames.map((frame) => frame.seq)).toEqual(upTo(12));
  });

  it('goes on after the last frame when the model input changes its size', async () => {
    const sizes: number[] = [];
    const { source, frames } = watch(await numberedClip({ name: 'plain100.mp4', frames: 100 }), {}, (frame) => {
      sizes.push(frame.modelInput.widthPx);
      frame.release();
    });
    source.start();
    source.request(60);
    await until(() => frames.length === 60);
    source.setModelInputSize({ widthPx: 96, heightPx: 64 });
    source.request(Infinity);
    await until(() => source.status.state === 'ended', { timeoutMs: 10_000 });
    expect(frames.map((frame) => frame.display)).toEqual(upTo(100));
    expect(frames.map((frame) => frame.model)).toEqual(upTo(100));
    expect(frames.map((frame) => frame.seq)).toEqual(upTo(100));
    expect([sizes[59], sizes[60]]).toEqual([128, 96]);
    expect(source.status.error).toBeNull();
  });

  it('goes on behind the last frame when its ffmpeg is killed, and nothing is lost or twice', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'long.mp4', widthPx: 640, heightPx: 360, frames: 300 }));
    source.start();
    for (const seen of [2, 40, 90, 200]) {
      source.request(seen - frames.length);
      await until(() => frames.length === seen);
      expect(source.pid).toBeGreaterThan(0);
      process.kill(source.pid ?? 0, 'SIGKILL');
    }
    source.request(Infinity);
    await until(() => source.status.state === 'ended', { timeoutMs: 20_000 });
    expect(frames.map((frame) => frame.display)).toEqual(upTo(300));
    expect(source.status).toMatchObject({ error: null, restarts: 4 });
  });

  it('tells of a file that is truncated or damaged although ffmpeg ends with 0', async () => {
    const whole = await numberedClip({ name: 'fast.mp4', frames: 200, widthPx: 320, heightPx: 192, filters: 'noise=alls=20:allf=t', options: ['-movflags', '+faststart'] });
    const bytes = await readFile(whole);
    const cut = join(folder(), 'cut.mp4');
    await writeFile(cut, bytes.subarray(0, Math.floor(bytes.length / 2)));
    const truncated = await readAll(cut);
    expect(truncated.frames.length).toBeGreaterThan(10);
    expect(truncated.source.status).toMatchObject({ state: 'ended', error: { code: 'source-exited', message: expect.stringMatching(/cut\.mp4: the file is truncated: it holds \d\.\d s of the 8\.0 s/u) as string } });

    const broken = Buffer.from(bytes);
    const start = broken.indexOf('mdat') + 5000;
    for (let n = 0; n < 3000; n += 1) broken[start + ((n * 7919) % (broken.length - start))] = n % 256;
    const damaged = join(folder(), 'damaged.mp4');
    await writeFile(damaged, broken);
    const { frames, source } = await readAll(damaged);
    expect(frames.length).toBeGreaterThan(50);
    // Damaged pictures are unreadable, but no picture is shown with another one's input.
    expect(frames.filter((frame) => frame.display === frame.model).length).toBeGreaterThan(frames.length * 0.8);
    expect(source.status).toMatchObject({ state: 'ended', error: { code: 'source-exited', message: expect.stringMatching(/damaged/u) as string } });
  });

  it('finds nothing missing in a file whose edit list leaves out frames', async () => {
    const whole = await numberedClip({ name: 'edit.mp4', frames: 100, options: ['-bf', '2', '-g', '50', '-preset', 'fast'] });
    const { frames, source } = await readAll(await generated('edit-cut.mp4', ['-ss', '0.5', '-i', whole, '-c', 'copy']));
    expect(frames.length).toBeLessThan(100);
    expect(frames.map(({ display }) => display)).toEqual(upTo(frames.length).map((n) => n + 100 - frames.length));
    expect(source.status).toMatchObject({ state: 'ended', error: null });
  });

  it.each([
    ['missing.mp4', 'source-open', /missing\.mp4: no such file/u],
    ['text.mp4', 'source-open', /text\.mp4: not a complete video file/u],
    ['concat:a|b', 'source-open', /a source is rtsp/u],
  ])('fails once and plainly for %s', async (name, code, message) => {
    await writeFile(join(folder(), 'text.mp4'), 'only text\n'.repeat(99));
    const { source, states } = await readAll(name.startsWith('concat') ? name : join(folder(), name));
    expect(source.status).toMatchObject({ state: 'failed', error: { code, message: expect.stringMatching(message) as string } });
    expect(states.filter((status) => status.state === 'failed')).toHaveLength(1);
    expect(states.at(-1)?.restarts).toBe(0);
  });

  it('says what to install when ffmpeg is missing', async () => {
    const { source } = await readAll(await numberedClip({ name: 'plain5.mp4', frames: 5 }), { tools: { ...tools(), ffmpegPath: 'no-such-ffmpeg' } });
    expect(source.status).toMatchObject({ state: 'failed', error: { code: 'missing-program', message: expect.stringContaining('apt-get install ffmpeg') as string } });
  });

  it('gives up on a consumer that lets no frame go, instead of filling the memory', async () => {
    const held: VideoFrame[] = [];
    const { source } = await readAll(await numberedClip({ name: 'large.mp4', widthPx: 1280, heightPx: 720, frames: 40 }), { maxHeldFrames: 6, modelInputSize: { widthPx: 512, heightPx: 512 } }, (frame) => { held.push(frame); });
    expect(source.status).toMatchObject({ state: 'failed', error: { code: 'source-stalled', message: expect.stringMatching(/frames are waiting to be processed/u) as string } });
    expect(held.length).toBeLessThan(10);
    for (const frame of held) frame.release();
  });
});
