import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { build } from 'vite';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';
import type { StreamDirectory } from '../../src/viewers/stream-directory.js';
import { startViewerServer, type ViewerServer, type ViewerServerOptions } from '../../src/viewers/viewer-server.js';
import type { FrameHeader } from '../../src/viewers/protocol.js';

/** The page, built from its sources as they are now, in a folder of its own. */
export type BuiltPage = { readonly folder: string; remove(): Promise<void> };

export async function buildPage(): Promise<BuiltPage> {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-page-'));
  await build({ configFile: fileURLToPath(new URL('../../web/vite.config.ts', import.meta.url)), logLevel: 'error', build: { outDir: folder, emptyOutDir: true } });
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Serves a built page and scripted streams on loopback. */
export function serveViewers(directory: StreamDirectory, webRoot: string, port = 0, options: Partial<ViewerServerOptions> = {}): Promise<ViewerServer> {
  return startViewerServer({
    host: '127.0.0.1',
    port,
    directory,
    webRoot,
    metrics: createMetrics(),
    readiness: () => ({ ready: true, message: 'ready' }),
    tokens: [],
    log: createLogger({ level: 'silent', format: 'json' }),
    ...options,
  });
}

/** `seq` of the frame that a stream's picture shows; -1 before the first. */
export function shownSeq(page: Page, stream: string): Promise<number> {
  return page.locator(`[data-stream="${stream}"] .picture canvas.frame`).evaluate((canvas: HTMLCanvasElement) => Number(canvas.dataset['seq'] ?? -1));
}

/** The large view's frame: its header, and the colours `[r, g, b]` of what is to be seen (picture and the boxes that the page draws over
 * it), in pixels of the header, row by row, all of one moment. */
export async function readLargeView(page: Page): Promise<{ header: FrameHeader; pixelAt: (x: number, y: number) => readonly [number, number, number] }> {
  const { header, widthPx, heightPx, base64 } = await page.locator('.stream-view .picture canvas.frame').evaluate((canvas: HTMLCanvasElement) => {
    const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
    copy?.drawImage(canvas, 0, 0);
    const overlay = canvas.parentElement?.querySelector<HTMLCanvasElement>('canvas.overlay');
    if (overlay != null && overlay.width > 0) copy?.drawImage(overlay, 0, 0, canvas.width, canvas.height);
    const image = copy?.getImageData(0, 0, canvas.width, canvas.height);
    let binary = '';
    for (const byte of image?.data ?? []) binary += String.fromCharCode(byte);
    return { header: canvas.dataset['header'] ?? '', widthPx: canvas.width, heightPx: canvas.height, base64: btoa(binary) };
  });
  const rgba = Buffer.from(base64, 'base64');
  const pixelAt = (x: number, y: number): readonly [number, number, number] => {
    if (x < 0 || y < 0 || x >= widthPx || y >= heightPx) throw new RangeError(`Expected a pixel of ${String(widthPx)}x${String(heightPx)}, got ${String(x)}, ${String(y)}`);
    const at = (Math.floor(y) * widthPx + Math.floor(x)) * 4;
    return [rgba[at] ?? 0, rgba[at + 1] ?? 0, rgba[at + 2] ?? 0];
  };
  return { header: JSON.parse(header) as FrameHeader, pixelAt };
}
