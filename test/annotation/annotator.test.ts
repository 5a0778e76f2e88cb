import { afterAll, describe, expect, it } from 'vitest';

import { createAnnotator } from '../../src/annotation/annotator.js';
import { AnnotationError, ClosedError } from '../../src/core/errors.js';
import { classColour } from '../../src/core/class-colours.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import { detected, detection, makeFrame, P1080, P360 } from './made-frames.js';
import { colourDistance, pictureOfJpeg } from './pictures.js';

const annotator = createAnnotator();
afterAll(() => annotator.close());

const DRAWN = { maxWidthPx: null, drawn: true };
const PLAIN = { maxWidthPx: null, drawn: false };

describe('render', () => {
  it('gives a JPEG of the display picture with boxes in its own pixels and the time it took', async () => {
    const source = detected(makeFrame({ display: P360, source: P1080, seq: 7 }), [detection([600, 450, 1200, 900])]);
    const metrics = createMetrics();
    const counting = createAnnotator({ metrics });
    const annotated = await counting.render(source, DRAWN);
    await counting.close();
    expect(annotated).toMatchObject({ streamId: 'made', seq: 7, ptsMs: 280, widthPx: 640, heightPx: 360, model: { name: 'test', version: '1' } });
    expect(annotated.detections).toEqual([detection([200, 150, 400, 300])]);
    expect(annotated.timingsMs).toMatchObject({ capture: 1, queue: 2, predict: 3 });
    expect(annotated.timingsMs.annotate).toBeGreaterThan(0);
    const picture = await pictureOfJpeg(annotated.jpeg);
    expect([picture.widthPx, picture.heightPx]).toEqual([640, 360]);
    expect(colourDistance(picture.at(200, 225), classColour(1))).toBeLessThan(100);
    expect(colourDistance(picture.at(300, 225), '#000000')).toBeLessThan(12);
    expect((await metrics.stageSeconds.get()).values.find((value) => value.metricName?.endsWith('_count'))?.value).toBe(1);
  });

  it('draws nothing when asked for the plain picture, but still tells the boxes', async () => {
    const annotated = await annotator.render(detected(makeFrame({ display: P360, rgb: [40, 80, 120] }), [detection([200, 150, 400, 300])]), PLAIN);
    const picture = await pictureOfJpeg(annotated.jpeg);
    for (const [x, y] of [[200, 225], [300, 150], [210, 140], [300, 225]] as const) expect(colourDistance(picture.at(x, y), '#285078')).toBeLessThan(6);
    expect(annotated.detections).toHaveLength(1);
  });

  it('scales down to the width asked for, boxes too', async () => {
    const source = detected(makeFrame({ display: P1080, rgb: [200, 200, 200] }), [detection([960, 540, 1440, 900])]);
    const annotated = await annotator.render(source, { maxWidthPx: 480, drawn: true });
    expect([annotated.widthPx, annotated.heightPx]).toEqual([480, 270]);
    expect(annotated.detections[0]?.box).toEqual([240, 135, 360, 225]);
    const picture = await pictureOfJpeg(annotated.jpeg);
    expect([picture.widthPx, picture.heightPx]).toEqual([480, 270]);
    expect(colourDistance(picture.at(300, 180), '#c8c8c8')).toBeLessThan(6);
    expect(colourDistance(picture.at(479, 269), '#c8c8c8')).toBeLessThan(6);
    expect(colourDistance(picture.at(241, 200), '#c8c8c8')).toBeGreaterThan(40);
  });

  it('scales masks and keypoints with their boxes', async () => {
    const mask = { widthPx: 1, heightPx: 1, data: Float32Array.of(1), box: [-96, 540, 1440, 900] as const };
    const source = detected(makeFrame({ display: P1080 }), [detection([0, 540, 1440, 900], { mask, keypoints: [{ xPx: 960, yPx: 540, score: 0.5 }] })]);
    const annotated = await annotator.render(source, { maxWidthPx: 480, drawn: false });
    expect(annotated.detections[0]?.keypoints).toEqual([{ xPx: 240, yPx: 135, score: 0.5 }]);
    expect(annotated.detections[0]?.mask).toEqual({ ...mask, box: [-24, 135, 360, 225] });
  });

  it('averages pixels when it scales down, so that fine detail does not flicker', async () => {
    const frame = makeFrame({ display: P360 });
    for (let pixel = 0; pixel < 640 * 360; pixel += 1) frame.display.data.fill(((pixel % 640) + Math.floor(pixel / 640)) % 2 === 0 ? 255 : 0, pixel * 4, pixel * 4 + 3);
    const picture = await pictureOfJpeg((await annotator.render(detected(frame), { maxWidthPx: 250, drawn: true })).jpeg);
    for (let x = 2; x < 248; x += 1) expect(colourDistance(picture.at(x, 70), '#808080')).toBeLessThan(24);
  });

  it('never scales up', async () => {
    const annotated = await annotator.render(detected(makeFrame({ display: P360 })), { maxWidthPx: 4000, drawn: true });
    expect([annotated.widthPx, annotated.heightPx]).toEqual([640, 360]);
  });

  it('makes larger files at a higher quality', async () => {
    const frame = makeFrame({ display: P360 });
    for (let index = 0; index < frame.display.data.length; index += 1) frame.display.data[index] = (index * 7919) >> 4;
    const sizes: number[] = [];
    for (const jpegQuality of [25, 60, 95]) {
      const one = createAnnotator({ jpegQuality });
      sizes.push((await one.render(detected(frame), DRAWN)).jpeg.length);
      await one.close();
    }
    expect(sizes[1]).toBeGreaterThan((sizes[0] ?? 0) * 1.3);
    expect(sizes[2]).toBeGreaterThan((sizes[1] ?? 0) * 1.3);
  });

  it('does not mix pictures of concurrent renders, of different sizes and widths', async () => {
    const jobs = Array.from({ length: 40 }, (_, seq) => {
      const rgb = [(seq * 53) % 256, (seq * 97) % 256, (seq * 29) % 256] as const;
      const display = seq % 3 === 0 ? P1080 : seq % 3 === 1 ? P360 : { widthPx: 360, heightPx: 641 };
      return { rgb, display, maxWidthPx: seq % 4 === 0 ? 200 : null, frame: makeFrame({ display, rgb, seq, streamId: `s${String(seq)}` }) };
    });
    const results = await Promise.all(jobs.map(({ frame, maxWidthPx }) => annotator.render(detected(frame), { maxWidthPx, drawn: true })));
    for (const [index, job] of jobs.entries()) {
      const result = results[index];
      expect(result?.seq).toBe(index);
      const picture = await pictureOfJpeg(result?.jpeg ?? Buffer.alloc(0));
      expect(picture.widthPx).toBe(job.maxWidthPx ?? job.display.widthPx);
      const wanted = `#${job.rgb.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
      for (const [x, y] of [[0.02, 0.02], [0.5, 0.5], [0.98, 0.98]] as const) expect(colourDistance(picture.at(Math.floor(picture.widthPx * x), Math.floor(picture.heightPx * y)), wanted)).toBeLessThan(8);
    }
  });

  it('refuses pixels that do not fit the size, naming the frame', async () => {
    const frame = makeFrame({ display: P360, seq: 12 });
    const broken = { ...frame, display: { ...frame.display, data: frame.display.data.subarray(4) } };
    await expect(annotator.render(detected(broken), DRAWN)).rejects.toThrow(AnnotationError);
    await expect(annotator.render(detected(broken), DRAWN)).rejects.toThrow(/Frame 12 of made/);
    expect(() => annotator.drawRaw(detected(broken))).toThrow(AnnotationError);
    // Neither failure may have cost a canvas.
    await Promise.all(Array.from({ length: 6 }, () => annotator.render(detected(frame), DRAWN)));
  });

  it('turns renders away when too many wait', async () => {
    const one = createAnnotator({ maxConcurrentRenders: 1 });
    const source = detected(makeFrame({ display: { widthPx: 64, heightPx: 36 } }));
    const outcomes = await Promise.allSettled(Array.from({ length: 200 }, () => one.render(source, DRAWN)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(129);
    await one.close();
  });

  it('lets running renders finish on close, refuses later ones, and closes twice', async () => {
    const one = createAnnotator({ maxConcurrentRenders: 1 });
    const source = detected(makeFrame({ display: P360 }));
    const running = one.render(source, DRAWN);
    const waiting = one.render(source, DRAWN);
    const waitingOutcome = expect(waiting).rejects.toThrow(ClosedError);
    const closing = one.close();
    await closing;
    await one.close();
    expect((await running).jpeg.length).toBeGreaterThan(0);
    await waitingOutcome;
    await expect(one.render(source, DRAWN)).rejects.toThrow(ClosedError);
    expect(() => one.drawRaw(source)).toThrow(ClosedError);
  });

  it.each([0, 24, 101, Number.NaN])('refuses the quality %d', (jpegQuality) => {
    expect(() => createAnnotator({ jpegQuality })).toThrow(RangeError);
  });

  it('keeps memory flat over 300 frames of changing sizes', async () => {
    const one = createAnnotator();
    const frames = [P1080, { widthPx: 1280, heightPx: 720 }, P360].map((display) => detected(makeFrame({ display, rgb: [90, 120, 60] }), [detection([100, 100, 300, 300])]));
    const burn = async (count: number): Promise<void> => {
      for (let index = 0; index < count; index += 3) {
        await Promise.all(frames.map((frame) => one.render(frame, { maxWidthPx: index % 2 === 0 ? null : 320, drawn: true })));
        if (index % 10 === 0) for (const frame of frames) one.drawRaw(frame);
      }
    };
    await burn(60);
    const before = process.memoryUsage.rss();
    await burn(300);
    // A canvas per frame would add 300 x 3.7 MB on average here.
    expect(process.memoryUsage.rss() - before).toBeLessThan(100e6);
    await one.close();
  });
});
