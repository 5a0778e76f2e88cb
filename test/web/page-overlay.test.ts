import { readFile } from 'node:fs/promises';
import { loadImage, createCanvas } from 'canvas';
import type { BrowserContextOptions, Page } from 'playwright-core';
import { beforeEach, describe, expect, it } from 'vitest';
import { classColour } from '../../src/core/class-colours.js';
import type { Detection } from '../../src/core/frames.js';
import type { WatchedPage } from '../helpers/browser.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { readLargeView, shownSeq } from '../helpers/viewer-page.js';

type Colour = readonly [number, number, number];
type Overlay = { readonly widthPx: number; readonly heightPx: number; readonly cssWidthPx: number; readonly pixelAt: (x: number, y: number) => readonly number[] };

const pages = usePage();
let watched: WatchedPage;

/** Edges on every third pixel of a picture that is 640 wide: whole numbers at three times its size. */
const PERSON: Detection = { classId: 1, label: 'person', score: 0.91, box: [64, 36, 320, 324] };
const BICYCLE: Detection = { classId: 2, label: 'bicycle', score: 0.66, box: [400, 100, 600, 300] };

beforeEach(() => {
  pages.directory.addStream('door');
});

async function open(options: BrowserContextOptions = {}): Promise<Page> {
  watched = await pages.open({ viewport: { width: 1000, height: 700 }, ...options });
  await watched.page.goto(`${pages.server.url}#/stream/door`);
  await until(async () => (await shownSeq(watched.page, 'door')) >= 0);
  await until(async () => (await watched.page.locator('canvas.overlay').count()) === 1, { what: 'boxes drawn by the page' });
  return watched.page;
}

/** The page's own drawing alone, in pixels of the screen: `[r, g, b, a]`. */
async function readOverlay(page: Page): Promise<Overlay> {
  const { widthPx, heightPx, cssWidthPx, base64 } = await page.locator('canvas.overlay').evaluate((canvas: HTMLCanvasElement) => {
    let binary = '';
    for (const byte of canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? []) binary += String.fromCharCode(byte);
    return { widthPx: canvas.width, heightPx: canvas.height, cssWidthPx: canvas.getBoundingClientRect().width, base64: btoa(binary) };
  });
  const rgba = Buffer.from(base64, 'base64');
  return { widthPx, heightPx, cssWidthPx, pixelAt: (x, y) => [...rgba.subarray((y * widthPx + x) * 4, (y * widthPx + x) * 4 + 4)] };
}

function rgbOf(classId: number): Colour {
  const hex = classColour(classId);
  return [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)) as unknown as Colour;
}

function isNear(colour: readonly number[], wanted: Colour): boolean {
  return wanted.every((value, channel) => Math.abs(value - (colour[channel] ?? 0)) < 40);
}

