import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberedClip, type NumberedClip } from '../helpers/clips.js';
import { sourceHarness } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';

const { watch, readAll } = sourceHarness();

const CLIPS: Readonly<Record<string, NumberedClip & { readonly fps?: number }>> = {
  'B-frames': { name: 'seek-b.mp4', frames: 120, options: ['-bf', '3', '-g', '50', '-preset', 'fast'] },
  'a variable rate': { name: 'seek-vfr.mkv', frames: 90, filters: "select='not(between(mod(n,30),10,24))',setpts='PTS+if(gte(N,20),3/TB,0)'", options: ['-fps_mode', 'vfr', '-g', '20'] },
  'a transport stream that starts late': { name: 'seek.ts', frames: 100, rate: '30000/1001', options: ['-muxdelay', '5', '-g', '25'] },
  'a limited rate': { name: 'seek-b.mp4', frames: 120, options: ['-bf', '3', '-g', '50', '-preset', 'fast'], fps: 7 },
  'a rate of 1 in 2 seconds': { name: 'seek-slides.mp4', frames: 12, rate: '1/2', options: ['-g', '5'] },
};

type Move = { readonly kind: 'position'; readonly part: number } | { readonly kind: 'step'; readonly frames: number } | { readonly kind: 'play'; readonly frames: number };
const move: fc.Arbitrary<Move> = fc.oneof(
  fc.double({ min: -0.1, max: 1.2, noNaN: true }).map((part): Move => ({ kind: 'position', part: Math.max(0, part) })),
  fc.integer({ min: -40, max: 40 }).filter((frames) => frames !== 0).map((frames): Move => ({ kind: 'step', frames })),
  fc.integer({ min: 1, max: 10 }).map((frames): Move => ({ kind: 'play', frames })),
);

describe.each(Object.entries(CLIPS))('a replay of %s', (_name, { fps, ...clip }) => {
  it('shows the same frame at a position, whichever way one came to it', async () => {
    const path = await numberedClip(clip);
    const options = { fps: fps ?? null };
    const { frames: all } = await readAll(path, options);
    const [first] = all;
    if (first === undefined) throw new Error('no frames');
    const lengthMs = (all.at(-1)?.ptsMs ?? 0) - first.ptsMs;
    expect(all.length).toBeGreaterThan(8);
    await fc.assert(
      fc.asyncProperty(fc.array(move, { minLength: 1, maxLength: 6 }), async (moves) => {
        const { source, frames } = watch(path, options);
        source.start();
        source.request(1);
        await until(() => frames.length === 1);
        let at = 0;
        for (const each of moves) {
          const seen = frames.length;
          if (each.kind === 'play') {
            const count = Math.min(each.frames, all.length - 1 - at);
            source.request(count);
            await until(() => frames.length === seen + count);
            expect(frames.slice(seen).map(({ display, ptsMs }) => [display, ptsMs])).toEqual(all.slice(at + 1, at + 1 + count).map(({ display, ptsMs }) => [display, ptsMs]));
            at += count;
            continue;
          }
          if (each.kind === 'step' && each.frames > 0 && at === all.length - 1) continue;
          const positionMs = each.kind === 'position' ? each.part * lengthMs : 0;
          at = each.kind === 'position' ? all.findLastIndex(({ ptsMs }) => ptsMs - first.ptsMs <= positionMs + 0.01) : Math.min(all.length - 1, Math.max(0, at + each.frames));
          const seq = source.seek(each.kind === 'position' ? { positionMs } : { fromPtsMs: frames.at(-1)?.ptsMs ?? 0, frames: each.frames });
          source.request(1);
          await until(() => frames.length === seen + 1, { timeoutMs: 8_000, what: `${JSON.stringify(each)} to ${String(at)}` });
          expect(frames.at(-1)).toEqual({ ...all[at], seq });
        }
        await source.close();
      }),
      { numRuns: 6, seed: 7 },
    );
  });
});

describe('seeking', () => {
  it('takes the newest of many, with one ffmpeg at a time, and goes on from an end', async () => {
    const path = await numberedClip({ name: 'seek-b.mp4', frames: 120, options: ['-bf', '3', '-g', '50', '-preset', 'fast'] });
    const { source, frames } = watch(path);
    source.start();
    source.request(1);
    await until(() => frames.length === 1);
    for (let n = 1; n <= 50; n += 1) source.seek({ positionMs: n * 40 });
    source.request(2);
    await until(() => frames.length === 3);
    expect(frames.map(({ display }) => display)).toEqual([0, 50, 51]);
    source.request(Infinity);
    await until(() => source.status.state === 'ended');
    expect(frames.at(-1)?.display).toBe(119);
    source.seek({ fromPtsMs: frames.at(-1)?.ptsMs ?? 0, frames: -1 });
    await until(() => source.status.state === 'ended' && frames.at(-2)?.display === 118);
    expect(frames.slice(-2).map(({ display }) => display)).toEqual([118, 119]);
  });

  it('keeps a position that is asked for before the first frame', async () => {
    const { source, frames } = watch(await numberedClip({ name: 'seek-b.mp4', frames: 120, options: ['-bf', '3', '-g', '50', '-preset', 'fast'] }));
    source.seek({ positionMs: 1000 });
    source.start();
    source.request(1);
    await until(() => frames.length === 1);
    expect(frames[0]?.display).toBe(25);
  });
});
