import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { VideoFrame } from '../../src/core/frames.js';
import { generated, numberedClip, numberOf, pixelAt, rotatedClip } from '../helpers/clips.js';
import { sourceHarness, upTo } from '../helpers/source-harness.js';

const { folder, readAll } = sourceHarness();

describe('the frames of a source', () => {
  it('come once each, both sizes and the time of the same frame, 30000/1001 exactly', async () => {
    const { frames, source } = await readAll(await numberedClip({ name: 'ntsc.mp4', rate: '30000/1001', frames: 90 }));
    expect(frames.map((frame) => frame.display)).toEqual(upTo(90));
    expect(frames.map((frame) => frame.model)).toEqual(upTo(90));
    expect(frames.map((frame) => frame.seq)).toEqual(upTo(90));
    expect(frames.map((frame) => frame.ptsMs)).toEqual(upTo(90).map((n) => (n * 1001 * 1000) / 30_000));
    expect(source.status).toMatchObject({ state: 'ended', error: null, declaredFps: 30_000 / 1001, declaredRate: { num: 30_000, den: 1001 }, frameCount: 90 });
  });

  it.each([
    ['mkv', []],
    ['avi', ['-bf', '0']],
    ['webm', ['-c:v', 'libvpx', '-deadline', 'realtime', '-b:v', '2M']],
    ['h264', []],
    ['ts', []],
  ])('come once each from .%s', async (extension, options) => {
    const { frames, source } = await readAll(await numberedClip({ name: `all.${extension}`, frames: 50, options }));
    expect(frames.map((frame) => frame.display)).toEqual(upTo(50));
    expect(frames.map((frame) => frame.model)).toEqual(upTo(50));
    for (const [n, frame] of frames.entries()) expect(frame.ptsMs - (frames[0]?.ptsMs ?? 0)).toBeCloseTo(n * 40, 6);
    expect(source.status).toMatchObject({ state: 'ended', error: null });
  });

  it('neither lose nor invent one at a variable rate, and keep their times', async () => {
    // frames 0, 1, 4, 9, 16, … of 25 a second: gaps that grow
    const path = await numberedClip({ name: 'variable.mp4', frames: 12, filters: "select='eq(floor(sqrt(n))*floor(sqrt(n)),n)'", options: ['-vsync', 'passthrough'] });
    const { frames, source } = await readAll(path);
    const squares = upTo(12).map((n) => n * n);
    expect(frames.map((frame) => frame.display)).toEqual(squares);
    expect(frames.map((frame) => frame.model)).toEqual(squares);
    expect(frames.map((frame) => frame.ptsMs)).toEqual(squares.map((n) => n * 40));
    expect(source.status).toMatchObject({ state: 'ended', error: null });
  });

  it('keep the clock of a transport stream, which does not start at 0', async () => {
    const { frames, source } = await readAll(await numberedClip({ name: 'start.ts', frames: 20, options: ['-bf', '0'] }));
    expect(frames[0]?.ptsMs).toBeGreaterThan(1000);
    expect(source.status.startPtsMs).toBe(frames[0]?.ptsMs);
    expect(frames.map((frame) => frame.display)).toEqual(upTo(20));
  });

  it.each([
    { name: 'odd.mp4', widthPx: 161, heightPx: 97, display: { widthPx: 161, heightPx: 97 }, box: { widthPx: 128, heightPx: 77 } },
    { name: 'portrait.mp4', widthPx: 96, heightPx: 160, display: { widthPx: 96, heightPx: 160 }, box: { widthPx: 77, heightPx: 128 } },
    { name: 'wide.mp4', widthPx: 160, heightPx: 96, filters: 'setsar=4/3', display: { widthPx: 213, heightPx: 96 }, box: { widthPx: 128, heightPx: 58 } },
  ])('have the right shape in both sizes: $name', async ({ display, box, ...clip }) => {
    const seen: VideoFrame[] = [];
    const { frames } = await readAll(await numberedClip({ ...clip, frames: 20 }), {}, (frame) => { seen.push(frame); });
    expect(frames.map((frame) => [frame.display, frame.model])).toEqual(upTo(20).map((n) => [n, n]));
    const [frame] = seen;
    expect(frame).toMatchObject({ sourceSize: display, display: { ...display, format: 'rgba' }, modelInput: { widthPx: 128, heightPx: 128, format: 'rgb24' }, letterbox: { content: box } });
    expect([frame?.display.data.length, frame?.modelInput.data.length]).toEqual([4 * display.widthPx * display.heightPx, 3 * 128 * 128]);
    for (const each of seen) each.release();
  });

  it('stand upright when the file says how to turn them, with grey 114 around the model input', async () => {
    // red, green / blue, white quarters
    const quarters = 'drawbox=x=0:y=0:w=80:h=48:c=red:t=fill,drawbox=x=80:y=0:w=80:h=48:c=lime:t=fill,drawbox=x=0:y=48:w=80:h=48:c=blue:t=fill,drawbox=x=80:y=48:w=80:h=48:c=white:t=fill';
    const plain = await generated('quarters.mp4', ['-f', 'lavfi', '-i', 'color=black:s=160x96:r=25', '-vf', quarters, '-frames:v', '3', '-c:v', 'libx264', '-crf', '8', '-pix_fmt', 'yuv444p']);
    // corners after the turn: top left, top right, bottom left, bottom right
    const rows = [
      { degrees: 0, corners: ['red', 'lime', 'blue', 'white'] },
      { degrees: 90, corners: ['blue', 'red', 'white', 'lime'] },
      { degrees: 180, corners: ['white', 'blue', 'lime', 'red'] },
      { degrees: 270, corners: ['lime', 'white', 'red', 'blue'] },
    ];
    for (const { degrees, corners } of rows) {
      const seen: VideoFrame[] = [];
      await readAll(degrees === 0 ? plain : await rotatedClip(`quarters-${String(degrees)}.mp4`, plain, degrees), {}, (frame) => { seen.push(frame); });
      const [frame] = seen;
      if (frame === undefined) throw new Error('no frame');
      const { widthPx, heightPx } = frame.display;
      expect([widthPx, heightPx]).toEqual(degrees % 180 === 0 ? [160, 96] : [96, 160]);
      const places = [[8, 8], [widthPx - 8, 8], [8, heightPx - 8], [widthPx - 8, heightPx - 8]] as const;
      expect(places.map(([x, y]) => colourName(pixelAt(frame.display, x, y)))).toEqual(corners);
      const { content, offsetXPx, offsetYPx } = frame.letterbox;
      expect([pixelAt(frame.modelInput, offsetXPx + 5, offsetYPx + 5), pixelAt(frame.modelInput, offsetXPx + content.widthPx - 5, offsetYPx + content.heightPx - 5)].map(colourName)).toEqual([corners[0], corners[3]]);
      expect(pixelAt(frame.modelInput, 1, 1)).toEqual([114, 114, 114]);
      expect(pixelAt(frame.modelInput, 126, 126)).toEqual([114, 114, 114]);
      for (const each of seen) each.release();
    }
  });

  it('are scaled down to widthPx, never up', async () => {
    const path = await numberedClip({ name: 'plain.mp4', frames: 5 });
    expect((await readAll(path, { widthPx: 80 })).source.status.displaySize).toEqual({ widthPx: 80, heightPx: 48 });
    expect((await readAll(path, { widthPx: 800 })).source.status.displaySize).toEqual({ widthPx: 160, heightPx: 96 });
  });
});

