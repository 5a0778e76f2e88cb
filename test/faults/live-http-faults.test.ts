import { afterEach, describe, expect, it } from 'vitest';
import type { VideoFrame } from '../../src/core/frames.js';
import type { Letterbox } from '../../src/core/geometry.js';
import { numberedClip, numberOf } from '../helpers/clips.js';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { LiveVideoServer, type VideoScript } from '../helpers/live-video-server.js';
import { sourceHarness } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';
import { isAligned } from './alignment.js';
import { SeededRandom } from './seeded-random.js';
import { report } from './report.js';

/** What may happen to a live stream in mid-stream, with the targets of the fault list (F8, F10). */

const { watch } = sourceHarness();

const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function serve(script: VideoScript): Promise<LiveVideoServer> {
  const server = await LiveVideoServer.start(script);
  closers.push(() => server.close());
  return server;
}

describe('F8: a live stream with spoiled bytes', () => {
  it('goes on, and never puts a picture together with the input of another', async () => {
    const path = await numberedClip({ name: 'live-thousand.ts', frames: 1_000, options: ['-bf', '0'] });
    const server = await serve({ parts: [{ path, durationMs: 40_000 }], speed: 8, burstMs: 6_000 });
    const proxy = await FaultProxy.start(server.port);
    closers.push(() => proxy.close());
    const random = new SeededRandom(8);
    let spoiled = 0;
    const counts = { aligned: 0, misaligned: 0 };
    const { source, frames } = watch(`http://127.0.0.1:${String(proxy.port)}/live.ts`, { mode: 'live' }, (frame) => {
      counts[isAligned(frame.display, frame) ? 'aligned' : 'misaligned'] += 1;
      frame.release();
    });
    source.start();
    await until(() => frames.length >= 50, { timeoutMs: 20_000 });
    proxy.down.spoil = (piece) => {
      // A byte of 2000.
      for (let at = random.integer(0, 4_000); at < piece.length; at += random.integer(0, 4_000)) {
        piece.writeUInt8(random.integer(0, 255), at);
        spoiled += 1;
      }
    };
    await until(() => server.requests.at(-1)?.open === false, { timeoutMs: 20_000 });
    report('F8 live', { 'spoiled bytes': spoiled, frames: frames.length, misaligned: counts.misaligned, target: 0, 'restarts of ffmpeg': source.status.restarts });
    expect(spoiled).toBeGreaterThan(50);
    expect(frames.length).toBeGreaterThan(500);
    expect(counts.misaligned).toBe(0);
    expect(source.status.restarts).toBe(0);
  });
});

describe('F10: a live stream that changes its picture', () => {
  it.each([
    { to: 'a larger one', widthPx: 320, heightPx: 192, across: 160, down: 96 },
    { to: 'a narrower one', widthPx: 96, heightPx: 96, across: 96, down: 96 },
  ])('to $to goes on in less than a second, in the same size, with what it shows in its place', async ({ to, across, down, ...size }) => {
    const before = await numberedClip({ name: 'live-before.ts', frames: 200, options: ['-bf', '0'] });
    const after = await numberedClip({ name: `live-after-${to}.ts`, frames: 75, ...size, options: ['-bf', '0'] });
    const server = await serve({ parts: [{ path: before, durationMs: 8_000 }, { path: after, durationMs: 3_000 }], burstMs: 6_000 });
    const seen: { readonly atMs: number; readonly sizes: string; readonly before: number; readonly after: readonly [number, number] }[] = [];
    const { source } = watch(server.url, { mode: 'live' }, (frame) => {
      const { display, modelInput, letterbox } = frame;
      const [inDisplay, inModel] = placesOf(frame, { across, down });
      seen.push({
        atMs: performance.now(),
        sizes: [display, modelInput, letterbox.content].map(({ widthPx, heightPx }) => `${String(widthPx)}x${String(heightPx)}`).join(' '),
        before: numberOf(display),
        after: [numberOf(display, inDisplay), numberOf(modelInput, inModel)],
      });
      frame.release();
    });
    source.start();
    await until(() => server.requests.at(-1)?.open === false && server.requests.length > 1, { timeoutMs: 20_000 });
    // The last frame of the first picture is number 199.
    const change = seen.findIndex((frame) => frame.before === 199) + 1;
    const [last, first] = [seen[change - 1], seen[change]];
    if (last === undefined || first === undefined) throw new Error(`no change in ${JSON.stringify(seen.map((frame) => frame.before))}`);
    const gapMs = first.atMs - last.atMs;
    report(`F10 to ${to}`, { 'gap ms': gapMs, 'target ms': 1_000, 'frames before': change, 'frames after': seen.length - change });
    expect(gapMs).toBeLessThan(1_000);
    expect(source.status.restarts).toBe(0);
    expect(new Set(seen.map(({ sizes }) => sizes)).size).toBe(1);
    const changed = seen.slice(change).map((frame) => frame.after);
    expect(changed.length).toBeGreaterThan(60);
    expect(changed.map(([display]) => display)).toEqual(changed.map((_, index) => index + (changed[0]?.[0] ?? 0)));
    expect(changed.map(([, model]) => model)).toEqual(changed.map(([display]) => display));
  });
});

/** Where a picture of another shape lies in both sizes of a frame. */
function placesOf({ display, modelInput, letterbox: { offsetXPx, offsetYPx, content, source } }: VideoFrame, { across, down }: { readonly across: number; readonly down: number }): [Letterbox, Letterbox] {
  const inDisplay = { source, content: { widthPx: across, heightPx: down }, canvas: display, offsetXPx: Math.floor((display.widthPx - across) / 2), offsetYPx: Math.floor((display.heightPx - down) / 2) };
  const inContent = (px: number): number => Math.round((px * content.widthPx) / display.widthPx);
  const inModel = { source, content: { widthPx: inContent(across), heightPx: inContent(down) }, canvas: modelInput, offsetXPx: offsetXPx + inContent(inDisplay.offsetXPx), offsetYPx: offsetYPx + inContent(inDisplay.offsetYPx) };
  return [inDisplay, inModel];
}
