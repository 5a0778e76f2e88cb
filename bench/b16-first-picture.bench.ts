import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../test/helpers/browser.js';
import { FakeDirectory } from '../test/helpers/fake-directory.js';
import { buildPage, serveViewers } from '../test/helpers/viewer-page.js';
import type { Benchmark, BenchmarkContext, PreparedBenchmark, Sample } from './harness/benchmark.js';

const LIMIT_MS = 1000;
const FPS = 25;
const SIZE = { widthPx: 1280, heightPx: 720 };

/** What someone waits for who opens the page. */
export const benchmark: Benchmark = {
  id: 'B16',
  name: 'first picture',
  what: 'from the click on the address to a picture of a live 1280x720 stream on the screen, in Chromium on loopback, nothing cached; beside it an <img> on our MJPEG',
  prepare,
};

async function prepare({ quick }: BenchmarkContext): Promise<PreparedBenchmark> {
  const opens = quick ? 2 : 5;
  const [page, browser] = await Promise.all([buildPage(), launchBrowser()]);
  const directory = new FakeDirectory();
  directory.addStream('door', SIZE);
  directory.play('door', FPS);
  const server = await serveViewers(directory, page.folder);
  const kilobytes = weightOf(page.folder) / 1024;
  const figures = { pageKiB: kilobytes };
  return {
    contenders: [
      { name: 'sightline', run: async () => ({ ...(await inTurn(opens, () => untilPicture(browser, server.url))), figures }) },
      { name: '<img> on mjpeg', run: () => inTurn(opens, () => untilImage(browser, `${server.url}api/streams/door/mjpeg`)) },
      { name: 'the limit', run: () => Promise.resolve(sampleOf([LIMIT_MS])) },
    ],
    goals: [
      { metric: 'p50Ms', ours: 'sightline', peer: 'the limit', direction: 'at-most', base: 1, moonshot: 0.3, failsBeyond: 3 },
      { figure: 'pageKiB', ours: 'sightline', direction: 'at-most', base: 150, moonshot: 40, failsBeyond: 150 },
    ],
    close: async () => {
      await browser.close();
      await server.close();
      directory.close();
      await page.remove();
    },
  };
}

/** From the start of the navigation to the first animation frame in which the canvas shows a frame, ms. */
async function untilPicture(browser: Browser, url: string): Promise<number> {
  return inNewPage(browser, url, () => new Promise<number>((resolve) => {
    const look = (): void => {
      if (document.querySelector('canvas[data-seq]') === null) requestAnimationFrame(look);
      else resolve(performance.now());
    };
    look();
  }));
}

/** The same for an image whose parts replace one another: its size is known with its first part. */
async function untilImage(browser: Browser, url: string): Promise<number> {
  return inNewPage(browser, url, () => new Promise<number>((resolve) => {
    const look = (): void => {
      if ((document.querySelector('img')?.naturalWidth ?? 0) === 0) requestAnimationFrame(look);
      else resolve(performance.now());
    };
    look();
  }));
}

async function inNewPage(browser: Browser, url: string, wait: () => Promise<number>): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    // An endless answer never finishes loading.
    await page.goto(url, { waitUntil: 'commit' });
    return await page.evaluate(wait);
  } finally {
    await context.close();
  }
}

async function inTurn(count: number, open: () => Promise<number>): Promise<Sample> {
  const latenciesMs: number[] = [];
  for (let index = 0; index < count; index += 1) latenciesMs.push(await open());
  return sampleOf(latenciesMs);
}

function sampleOf(latenciesMs: readonly number[]): Sample {
  return { items: latenciesMs.length, wallMs: latenciesMs.reduce((sum, each) => sum + each, 0), cpuMs: 0, latenciesMs };
}

/** Bytes of the page's files as the server sends them, compressed. */
function weightOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && !entry.name.startsWith('embed'));
  return files.reduce((sum, { parentPath, name }) => sum + gzipSync(readFileSync(join(parentPath, name))).length, 0);
}
