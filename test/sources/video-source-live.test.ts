import { describe, expect, it } from 'vitest';
import { numberedClip } from '../helpers/clips.js';
import { processState, runs, sourceHarness, upTo } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';

const { watch } = sourceHarness();

describe('a live source', () => {
  const live = { mode: 'live' } as const;

  it('plays a file at its own speed and is drained although nobody asks', async () => {
    const startMs = performance.now();
    const { source, frames } = watch(await numberedClip({ name: 'plain50.mp4', frames: 50 }), live);
    source.start();
    await until(() => source.status.state === 'ended', { timeoutMs: 10_000 });
    expect(frames.map((frame) => frame.display)).toEqual(upTo(50));
    expect(performance.now() - startMs).toBeGreaterThan(1700);
  });

  it('loops the demo with growing times', async () => {
    const clip = await numberedClip({ name: 'plain10.mp4', frames: 10 });
    const { source, frames } = watch('demo:street', { ...live, demoClip: () => Promise.resolve(clip) });
    source.start();
    await until(() => frames.length >= 25);
    expect(frames.slice(0, 25).map((frame) => frame.display)).toEqual(upTo(25).map((n) => n % 10));
    expect(frames.slice(0, 25).map((frame) => frame.ptsMs)).toEqual(upTo(25).map((n) => n * 40));
  });

  it('starts again when its ffmpeg is killed; seq goes on', async () => {
    const { source, frames, states } = watch(await numberedClip({ name: 'plain10.mp4', frames: 10 }), { ...live, loop: true });
    source.start();
    await until(() => frames.length >= 3);
    const { pid } = source;
    process.kill(pid ?? 0, 'SIGKILL');
    await until(() => source.status.state === 'reconnecting');
    expect(source.status.error).toMatchObject({ code: 'source-exited', message: expect.stringContaining('SIGKILL') as string });
    const before = frames.length;
    await until(() => frames.length > before + 3);
    expect(source.status).toMatchObject({ state: 'running', error: null });
    expect(source.pid).not.toBe(pid);
    expect(frames.map((frame) => frame.seq)).toEqual(upTo(frames.length));
    expect(states.map((status) => status.state)).toContain('reconnecting');
  });

  it('tries again when this machine runs short of something for a moment', async () => {
    const path = await numberedClip({ name: 'plain10.mp4', frames: 10 });
    const { source, frames } = watch(path, { ...live, loop: true });
    const { TMPDIR } = process.env;
    // Without a folder for temporary files no pipe can be made.
    process.env['TMPDIR'] = '/nonexistent';
    try {
      source.start();
      await until(() => source.status.error !== null);
      expect(source.status).toMatchObject({ state: 'reconnecting', error: { code: 'source-open' } });
    } finally {
      if (TMPDIR === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = TMPDIR;
    }
    await until(() => frames.length > 0);
  });

  it('replaces an ffmpeg that hangs', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'plain10.mp4', frames: 10 }), { ...live, loop: true });
    source.start();
    await until(() => frames.length >= 3);
    const { pid } = source;
    process.kill(pid ?? 0, 'SIGSTOP');
    await until(() => source.status.state === 'reconnecting', { timeoutMs: 8000 });
    expect(source.status.error).toMatchObject({ code: 'source-stalled', message: expect.stringMatching(/plain10\.mp4: no frame for \d+\.\d s/u) as string });
    const before = frames.length;
    await until(() => frames.length > before, { timeoutMs: 15_000 });
    expect(runs(pid)).toBe(false);
  });

  it('retries a refused address for ever, and close ends that', async () => {
    const { source, states } = watch('rtsp://user:hush-hush@127.0.0.1:9/stream', live);
    source.start();
    await until(() => source.status.state === 'reconnecting');
    await source.close();
    expect(source.status.state).toBe('stopped');
    expect(JSON.stringify(states)).not.toContain('hush-hush');
    expect(states.at(-2)?.error?.message).toMatch(/connection refused/u);
  });

  it('stops for a pause and starts for play', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'plain10.mp4', frames: 10 }), { ...live, loop: true });
    source.start();
    await until(() => frames.length >= 2);
    const { pid } = source;
    source.pause();
    await until(() => !runs(pid));
    expect(source.status.state).toBe('paused');
    const before = frames.length;
    source.play();
    await until(() => frames.length > before);
    expect(source.status.state).toBe('running');
  });
});

describe('close', () => {
  it('leaves no process, twice, at every moment', async () => {
    const path = await numberedClip({ name: 'plain100.mp4', frames: 100 });
    for (const moment of ['before start', 'probing', 'first frame', 'held', 'ended'] as const) {
      const { source, frames, states } = watch(path, { mode: 'replay' });
      if (moment !== 'before start') source.start();
      if (moment === 'first frame' || moment === 'held') source.request(1);
      if (moment === 'ended') source.request(Infinity);
      if (moment === 'first frame' || moment === 'held') await until(() => frames.length === 1);
      if (moment === 'held') await until(() => processState(source.pid) === 'S');
      if (moment === 'ended') await until(() => source.status.state === 'ended');
      const { pid } = source;
      await Promise.all([source.close(), source.close()]);
      await source.close();
      expect(runs(pid), moment).toBe(false);
      expect(source.status.state, moment).toBe(moment === 'ended' ? 'ended' : 'stopped');
      const told = states.length;
      source.start();
      source.play();
      source.request(1);
      expect(states.length, moment).toBe(told);
    }
  });

  it('kills an ffmpeg that does not answer within 2 s', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'plain100.mp4', frames: 100 }), { mode: 'live' });
    source.start();
    await until(() => frames.length > 0);
    const { pid } = source;
    process.kill(pid ?? 0, 'SIGSTOP');
    const startMs = performance.now();
    await source.close();
    expect(performance.now() - startMs).toBeLessThan(3500);
    expect(runs(pid)).toBe(false);
  });

  it('can be called from within onFrame', async () => {
    const closing: Promise<void>[] = [];
    const { source, frames } = watch(await numberedClip({ name: 'plain100.mp4', frames: 100 }), {}, (frame) => {
      frame.release();
      closing.push(source.close());
    });
    source.start();
    source.request(Infinity);
    await until(() => closing.length > 0);
    await Promise.all(closing);
    expect(frames).toHaveLength(1);
  });
});