describe('boxes that the page draws', () => {
  it('lie on a picture without boxes, where the header of that very frame says', async () => {
    pages.directory.play('door', 12);
    // The picture is as wide here as the one that the boxes are in, 640: nothing is blurred when they are laid over each other.
    const page = await open({ viewport: { width: 928, height: 600 } });
    const seen = new Set<number>();
    await until(
      async () => {
        const { header, pixelAt } = await readLargeView(page);
        // The first may have come for a tile.
        if (header.render !== 'client') return false;
        const [x1, y1, x2, y2] = header.detections[0]?.box ?? [0, 0, 0, 0];
        const [middleX, middleY] = [(x1 + x2) / 2, (y1 + y2) / 2];
        for (const [x, y] of [[x1 + 1, middleY], [x2 - 1.5, middleY], [middleX, y1 + 1], [middleX, y2 - 1.5]] as const) {
          expect(isNear(pixelAt(x, y), rgbOf(1)), `frame ${String(header.seq)} at ${String(x)}, ${String(y)}: ${String(pixelAt(x, y))}`).toBe(true);
        }
        expect(isNear(pixelAt(middleX, middleY), rgbOf(1))).toBe(false);
        expect(isNear(pixelAt(x1 - 6, middleY), rgbOf(1))).toBe(false);
        seen.add(header.seq);
        return seen.size >= 6;
      },
      { what: 'six different frames' },
    );
    const renders = pages.directory.frames.findLast((frame) => frame.seq <= Math.max(...seen))?.renders;
    expect(renders?.every((rendition) => rendition.endsWith('|false'))).toBe(true);
    expect(watched.problems).toEqual([]);
  });

  it.each([1, 2, 3])('are as sharp as the screen, %i of its pixels to one of CSS, and lie on the rounded edges', async (deviceScaleFactor) => {
    pages.directory.offer('door', { detections: [PERSON, BICYCLE] });
    const page = await open({ deviceScaleFactor, viewport: { width: 928, height: 600 } });
    // The picture is 640 wide here, like the one that the boxes are in.
    const overlay = await readOverlay(page);
    expect(overlay.cssWidthPx).toBe(640);
    expect([overlay.widthPx, overlay.heightPx]).toEqual([640 * deviceScaleFactor, 360 * deviceScaleFactor]);
    for (const { classId, box } of [PERSON, BICYCLE]) {
      const [x1, y1, x2, y2] = box.map((edge) => edge * deviceScaleFactor) as [number, number, number, number];
      const middleY = (y1 + y2) / 2;
      const colour = [...rgbOf(classId), 255];
      expect(overlay.pixelAt(x1, middleY)).toEqual(colour);
      expect(overlay.pixelAt(x2 - 1, middleY)).toEqual(colour);
      expect(overlay.pixelAt((x1 + x2) / 2, y1)).toEqual(colour);
      expect(overlay.pixelAt((x1 + x2) / 2, y2 - 1)).toEqual(colour);
      // The dark line outside, then nothing; nothing inside.
      expect(overlay.pixelAt(x1 - 1, middleY)).toEqual([0x10, 0x14, 0x18, 255]);
      expect(overlay.pixelAt(x1 - deviceScaleFactor - 1, middleY)[3]).toBe(0);
      expect(overlay.pixelAt((x1 + x2) / 2, middleY)[3]).toBe(0);
    }
  });

  it('follow the picture when that gets another size', async () => {
    pages.directory.offer('door', { detections: [PERSON] });
    const page = await open();
    const before = await readOverlay(page);
    await page.setViewportSize({ width: 1288, height: 900 });
    await until(async () => {
      const overlay = await readOverlay(page);
      if (overlay.widthPx === before.widthPx || overlay.widthPx !== Math.round(overlay.cssWidthPx)) return false;
      return isNear(overlay.pixelAt(Math.round(64 * (overlay.widthPx / 640)) + 1, 200), rgbOf(1));
    });
  });

  it('show classes of the whole picture too, in the picture and in the list', async () => {
    pages.directory.offer('door', { detections: [], classes: [{ classId: 5, label: 'beach', score: 0.97 }] });
    const page = await open({ viewport: { width: 928, height: 600 } });
    const overlay = await readOverlay(page);
    expect(overlay.pixelAt(4, 4)).toEqual([...rgbOf(5), 255]);
    expect(await page.getByRole('list', { name: 'The whole picture' }).textContent()).toBe('beach0.97');
    expect(await page.locator('.now-none').isVisible()).toBe(false);
  });

  it('bring masks and keypoints along, at any size of the picture, and lose them with their class', async () => {
    const keypoints = [{ xPx: 90, yPx: 60, score: 0.9 }, { xPx: 120, yPx: 60, score: 0.1 }, { xPx: 150, yPx: 60, score: null }];
    // The lower half of the box.
    const mask = { widthPx: 1, heightPx: 2, data: Float32Array.of(0, 1), box: PERSON.box };
    pages.directory.offer('door', { detections: [{ ...PERSON, mask, keypoints }, BICYCLE] });
    const page = await open({ deviceScaleFactor: 2, viewport: { width: 1288, height: 900 } });
    const overlay = await readOverlay(page);
    const at = (x: number, y: number): readonly number[] => overlay.pixelAt(Math.round((x * overlay.widthPx) / 640), Math.round((y * overlay.widthPx) / 640));
    // Of what is four tenths opaque a canvas keeps the colour to within a step or two.
    for (const [x, y] of [[70, 190], [310, 190], [190, 318]] as const) {
      expect(at(x, y)[3]).toBe(0x66);
      expect(isNear(at(x, y), rgbOf(1))).toBe(true);
    }
    expect([at(190, 170)[3], at(330, 250)[3], at(120, 60)[3], at(500, 200)[3]]).toEqual([0, 0, 0, 0]);
    expect([at(90, 60), at(150, 60)]).toEqual([[...rgbOf(1), 255], [...rgbOf(1), 255]]);
    await page.locator('summary').click();
    await page.getByRole('checkbox', { name: 'person' }).uncheck();
    const without = await readOverlay(page);
    const shown = (x: number, y: number): number | undefined => without.pixelAt(Math.round((x * without.widthPx) / 640), Math.round((y * without.widthPx) / 640))[3];
    expect([shown(190, 250), shown(90, 60), shown(401, 200)]).toEqual([0, 0, 255]);
  });

  it('can be left to the server, which is remembered', async () => {
    pages.directory.play('door', 10, { detections: [PERSON] });
    const page = await open();
    const renderOfShown = async (): Promise<string | undefined> => (await readLargeView(page)).header.render;
    await page.locator('summary').click();
    await page.getByRole('radio', { name: 'server' }).check();
    await until(async () => (await renderOfShown()) === undefined);
    // Drawn once, not twice: the server's are red in these pictures.
    const { pixelAt } = await readLargeView(page);
    expect(isNear(pixelAt(64, 200), [255, 0, 0])).toBe(true);
    expect((await readOverlay(page)).pixelAt(320, 200)[3]).toBe(0);
    await page.reload();
    await until(async () => (await shownSeq(page, 'door')) >= 0);
    await page.locator('summary').click();
    expect(await page.getByRole('radio', { name: 'server' }).isChecked()).toBe(true);
    await page.getByRole('radio', { name: 'page' }).check();
    await until(async () => (await renderOfShown()) === 'client');
    expect(watched.problems).toEqual([]);
  });

  it('are in the picture that is saved, and only those that are to be seen', async () => {
    pages.directory.offer('door', { detections: [PERSON, BICYCLE] });
    const page = await open({ acceptDownloads: true });
    await page.locator('summary').click();
    await page.getByRole('checkbox', { name: 'bicycle' }).uncheck();
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Escape').then(() => page.getByRole('button', { name: 'Save this picture' }).click())]);
    expect(download.suggestedFilename()).toBe('door-0.jpg');
    const image = await loadImage(await readFile(await download.path()));
    expect([image.width, image.height]).toEqual([640, 360]);
    const context = createCanvas(640, 360).getContext('2d');
    context.drawImage(image, 0, 0);
    const at = (x: number, y: number): number[] => [...context.getImageData(x, y, 1, 1).data];
    expect(isNear(at(65, 200), rgbOf(1))).toBe(true);
    expect(isNear(at(401, 200), rgbOf(2))).toBe(false);
    expect(watched.problems).toEqual([]);
  });
});

