import { expect, it } from 'vitest';
import { until } from '../helpers/until.js';
import { actAtRandom, EXTRAS } from './chaos-acts.js';
import { ChaosWorld } from './chaos-world.js';
import { footprint, settledFootprint } from './figures.js';
import { report } from './report.js';
import { SeededRandom } from './seeded-random.js';

/** Everything at once, for a while (F43): `SIGHTLINE_CHAOS_SEED` and `SIGHTLINE_CHAOS_SECONDS` choose what and how long. */

const SEED = Number(process.env['SIGHTLINE_CHAOS_SEED'] ?? 43);
const SECONDS = Number(process.env['SIGHTLINE_CHAOS_SECONDS'] ?? 20);
const MB = 1024 * 1024;
/** What the collector leaves behind differs by so much from time to time. */
const MEMORY_MARGIN_BYTES = 8 * MB;

async function addAll(world: ChaosWorld): Promise<void> {
  for (const definition of world.definitions) expect(await world.api('POST', '/api/streams', definition)).toMatchObject({ status: 201 });
  await world.control('recording', { action: 'play' });
}

/** Waits until every stream that is there to stay runs and shows new frames. */
async function untilAllRun(world: ChaosWorld, timeoutMs: number): Promise<void> {
  const shown = new Map((await world.streams()).map(({ id, counters }) => [id, counters.shown]));
  let last = '';
  await until(async () => {
    const streams = await world.streams();
    last = JSON.stringify(streams.map(({ id, state, counters, error }) => ({ id, state, shown: counters.shown, error })));
    return world.definitions.every(({ id }) => streams.some((stream) => stream.id === id && stream.state === 'running' && stream.error === null && stream.counters.shown > (shown.get(id) ?? 0) + 5));
  }, { timeoutMs }).catch((error: unknown) => { throw new Error(`not all streams run: ${last}`, { cause: error }); });
}

async function removeAll(world: ChaosWorld): Promise<void> {
  await world.viewersGo();
  for (const id of [...world.definitions.map((definition) => definition.id), ...EXTRAS]) await world.api('DELETE', `/api/streams/${id}`);
  await until(async () => (await world.programs()).length === 0);
  world.forget();
}

it(`survives chaos, seed ${String(SEED)}`, async () => {
  const random = new SeededRandom(SEED);
  const world = await ChaosWorld.open();
  try {
    // What is made once and kept is made now.
    await addAll(world);
    await world.viewerComes();
    await untilAllRun(world, 30_000);
    await removeAll(world);
    const before = await settledFootprint();
    await addAll(world);
    await untilAllRun(world, 30_000);

    const acts: string[] = [];
    const sampler = { samples: 0, on: true };
    const sampling = (async () => {
      while (sampler.on) {
        await world.streams();
        sampler.samples += 1;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
    const endMs = performance.now() + SECONDS * 1000;
    while (performance.now() < endMs) {
      acts.push(await actAtRandom(world, random));
      await new Promise((resolve) => setTimeout(resolve, random.integer(20, 250)));
    }
    sampler.on = false;
    await sampling;

    const healedMs = performance.now();
    await world.heal();
    for (const { id } of world.definitions) await world.control(id, { action: 'play' });
    // Three failures in a row end a recording for good; its next command begins it anew.
    await world.control('recording', { action: 'seek', positionMs: 0 });
    await untilAllRun(world, 90_000);
    const recoveredMs = performance.now() - healedMs;
    // ffmpegs of the streams that stay, and of no others.
    for (const id of EXTRAS) await world.api('DELETE', `/api/streams/${id}`);
    await until(async () => (await world.programs()).length === world.definitions.length, { timeoutMs: 15_000, what: 'one ffmpeg a stream' });

    await removeAll(world);
    const after = await settledFootprint();
    const { decoded, unended } = await world.frames();
    report(`F43 chaos, seed ${String(SEED)}`, {
      acts: acts.length, 'kinds of acts': new Set(acts).size, samples: sampler.samples, frames: decoded, 'running again ms': recoveredMs,
      'processes more': after.processes - before.processes, 'descriptors more': after.descriptors - before.descriptors, 'timers more': after.timers - before.timers, 'handles more': after.handles - before.handles,
      'memory more MB': (after.memoryBytes - before.memoryBytes) / MB, 'frames without an end': unended, 'target for all': 0, 'target memory MB': MEMORY_MARGIN_BYTES / MB,
    });
    expect(world.problems).toEqual([]);
    expect(decoded).toBeGreaterThan(500);
    expect(unended).toBe(0);
    for (const count of ['descriptors', 'processes', 'timers', 'handles'] as const) expect(after[count], count).toBeLessThanOrEqual(before[count]);
    expect(after.memoryBytes - before.memoryBytes).toBeLessThan(MEMORY_MARGIN_BYTES);
  } finally {
    await world.close();
  }
  expect(await footprint()).toMatchObject({ processes: 0 });
}, SECONDS * 1000 + 300_000);
