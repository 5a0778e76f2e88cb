import { expect, it } from 'vitest';
import { numberedClip } from '../helpers/clips.js';
import { freePort } from '../helpers/rtsp-camera.js';
import { runs, sourceHarness } from '../helpers/source-harness.js';
import { until } from '../helpers/until.js';
import { footprint, type Footprint } from './figures.js';
import { report } from './report.js';

/** What a source costs in the long run. */

const { watch } = sourceHarness();

const MB = 1024 * 1024;
const TARGET_MB = 5;

function compare(what: string, before: Footprint, after: Footprint): void {
  report(what, { 'memory MB': (after.memoryBytes - before.memoryBytes) / MB, 'target MB': TARGET_MB, descriptors: after.descriptors - before.descriptors, processes: after.processes - before.processes, timers: after.timers - before.timers, handles: after.handles - before.handles, 'target each': 0 });
  expect(after.memoryBytes - before.memoryBytes).toBeLessThan(TARGET_MB * MB);
  expect({ descriptors: after.descriptors, processes: after.processes, handles: after.handles }).toEqual({ descriptors: before.descriptors, processes: before.processes, handles: before.handles });
  expect(after.timers).toBeLessThanOrEqual(before.timers);
}

it('two hundred restarts of a camera that is gone cost no memory, no descriptor and no process', async () => {
  const url = `rtsp://admin:hush-hush@127.0.0.1:${String(await freePort())}/stream`;
  const restart = async (times: number): Promise<void> => {
    const { source } = watch(url, { mode: 'live', backoffScale: 0.0005 });
    source.start();
    await until(() => source.status.restarts >= times, { timeoutMs: 120_000 });
    expect(source.status.error?.message).toMatch(/connection refused/u);
    await source.close();
  };
  await restart(10);
  const before = await footprint();
  await restart(200);
  compare('200 restarts of a dead camera', before, await footprint());
}, 180_000);

it('fifty kills of an ffmpeg that works cost no memory, no descriptor and no process', async () => {
  const path = await numberedClip({ name: 'figures.mp4', frames: 50, widthPx: 640, heightPx: 360 });
  const kill = async (times: number): Promise<void> => {
    const { source, frames } = watch(path, { mode: 'live', loop: true, backoffScale: 0.0005 });
    source.start();
    for (let killed = 0; killed < times; killed += 1) {
      const seen = frames.length;
      await until(() => frames.length > seen, { timeoutMs: 20_000 });
      const { pid = 0 } = source;
      process.kill(pid, 'SIGKILL');
      await until(() => !runs(pid) && source.pid !== pid);
    }
    await source.close();
  };
  await kill(5);
  const before = await footprint();
  await kill(50);
  compare('50 kills of a working ffmpeg', before, await footprint());
}, 120_000);