describe('fps', () => {
  it.each([
    ['25', 10], ['25', 5], ['25', 24], ['25', 1], ['30000/1001', 10], ['30000/1001', 25], ['25', 25], ['25', 60],
  ])('of %s keeps, for %d a second, exactly the frames nearest to the grid', async (rate, fps) => {
    const { frames } = await readAll(await numberedClip({ name: `grid-${rate.replace('/', '-')}.mp4`, rate, frames: 120 }), { fps });
    const [num, den = 1] = rate.split('/').map(Number);
    const timeMs = (n: number): number => (n * den * 1000) / (num ?? 1);
    const nearest = new Set<number>();
    // The earlier of two that are equally near; a point beyond the last frame's own time has no frame.
    for (let point = 0; point * 1000 / fps < timeMs(119) + timeMs(1) / 2 - 1e-3; point += 1) {
      const distances = upTo(120).map((n) => Math.abs(timeMs(n) - (point * 1000) / fps));
      nearest.add(distances.findIndex((distance) => distance <= Math.min(...distances) + 1e-3));
    }
    expect(frames.map((frame) => frame.display)).toEqual([...nearest]);
    expect(frames.map((frame) => frame.ptsMs)).toEqual([...nearest].map(timeMs));
  });

  it('drops frames of a variable rate, invents none and repeats none', async () => {
    const path = await numberedClip({ name: 'variable.mp4', frames: 12, filters: "select='eq(floor(sqrt(n))*floor(sqrt(n)),n)'", options: ['-vsync', 'passthrough'] });
    const { frames } = await readAll(path, { fps: 5 });
    const numbers = frames.map((frame) => frame.display);
    expect(numbers[0]).toBe(0);
    expect(new Set(numbers).size).toBe(numbers.length);
    // at most one frame for each 200 ms, and after a gap the first that comes
    expect(numbers).toEqual(expect.arrayContaining([16, 25, 36, 49, 64, 81, 100, 121]));
    expect(frames.map((frame) => frame.ptsMs)).toEqual(numbers.map((n) => n * 40));
  });
});

