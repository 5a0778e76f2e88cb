import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { numberedClip } from '../helpers/clips.js';
import { runService } from '../helpers/running-service.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';
import { report } from './report.js';

const STREAMS = ['a', 'b', 'c', 'd'];
const WATCHED_MS = 5000;
/** What is drawn, sent and read by turns on a machine that gives this process a third of its time may be this old, however long that lasts (the tests themselves share the machine, too). */
const BOUND_MS = 3000;

/** Frames and ages that a viewer has of each stream within a time. */
async function watch(viewer: TestViewer): Promise<{ readonly p99Ms: number; readonly counts: readonly number[] }> {
  const from = viewer.frames.length;
  const endMs = performance.now() + WATCHED_MS;
  await until(() => performance.now() > endMs, { timeoutMs: WATCHED_MS * 2 });
  const seen = viewer.frames.slice(from);
  const ages = seen.map(({ header, receivedAtMs }) => performance.timeOrigin + receivedAtMs - header.capturedAtMs).sort((a, b) => a - b);
  return { p99Ms: ages[Math.floor(ages.length * 0.99)] ?? Number.NaN, counts: STREAMS.map((id) => seen.filter(({ header }) => header.stream === id).length) };
}

it('F36 a machine with twice as much to do as it can shows fewer frames of every stream alike, and no old ones', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-starved-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { service, ask } = await runService({ roots: ['/'] });
  const clip = await numberedClip({ name: 'starved.mp4', frames: 250 });
  for (const id of STREAMS) expect(await ask('POST', '/api/streams', { id, source: clip, mode: 'live', loop: true })).toMatchObject({ status: 201 });
  const viewer = await TestViewer.connect(service.port);
  viewer.acknowledges = true;
  for (const stream of STREAMS) viewer.send({ type: 'subscribe', stream });
  await until(() => STREAMS.every((id) => viewer.frames.some(({ header }) => header.stream === id)), { timeoutMs: 20_000 });
  const normal = await watch(viewer);

  const burner = join(folder, 'burner.mjs');
  await writeFile(burner, 'process.on("disconnect", () => process.exit()); const burn = () => { const end = Date.now() + 50; while (Date.now() < end); setImmediate(burn); }; burn();\n');
  const burners: ChildProcess[] = Array.from({ length: 2 * availableParallelism() }, () => fork(burner));
  onTestFinished(() => { for (const child of burners) child.kill('SIGKILL'); });
  const starved = await watch(viewer);
  const later = await watch(viewer);
  for (const child of burners) child.kill('SIGKILL');

  const [least, most] = [Math.min(...starved.counts), Math.max(...starved.counts)];
  report('F36 starved of CPU', { 'normal p99 ms': normal.p99Ms, 'starved p99 ms': starved.p99Ms, 'and 5 s later': later.p99Ms, 'frames, least': least, 'most': most, 'normal': Math.max(...normal.counts) });
  expect(least / most).toBeGreaterThan(0.6);
  // Dropped and not queued: what is shown does not grow older.
  expect(Math.max(starved.p99Ms, later.p99Ms)).toBeLessThan(BOUND_MS);
  expect(later.p99Ms).toBeLessThan(2 * starved.p99Ms + 500);
  for (const id of STREAMS) {
    const seqs = viewer.frames.flatMap(({ header }) => (header.stream === id ? [header.seq] : []));
    expect(seqs).toEqual([...new Set(seqs)].sort((one, other) => one - other));
  }
});