describe('a box', () => {
  it('tells what is known of it when it is pointed at, and lets go again', async () => {
    pages.directory.setStatus('door', { widthPx: 1280, heightPx: 720 });
    pages.directory.offer('door', { detections: [{ ...PERSON, box: [128, 72, 640, 648], trackId: 7 } as Detection] });
    const page = await open();
    const card = page.locator('.box-card');
    expect(await card.isVisible()).toBe(false);
    const picture = await page.locator('.stream-view .picture').boundingBox();
    if (picture === null) throw new Error('no picture');
    await page.mouse.move(picture.x + picture.width * 0.3, picture.y + picture.height * 0.5);
    await until(() => card.isVisible());
    expect(await card.textContent()).toMatch(/person0\.91512 × 576 pxat 128, 72class 1 · track 7/);
    const box = await card.boundingBox();
    // Beside the box, inside the picture.
    expect(box?.x ?? 0).toBeGreaterThan(picture.x + picture.width * 0.5);
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeLessThanOrEqual(picture.x + picture.width);
    await page.mouse.move(picture.x + picture.width * 0.9, picture.y + picture.height * 0.5);
    await until(async () => !(await card.isVisible()));
  });

  it('tells the same to who focuses its row, with eyes or without', async () => {
    pages.directory.offer('door', { detections: [PERSON] });
    const page = await open();
    const row = page.locator('.now-row');
    await row.focus();
    await until(() => page.locator('.box-card').isVisible());
    const description = await row.evaluate((element) => document.getElementById(element.getAttribute('aria-describedby') ?? '')?.textContent);
    expect(description).toMatch(/person.*256 × 288 px.*at 64, 36.*class 1/);
  });

  it('tells it to a finger that taps it, until it taps beside', async () => {
    pages.directory.play('door', 5, { detections: [PERSON, BICYCLE] });
    const page = await open({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
    const picture = await page.locator('.stream-view .picture').boundingBox();
    if (picture === null) throw new Error('no picture');
    const tap = (x: number, y: number): Promise<void> => page.touchscreen.tap(picture.x + picture.width * x, picture.y + picture.height * y);
    await tap(0.75, 0.6);
    await until(async () => ((await page.locator('.box-card').textContent()) ?? '').includes('bicycle') && (await page.locator('.box-card').isVisible()));
    // It stays with the box while frames come.
    const seq = await shownSeq(page, 'door');
    await until(async () => (await shownSeq(page, 'door')) > seq + 2);
    expect(await page.locator('.box-card').isVisible()).toBe(true);
    await tap(0.56, 0.95);
    await until(async () => !(await page.locator('.box-card').isVisible()));
  });
});
