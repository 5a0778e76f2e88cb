import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeEach, describe, expect, it } from 'vitest';
import type { WatchedPage } from '../helpers/browser.js';
import { usePage } from '../helpers/page-fixture.js';
import { until } from '../helpers/until.js';
import { readLargeView, shownSeq } from '../helpers/viewer-page.js';

const pages = usePage();
let watched: WatchedPage;

beforeEach(async () => {
  watched = await pages.open({ viewport: { width: 1000, height: 700 } });
});

describe('the page', () => {
  it('weighs less than 150 KB compressed and has nothing inline', () => {
    const files = readdirSync(pages.folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(join(file.parentPath, file.name))).length, 0);
    expect(bytes).toBeLessThan(150_000);
    expect(readFileSync(join(pages.folder, 'index.html'), 'utf8')).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/i);
  });

  it('shows a moving picture of every stream, with its name, rate, age and what is on it', async () => {
    const { page, problems } = watched;
    for (const id of ['door', 'yard']) {
      pages.directory.addStream(id);
      pages.directory.play(id, 20);
    }
    await page.goto(pages.server.url);
    for (const id of ['door', 'yard']) {
      const first = await until(async () => { const seq = await shownSeq(page, id); return seq >= 0 ? { seq } : null; });
      await until(async () => (await shownSeq(page, id)) > first.seq + 5);
      const tile = page.locator(`[data-stream="${id}"]`);
      expect(await tile.getAttribute('data-state')).toBe('running');
      await until(async () => /Stream \w+.*live.*person.*\d fps.*\d ms/s.test((await tile.textContent()) ?? ''), { what: 'name, state, count, rate and age' });
    }
    const header = page.locator('header');
    await until(async () => /2 streams · 2 live.*detector ready 20 ms.*connected/.test((await header.textContent()) ?? ''), { what: 'the facts of the header' });
    expect(problems).toEqual([]);
  });

  it('has the boxes that the server draws where the header of that very frame says', async () => {
    const { page, problems } = watched;
    await page.addInitScript(() => { localStorage.setItem('sightline-drawing', 'server'); });
    pages.directory.addStream('door');
    pages.directory.play('door', 15);
    await page.goto(`${pages.server.url}#/stream/door`);
    const seen = new Set<number>();
    await until(
      async () => {
        if ((await page.locator('.stream-view .picture canvas.frame[data-header]').count()) === 0) return false;
        const { header, pixelAt } = await readLargeView(page);
        const [x1, y1, x2, y2] = header.detections[0]?.box ?? [0, 0, 0, 0];
        const [middleX, middleY] = [(x1 + x2) / 2, (y1 + y2) / 2];
        // The box walks by 1.5 % of the width with each frame: boxes of a neighbouring frame would be off by far more than their line.
        for (const [x, y] of [[x1, middleY], [x2, middleY], [middleX, y1], [middleX, y2]] as const) expect(isRed(pixelAt(x, y)), `frame ${String(header.seq)}`).toBe(true);
        expect(isRed(pixelAt(middleX, middleY))).toBe(false);
        expect(isRed(pixelAt(x1 - 8, middleY))).toBe(false);
        seen.add(header.seq);
        return seen.size >= 8;
      },
      { what: 'eight different frames' },
    );
    expect(problems).toEqual([]);
  });

  it('lists what is on this very frame, and links row and box', async () => {
    const { page } = watched;
    pages.directory.addStream('door');
    pages.directory.offer('door', {
      detections: [
        { classId: 1, label: 'person', score: 0.91, box: [64, 36, 320, 324] },
        { classId: 2, label: 'bicycle', score: 0.66, box: [400, 100, 600, 300] },
      ],
    });
    await page.goto(`${pages.server.url}#/stream/door`);
    const rows = page.locator('.now-row');
    await until(async () => (await rows.count()) === 2);
    expect(await rows.allTextContents()).toEqual(['person0.91', 'bicycle0.66']);

    await rows.first().focus();
    const highlight = page.locator('.highlight');
    await until(() => highlight.isVisible());
    const picture = await page.locator('.stream-view .picture').boundingBox();
    const mark = await highlight.boundingBox();
    if (picture === null || mark === null) throw new Error('nothing to measure');
    expect(mark.x - picture.x).toBeCloseTo(picture.width * 0.1, 0);
    expect(mark.width).toBeCloseTo(picture.width * 0.4, 0);
    expect(mark.y - picture.y).toBeCloseTo(picture.height * 0.1, 0);
    expect(mark.height).toBeCloseTo(picture.height * 0.8, 0);

    await page.mouse.move(picture.x + picture.width * 0.8, picture.y + picture.height * 0.5);
    await until(() => page.locator('li[data-marked]', { hasText: 'bicycle' }).isVisible());

    pages.directory.offer('door', { detections: [] });
    await until(async () => (await rows.count()) === 0 && !(await highlight.isVisible()));
    expect(await page.locator('.now').textContent()).toContain('Nothing detected on this frame.');
  });

  it('splits the age of the frame on the screen into where the time went', async () => {
    const { page } = watched;
    pages.directory.addStream('door', { counters: { decoded: 1200, shown: 1100, inFlight: 2, viewerSkipped: 5, dropped: { superseded: 90, deadline: 4 }, failed: { serving: 4 } } });
    pages.directory.play('door', 10);
    await page.goto(`${pages.server.url}#/stream/door`);
    const panel = page.locator('.panel');
    await until(async () => /capture4 ms.*queue1 ms.*predict20 ms.*draw3 ms.*wait\d+ ms.*send\d+ ms.*show\d+ ms/.test((await panel.textContent()) ?? ''), { what: 'seven parts' });
    expect(await panel.textContent()).toMatch(/decoded1,200shown1,100in flight2.*dropped94superseded90deadline4failed4serving4/);
  });

  it('asks only for what can be seen, and only as wide', async () => {
    const { page } = watched;
    for (let index = 0; index < 40; index += 1) pages.directory.addStream(`s${String(index)}`, { widthPx: 1920, heightPx: 1080 });
    pages.directory.offer('s0');
    await page.goto(pages.server.url);
    await until(() => pages.directory.watchers('s0') === 1);
    expect(pages.directory.watchers('s39')).toBe(0);
    await until(async () => (await shownSeq(page, 's0')) === 0);
    expect(pages.directory.frames[0]?.renders).toEqual(['320|true']);

    await page.locator('[data-stream="s39"]').scrollIntoViewIfNeeded();
    await until(() => pages.directory.watchers('s39') === 1 && pages.directory.watchers('s0') === 0);

    await page.keyboard.press('1');
    await until(() => pages.directory.watchers('s0') === 1 && pages.directory.watchers('s39') === 0);

    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { value: true, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await until(() => pages.directory.watchers('s0') === 0);
  });

  it('skips a picture that cannot be decoded and goes on', async () => {
    const { page, problems } = watched;
    let pictures = 0;
    await page.routeWebSocket('**/ws', (client) => {
      const upstream = client.connectToServer();
      upstream.onMessage((message) => {
        if (typeof message !== 'string') pictures += 1;
        client.send(typeof message !== 'string' && pictures % 3 !== 1 ? withoutPicture(message) : message);
      });
    });
    pages.directory.addStream('door');
    await page.goto(pages.server.url);
    await until(() => pages.directory.watchers('door') === 1);
    // Pictures 1, 4 and 7 are whole. Were the broken ones not acknowledged, the server would send no more after two of them.
    for (let count = 1; count <= 7; count += 1) {
      const frame = pages.directory.offer('door');
      await until(() => pictures === count);
      if (count % 3 === 1) await until(async () => (await shownSeq(page, 'door')) === frame.seq);
    }
    expect(problems).toEqual([]);
  });

  it('lets go of every picture that is replaced, and of all when the stream is removed', async () => {
    const { page } = watched;
    await page.addInitScript(() => {
      const original = window.createImageBitmap.bind(window);
      const counts = { made: 0, closed: 0 };
      ImageBitmap.prototype.close = new Proxy(ImageBitmap.prototype.close, {
        apply: (close, bitmap: ImageBitmap): void => {
          counts.closed += 1;
          close.call(bitmap);
        },
      });
      Object.assign(window, {
        bitmapCounts: counts,
        createImageBitmap: async (image: Blob) => {
          const bitmap = await original(image);
          counts.made += 1;
          return bitmap;
        },
      });
    });
    pages.directory.addStream('door');
    pages.directory.play('door', 40);
    await page.goto(pages.server.url);
    const counts = (): Promise<{ made: number; closed: number }> => page.evaluate(() => (window as unknown as { bitmapCounts: { made: number; closed: number } }).bitmapCounts);
    await until(async () => (await counts()).made > 60);
    const { made, closed } = await counts();
    // One on the screen, one waiting for the animation frame, one just decoded.
    expect(made - closed).toBeLessThanOrEqual(3);
    pages.directory.removeStream('door');
    await until(async () => { const now = await counts(); return now.made === now.closed; });
  });
});

/** The same message with something else where the JPEG was. */
function withoutPicture(message: Buffer): Buffer {
  return Buffer.concat([message.subarray(0, 4 + message.readUInt32LE(0)), Buffer.from('no JPEG')]);
}

function isRed([red, green, blue]: readonly [number, number, number]): boolean {
  return red > 180 && green < 110 && blue < 110 && red - Math.max(green, blue) > 110;
}
