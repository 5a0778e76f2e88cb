import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { classColour } from '../../src/core/class-colours.js';
import { numberedClip } from '../helpers/clips.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { usePageService } from '../helpers/page-service.js';
import { until } from '../helpers/until.js';
import { readLargeView, shownSeq } from '../helpers/viewer-page.js';

const CLOCK = 85;
const TOLERANCE = 40;

const fixture = usePageService();

describe('the page of a running service', () => {
  it('shows pictures that change, each with its boxes where its header says', async () => {
    const serving = await new FakeServing({ detections: [{ classId: CLOCK, score: 0.9, box: [0.4, 0.25, 0.6, 0.75] }] }).start();
    onTestFinished(() => serving.close());
    const clip = await numberedClip({ name: 'page.mp4', widthPx: 640, heightPx: 360, frames: 250 });
    await fixture.write({ 'streams/clip.yaml': `source: ${clip}\nmode: live\nloop: true\n` });
    const { url } = await fixture.serve('--backend', serving.endpoint);
    const { page, problems } = await fixture.open();
    // The service's drawing, into the very picture; the page's own has tests of its own.
    await page.addInitScript(() => { localStorage.setItem('sightline-drawing', 'server'); });
    await page.goto(`${url}/#/stream/clip`);
    const seen = new Set<number>();
    await until(async () => {
      seen.add(await shownSeq(page, 'clip'));
      return seen.size > 8;
    }, { timeoutMs: 30_000 });
    expect([...seen]).toEqual([...seen].sort((a, b) => a - b));
    const { header, pixelAt } = await readLargeView(page);
    expect(header.detections).toMatchObject([{ classId: CLOCK, label: 'clock', score: expect.closeTo(0.9, 5) as number }]);
    const [x1, y1, x2, y2] = header.detections[0]?.box ?? [0, 0, 0, 0];
    const colour = [1, 3, 5].map((at) => Number.parseInt(classColour(CLOCK).slice(at, at + 2), 16));
    for (const [x, y] of [[x1 + 1, (y1 + y2) / 2], [x2 - 1.5, (y1 + y2) / 2], [(x1 + x2) / 2, y2 - 1.5]] as const) {
      pixelAt(x, y).forEach((value, channel) => {
        expect(Math.abs(value - (colour[channel] ?? 0)), `channel ${String(channel)} at ${String(x)}, ${String(y)}`).toBeLessThan(TOLERANCE);
      });
    }
    expect(problems).toEqual([]);
  });

  it('lists what the built-in model finds on the demo street, and goes on by itself after the service was started again', async () => {
    await rm(join(fixture.folder, 'streams'), { recursive: true });
    const first = await fixture.serve();
    const { page } = await fixture.open();
    await page.goto(`${first.url}/#/stream/demo`);
    await page.getByText('clock', { exact: true }).first().waitFor({ timeout: 40_000 });
    await page.getByText('stop sign', { exact: true }).first().waitFor({ timeout: 20_000 });
    const before = await shownSeq(page, 'demo');
    expect(before).toBeGreaterThanOrEqual(0);
    first.command.child.kill('SIGTERM');
    await first.command.ended();
    await page.locator('.banner').first().waitFor({ timeout: 20_000 });
    await fixture.serve('--port', new URL(first.url).port);
    await until(async () => {
      const seq = await shownSeq(page, 'demo');
      return seq >= 0 && seq !== before;
    }, { timeoutMs: 40_000 });
  });
});
