import { afterAll, describe, expect, it } from 'vitest';

import { createAnnotator, type Annotator } from '../../src/annotation/annotator.js';
import { offerFrame } from '../../src/annotation/offered-frame.js';
import { AnnotationError, ClosedError } from '../../src/core/errors.js';
import type { AnnotatedFrame, Rendition } from '../../src/core/frames.js';
import { detected, detection, makeFrame, P360 } from './made-frames.js';
import { colourDistance, pictureOfJpeg } from './pictures.js';

const annotator = createAnnotator();
afterAll(() => annotator.close());

const DRAWN: Rendition = { maxWidthPx: null, drawn: true };

/** Passes calls on to the real annotator and records them. */
function recording(): Annotator & { readonly renditions: Rendition[] } {
  const renditions: Rendition[] = [];
  return {
    renditions,
    render: (frame, rendition) => {
      renditions.push(rendition);
      return annotator.render(frame, rendition);
    },
    drawRaw: (frame) => annotator.drawRaw(frame),
    close: () => Promise.resolve(),
  };
}

describe('an offered frame', () => {
  it('draws nothing until somebody asks', () => {
    const recorder = recording();
    const frame = makeFrame({ display: P360 });
    const offered = offerFrame(detected(frame), recorder);
    offered.release();
    expect(recorder.renditions).toEqual([]);
    expect(frame.holders).toBe(0);
  });

  it('draws each rendition once for all who ask', async () => {
    const recorder = recording();
    const offered = offerFrame(detected(makeFrame({ display: P360 }), [detection([200, 150, 400, 300])]), recorder);
    const answers = await Promise.all([offered.render(DRAWN), offered.render({ maxWidthPx: 640, drawn: true }), offered.render({ maxWidthPx: 9000, drawn: true }), offered.render({ maxWidthPx: 320, drawn: true }), offered.render({ maxWidthPx: null, drawn: false })]);
    expect(await offered.render(DRAWN)).toBe(answers[0]);
    expect(answers[1]).toBe(answers[0]);
    expect(answers[2]).toBe(answers[0]);
    expect(answers[3].widthPx).toBe(320);
    expect(answers[4]).not.toBe(answers[0]);
    expect(recorder.renditions).toHaveLength(3);
    offered.release();
  });

  it('shares the drawn and the plain picture when there is nothing to draw', async () => {
    const recorder = recording();
    const offered = offerFrame(detected(makeFrame({ display: P360 })), recorder);
    expect(await offered.render(DRAWN)).toBe(await offered.render({ maxWidthPx: null, drawn: false }));
    expect(recorder.renditions).toHaveLength(1);
    offered.release();
  });

  it('draws the caption of a frame without boxes, apart from the plain picture', async () => {
    const recorder = recording();
    const offered = offerFrame({ ...detected(makeFrame({ display: P360 })), classes: [{ classId: 1, label: 'beach', score: 0.97 }] }, recorder);
    const [drawn, plain] = await Promise.all([offered.render(DRAWN), offered.render({ maxWidthPx: null, drawn: false })]);
    expect(drawn).not.toBe(plain);
    expect([drawn.classes, plain.classes]).toEqual(Array(2).fill([{ classId: 1, label: 'beach', score: 0.97 }]));
    expect(recorder.renditions).toHaveLength(2);
    offered.release();
  });

  it('releases its frame once, at the last of several holders', () => {
    const frame = makeFrame({ display: P360 });
    const offered = offerFrame(detected(frame), annotator);
    offered.retain();
    offered.retain();
    offered.release();
    offered.release();
    expect(frame.holders).toBe(1);
    offered.release();
    expect(frame.holders).toBe(0);
    expect(() => offered.release()).toThrow(RangeError);
    expect(() => offered.retain()).toThrow(ClosedError);
    expect(frame.holders).toBe(0);
  });

  it('keeps its frame while a render waits or runs, and the picture is right', async () => {
    const busy = createAnnotator({ maxConcurrentRenders: 1 });
    const blocker = busy.render(detected(makeFrame({ display: P360 })), DRAWN);
    const frame = makeFrame({ display: P360, rgb: [10, 200, 30] });
    const offered = offerFrame(detected(frame), busy);
    const rendering = offered.render(DRAWN);
    const small = offered.render({ maxWidthPx: 100, drawn: true });
    offered.release();
    expect(frame.holders).toBe(1);
    const picture = await pictureOfJpeg((await rendering).jpeg);
    expect(colourDistance(picture.at(320, 180), '#0ac81e')).toBeLessThan(6);
    expect(colourDistance((await pictureOfJpeg((await small).jpeg)).at(50, 20), '#0ac81e')).toBeLessThan(6);
    expect(frame.holders).toBe(0);
    await blocker;
    await busy.close();
  });

  it('refuses to render after the last release', async () => {
    const offered = offerFrame(detected(makeFrame({ display: P360 })), annotator);
    await offered.render(DRAWN);
    offered.release();
    await expect(offered.render(DRAWN)).rejects.toThrow(ClosedError);
  });

  it('releases its frame also when drawing fails, and answers the same error again', async () => {
    const frame = makeFrame({ display: P360 });
    let calls = 0;
    const failing: Annotator = {
      render: (): Promise<AnnotatedFrame> => {
        calls += 1;
        return Promise.reject(new AnnotationError('no'));
      },
      drawRaw: () => Buffer.alloc(0),
      close: () => Promise.resolve(),
    };
    const offered = offerFrame(detected(frame), failing);
    await expect(offered.render(DRAWN)).rejects.toThrow(AnnotationError);
    await expect(offered.render(DRAWN)).rejects.toThrow(AnnotationError);
    expect(calls).toBe(1);
    offered.release();
    expect(frame.holders).toBe(0);
  });
});