function colourName([red, green, blue]: readonly [number, number, number]): string {
  return { '100': 'red', '010': 'lime', '001': 'blue', '111': 'white', '000': 'black' }[[red, green, blue].map((value) => (value > 127 ? 1 : 0)).join('')] ?? 'other';
}

describe('a source that changes in mid-stream', () => {
  it.each([
    { to: 'a smaller picture of the same shape', widthPx: 80, heightPx: 48, codec: ['-bf', '0'], across: 160, down: 96 },
    { to: 'a larger and narrower one', widthPx: 192, heightPx: 192, codec: ['-bf', '0'], across: 96, down: 96 },
    { to: 'a wider one', widthPx: 320, heightPx: 96, codec: ['-bf', '0'], across: 160, down: 48 },
    { to: 'one whose pixels are wide', widthPx: 80, heightPx: 96, codec: ['-bf', '0'], filters: 'setsar=2', across: 160, down: 96 },
  ])('keeps its frames, and what was found on them in place: $to', async ({ to, codec, across, down, ...size }) => {
    const first = await numberedClip({ name: 'before.ts', frames: 30, options: ['-bf', '0'] });
    const second = await numberedClip({ name: `after-${to}.ts`, frames: 30, ...size, options: codec });
    const joined = join(folder(), `${to}.ts`);
    await writeFile(joined, Buffer.concat([await readFile(first), await readFile(second)]));
    const last: { display: number; model: number; topLeft: readonly number[]; modelTopLeft: readonly number[] }[] = [];
    const { frames, source } = await readAll(joined, {}, (frame) => {
      const { display, modelInput, letterbox: { offsetXPx, offsetYPx, content, source } } = frame;
      const inDisplay = { source, content: { widthPx: across, heightPx: down }, canvas: display, offsetXPx: Math.floor((160 - across) / 2), offsetYPx: Math.floor((96 - down) / 2) };
      // The same part of the picture in the model's input.
      const inContent = (px: number): number => Math.round((px * content.widthPx) / 160);
      const inModel = { source, content: { widthPx: inContent(across), heightPx: inContent(down) }, canvas: modelInput, offsetXPx: offsetXPx + inContent(inDisplay.offsetXPx), offsetYPx: offsetYPx + inContent(inDisplay.offsetYPx) };
      last.push({ display: numberOf(display, inDisplay), model: numberOf(modelInput, inModel), topLeft: pixelAt(display, 0, 0), modelTopLeft: pixelAt(modelInput, Math.ceil(offsetXPx), Math.ceil(offsetYPx)) });
      frame.release();
    });
    expect(source.status).toMatchObject({ state: 'ended', error: null, restarts: 0 });
    // The first frames of the new stream may be lost with its first key frame.
    expect(frames.slice(0, 30).map((frame) => frame.display)).toEqual(upTo(30));
    const changed = last.slice(30);
    expect(changed.length).toBeGreaterThanOrEqual(28);
    expect(changed.map(({ display }) => display)).toEqual(upTo(30).slice(-changed.length));
    expect(changed.map(({ model }) => model)).toEqual(changed.map(({ display }) => display));
    if (across < 160 || down < 96) {
      expect(changed.at(-1)?.topLeft).toEqual([0, 0, 0]);
      expect(changed.at(-1)?.modelTopLeft).toEqual([114, 114, 114]);
    }
  });
});
