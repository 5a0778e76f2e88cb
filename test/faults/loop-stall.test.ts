import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { numberedClip } from '../helpers/clips.js';
import { Command } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { onUserSignal } from '../helpers/injected.js';
import { RtspCamera } from '../helpers/rtsp-camera.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';
import { report } from './report.js';

/** The service itself does not come round for a while (F37). */

const FIRST_STALL_MS = 2_000;
/** Longer than a live source may owe a frame. */
const SECOND_STALL_MS = 5_000;
const STALL = `const endMs = performance.now() + (signals === 1 ? ${String(FIRST_STALL_MS)} : ${String(SECOND_STALL_MS)}); while (performance.now() < endMs);`;

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-stall-'));
  await mkdir(join(folder, 'streams'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const metric = async (url: string, name: string): Promise<number> => Number(new RegExp(`^${name} (\\S+)$`, 'mu').exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? Number.NaN);

describe('F37: a service whose event loop stands still', () => {
  it('says for how long, drops no viewer and restarts no source', async () => {
    const serving = await new FakeServing().start();
    closers.push(() => serving.close());
    const camera = await RtspCamera.start({ widthPx: 320, heightPx: 180 });
    closers.push(() => camera.close());
    await writeFile(join(folder, 'streams', 'camera.yaml'), `source: ${camera.url}\nmode: live\n`);
    await writeFile(join(folder, 'streams', 'round.yaml'), `source: ${await numberedClip({ name: 'round.mp4', frames: 50 })}\nmode: live\nloop: true\n`);
    await writeFile(join(folder, 'streams', 'film.yaml'), `source: ${await numberedClip({ name: 'film.mp4', frames: 1_000 })}\nmode: replay\n`);
    const ids = ['camera', 'round', 'film'];
    const command = new Command(['serve', '--port', '0', '--backend', serving.endpoint, '--log-format', 'json'], { cwd: folder, env: onUserSignal(STALL) });
    closers.push(() => command.kill());
    const url = await command.url();
    const statuses = async (): Promise<StreamStatus[]> => (((await (await fetch(`${url}/api/streams`)).json()) as { streams: StreamStatus[] }).streams);
    const viewers = await Promise.all([...ids, ...ids].map(async (id) => {
      const viewer = await TestViewer.connect(Number(new URL(url).port));
      viewer.acknowledges = true;
      viewer.send({ type: 'subscribe', stream: id });
      return viewer;
    }));
    await until(() => viewers.every(({ frames }) => frames.length > 20), { timeoutMs: 30_000, what: 'frames for every viewer' });
    const restartsBefore = (await statuses()).map(({ id, restarts }) => [id, restarts]);
    const lines = (): { msg: string; stallMs: number; cpuMs: number; level: number }[] => command.stderr.split('\n').filter((line) => line.includes('stood still')).map((line) => JSON.parse(line) as never);
    for (const [index, stallMs] of [FIRST_STALL_MS, SECOND_STALL_MS].entries()) {
      command.child.kill('SIGUSR2');
      const seen = await until(() => lines()[index], { timeoutMs: stallMs + 5_000, what: 'a line about the stall' });
      expect(seen.level).toBe(40);
      expect(seen.stallMs).toBeGreaterThan(stallMs - 100);
      expect(seen.stallMs).toBeLessThan(stallMs + 1_500);
      expect(seen.cpuMs).toBeGreaterThan(100);
      const before = viewers.map(({ frames }) => frames.length);
      await until(() => viewers.every(({ frames }, at) => frames.length > (before[at] ?? 0) + 20), { timeoutMs: 20_000, what: 'frames after the stall' });
      report('F37 event loop stalled', { 'stall ms': stallMs, 'logged ms': seen.stallMs, 'viewers dropped': viewers.filter(({ closeCode }) => closeCode !== null).length, 'target': 0 });
    }
    expect(viewers.map(({ closeCode }) => closeCode)).toEqual(viewers.map(() => null));
    expect((await statuses()).map(({ id, restarts }) => [id, restarts])).toEqual(restartsBefore);
    expect(command.stderr).not.toMatch(/trying again/u);
    expect(await metric(url, 'sightline_event_loop_stalls_total')).toBe(2);
    expect(await metric(url, 'sightline_event_loop_delay_seconds\\{quantile="1"\\}')).toBeGreaterThan(1.8);
    expect(await metric(url, 'sightline_event_loop_delay_seconds\\{quantile="0.5"\\}')).toBeLessThan(0.5);
  });
});
