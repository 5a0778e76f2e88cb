import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { numberedClip } from '../helpers/clips.js';
import { Command } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { readNumbers } from '../helpers/pipeline-rig.js';
import { descendantsOf } from '../helpers/processes.js';
import { isConserved } from '../helpers/stream-rig.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';

/** Reload under load, of good and bad configurations (F42). */

const VIEWERS = 20;
const ROUNDS = 6;

async function startWorld(): Promise<{ url: string; folder: string; command: Command; write: (name: string, text: string) => Promise<void>; clip: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-reload-'));
  await mkdir(join(folder, 'streams'));
  const clip = await numberedClip({ name: 'reload.mp4', frames: 100, options: ['-g', '50'] });
  await copyFile(clip, join(folder, 'steady.mp4'));
  // As a whole: a reload must not find half of it.
  const write = async (name: string, text: string): Promise<void> => {
    await writeFile(join(folder, `${name}.new`), text);
    await rename(join(folder, `${name}.new`), join(folder, name));
  };
  await write('streams/steady.yaml', `source: ${join(folder, 'steady.mp4')}\nmode: live\nloop: true\n`);
  await write('streams/moving.yaml', `source: ${clip}\nmode: live\nloop: true\nname: start\n`);
  await write('sightline.yaml', 'sources: { roots: [] }\n');
  const serving = await new FakeServing({ detections: readNumbers }).start();
  const command = new Command(['serve', '--port', '0', '--backend', serving.endpoint, '--streams', 'streams', '--log-format', 'json'], { cwd: folder });
  onTestFinished(async () => {
    await command.kill();
    await serving.close();
    await rm(folder, { recursive: true, force: true });
  });
  return { url: await command.url(), folder, command, write, clip };
}

it('F42: good and bad configurations, by signal and by API, drop no viewer, and a stream that says the same loses nothing', async () => {
  const { url, command, write, clip, folder } = await startWorld();
  const statusOf = async (id: string): Promise<StreamStatus> => (await (await fetch(`${url}/api/streams/${id}`)).json()) as StreamStatus;
  const viewers = await Promise.all(Array.from({ length: VIEWERS }, () => TestViewer.connect(Number(new URL(url).port))));
  for (const viewer of viewers) {
    viewer.acknowledges = true;
    for (const stream of ['steady', 'moving']) viewer.send({ type: 'subscribe', stream });
  }
  await until(() => viewers.every(({ frames }) => frames.some(({ header }) => header.stream === 'steady') && frames.some(({ header }) => header.stream === 'moving')), { what: 'pictures for everybody', timeoutMs: 20_000 });
  const steadyPids = async (): Promise<number[]> => (await descendantsOf(command.pid)).filter(({ command: line }) => line.includes('steady.mp4')).map(({ pid }) => pid);
  const pids = await steadyPids();
  expect(pids.length).toBeGreaterThan(0);
  const reload = async (): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${url}/api/reload`, { method: 'POST' });
    return { status: response.status, body: await response.json() };
  };
  const refusals = (): number => command.stderr.split('the configuration was not reloaded').length - 1;
  let expectedRefusals = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const name = `round ${String(round)}`;
    const good = `source: ${clip}\nmode: live\nloop: true\nname: ${name}\n${round % 3 === 2 ? 'widthPx: 80\n' : ''}`;
    const isSignal = round % 2 === 0;
    await write('streams/moving.yaml', good);
    if (isSignal) command.child.kill('SIGHUP');
    else expect(await reload()).toEqual({ status: 200, body: { added: [], changed: ['moving'], removed: [], restartNeeded: [] } });
    await until(async () => (await statusOf('moving')).name === name, { what: `${name} to be taken up` });

    // One right change beside one mistake: neither is taken up.
    await write('streams/moving.yaml', good.replace(name, 'never'));
    await write('streams/bad.yaml', `source: ${clip}\nfps: 0\n`);
    expectedRefusals += 1;
    if (isSignal) command.child.kill('SIGHUP');
    else expect(await reload()).toMatchObject({ status: 400, body: { error: { code: 'bad-config', problems: [{ path: expect.stringContaining('bad.yaml') as unknown }] } } });
    await until(() => refusals() === expectedRefusals, { what: 'the refusal in the log' });
    expect((await statusOf('moving')).name).toBe(name);
    await write('streams/bad.yaml', `source: ${clip}\nmode: replay\nname: good now\n`);
    await write('streams/moving.yaml', good);
    expect(await reload()).toMatchObject({ status: 200, body: { added: round === 0 ? ['bad'] : [], changed: [] } });
  }
  await until(() => viewers.every(({ frames }) => frames.at(-1)?.header.stream !== undefined && frames.some(({ header }) => header.stream === 'moving' && header.widthPx === 80)), { what: 'the last change to be seen by everybody', timeoutMs: 20_000 });

  expect(viewers.map(({ closeCode }) => closeCode)).toEqual(Array.from({ length: VIEWERS }, () => null));
  for (const { frames, messages } of viewers) {
    expect(messages.filter(({ type }) => type === 'removed' || type === 'error')).toEqual([]);
    for (const id of ['steady', 'moving']) {
      const seqs = frames.filter(({ header }) => header.stream === id).map(({ header }) => header.seq);
      expect(seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] ?? Infinity))).toBe(true);
    }
  }
  const [steady, moving] = [await statusOf('steady'), await statusOf('moving')];
  expect(await steadyPids()).toEqual(pids);
  expect([steady.restarts, steady.state, steady.counters.failed, steady.counters.dropped.closed ?? 0]).toEqual([0, 'running', {}, 0]);
  expect([isConserved(steady.counters), isConserved(moving.counters)]).toEqual([true, true]);

  // What only a new start takes up is told; a file that is gone takes its stream along.
  await write('sightline.yaml', 'sources: { roots: [] }\nbatching: { maxBatchSize: 3 }\n');
  await rm(join(folder, 'streams', 'bad.yaml'));
  expect(await reload()).toEqual({ status: 200, body: { added: [], changed: [], removed: ['bad'], restartNeeded: ['batching.maxBatchSize'] } });
}, 120_000);
