import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { numberedClip } from '../helpers/clips.js';
import { Command } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { until } from '../helpers/until.js';
import { TestViewer } from '../viewers/support/client.js';
import { report } from './report.js';

/** No file descriptor is left (F35). */

const SPARE = 12;
const CONNECTIONS = 40;

let folder: string;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-descriptors-'));
  await mkdir(join(folder, 'streams'));
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

describe('F35: a service that has no file descriptor left', () => {
  it('shows its streams all the same, and answers again as soon as there are some', async () => {
    const serving = await new FakeServing().start();
    closers.push(() => serving.close());
    await writeFile(join(folder, 'streams', 'round.yaml'), `source: ${await numberedClip({ name: 'round.mp4', frames: 50 })}\nmode: live\nloop: true\n`);
    const command = new Command(['serve', '--port', '0', '--backend', serving.endpoint], { cwd: folder });
    closers.push(() => command.kill());
    const url = await command.url();
    const port = Number(new URL(url).port);
    const viewer = await TestViewer.connect(port);
    viewer.acknowledges = true;
    viewer.send({ type: 'subscribe', stream: 'round' });
    await until(() => viewer.frames.length > 5, { timeoutMs: 30_000 });
    const openFiles = (await readdir(`/proc/${String(command.pid)}/fd`)).length;
    execFileSync('prlimit', ['--pid', String(command.pid), `--nofile=${String(openFiles + SPARE)}`]);
    const sockets: Socket[] = [];
    closers.push(() => Promise.resolve(sockets.forEach((socket) => socket.destroy())));
    let closed = 0;
    for (let index = 0; index < CONNECTIONS; index += 1) {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined).once('close', () => { closed += 1; });
      sockets.push(socket);
    }
    // Those beyond are closed, or wait where libuv's spare descriptor is lost to somebody else in between: both are none of the service's doing.
    await until(() => command.stderr.includes('no file descriptor is left'), { what: 'a line that says so' });
    const turnedAway = closed;
    const shown = viewer.frames.length;
    await until(() => viewer.frames.length > shown + 25, { what: 'frames meanwhile' });
    for (const socket of sockets) socket.destroy();
    const startMs = performance.now();
    await until(() => fetch(`${url}/healthz`).then(({ ok }) => ok, () => false), { timeoutMs: 5_000 });
    const tookMs = performance.now() - startMs;
    report('F35 no descriptor left', { 'turned away': turnedAway, 'answers again after ms': tookMs, 'target ms': 1_000 });
    expect(tookMs).toBeLessThan(1_000);
    await until(() => command.stderr.includes('there are file descriptors again'));
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('sightline_descriptor_shortages_total 1');
    expect(viewer.closeCode).toBeNull();
    expect(((await (await fetch(`${url}/api/streams/round`)).json()) as StreamStatus).restarts).toBe(0);
  });
});
