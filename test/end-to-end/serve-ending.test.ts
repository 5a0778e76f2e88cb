import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/core/package-paths.js';
import type { StreamStatus } from '../../src/core/stream-status.js';
import { numberedClip } from '../helpers/clips.js';
import { Command } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { onUserSignal } from '../helpers/injected.js';
import { descendantsOf, isAlive } from '../helpers/processes.js';
import { freePort } from '../helpers/rtsp-camera.js';
import { until } from '../helpers/until.js';
import { report } from '../faults/report.js';
import { TestViewer } from '../viewers/support/client.js';

/** How `sightline serve` ends, and what does not end it (F33, F39). */

let folder: string;
let serving: FakeServing;
const closers: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-ending-'));
  await mkdir(join(folder, 'streams'));
  serving = await new FakeServing({ delayMs: 400 }).start();
  closers.push(() => serving.close());
  await writeFile(join(folder, 'streams', 'round.yaml'), `source: ${await numberedClip({ name: 'round.mp4', frames: 50 })}\nmode: live\nloop: true\n`);
  await writeFile(join(folder, 'streams', 'film.yaml'), `source: ${await numberedClip({ name: 'film.mp4', frames: 1_000 })}\nmode: replay\n`);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await rm(folder, { recursive: true, force: true });
});

const args = (port = 0): string[] => ['serve', '--port', String(port), '--backend', serving.endpoint, '--log-format', 'json', '--log-level', 'debug'];
const status = async (url: string, id: string): Promise<StreamStatus> => (await (await fetch(`${url}/api/streams/${id}`)).json()) as StreamStatus;
const portOf = (url: string): number => Number(new URL(url).port);

/** Watches a stream over its socket, until frames come. */
async function watch(url: string, stream: string, acknowledges = true): Promise<TestViewer> {
  const viewer = await TestViewer.connect(portOf(url));
  viewer.acknowledges = acknowledges;
  viewer.send({ type: 'subscribe', stream });
  await until(() => viewer.frames.length > 1, { timeoutMs: 30_000 });
  return viewer;
}

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  const refused = await Promise.race([once(socket, 'connect').then(() => false), once(socket, 'error').then(() => true)]).catch(() => true);
  socket.destroy();
  return refused;
}

describe('F39: SIGTERM', () => {
  it('says goodbye to viewers, takes nobody new, and is over within 5 s with calls and a replay under way', async () => {
    const command = new Command(args(), { cwd: folder });
    closers.push(() => command.kill());
    const url = await command.url();
    const viewers = [await watch(url, 'round'), await watch(url, 'film')];
    const pictures = (await fetch(`${url}/api/streams/round/mjpeg`)).body?.getReader();
    expect((await pictures?.read())?.done).toBe(false);
    const ended = (async () => { while ((await pictures?.read())?.done === false); })().catch(() => undefined);
    const children = await descendantsOf(command.pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    // One has just come and is answered 400 ms later.
    const calls = serving.calls.Predict;
    await until(() => serving.calls.Predict > calls);
    const startMs = performance.now();
    command.child.kill('SIGTERM');
    const codes = await Promise.all(viewers.map((viewer) => viewer.closed()));
    expect(await isRefused(portOf(url))).toBe(true);
    const end = await command.ended();
    const tookMs = performance.now() - startMs;
    await ended;
    report('F39 SIGTERM', { 'ended after ms': tookMs, 'target ms': 5_000, 'children left': (await Promise.all(children.map(({ pid }) => isAlive(pid)))).filter(Boolean).length });
    expect(codes).toEqual([1001, 1001]);
    expect(end).toMatchObject({ exitCode: 0, signal: null });
    expect(tookMs).toBeLessThan(5_000);
    for (const { pid } of children) expect(await isAlive(pid)).toBe(false);
    expect(end.stderr.split('\n').filter((line) => /"level":[56]0/u.test(line))).toEqual([]);
  });

  it.each([['SIGTERM', 143], ['SIGINT', 130]] as const)('a second signal (%s) ends it at once with %i, its children too', async (signal, exitCode) => {
    const command = new Command(args(), { cwd: folder });
    closers.push(() => command.kill());
    const url = await command.url();
    // A client that does not go holds the end up until it is cut off, 2 s later.
    const viewer = await watch(url, 'round');
    viewer.ws.pause();
    const children = await descendantsOf(command.pid);
    command.child.kill('SIGTERM');
    await until(() => command.stderr.includes('"msg":"closing"'));
    command.child.kill(signal);
    expect(await command.ended()).toMatchObject({ exitCode, signal: null });
    await until(async () => (await Promise.all(children.map(({ pid }) => isAlive(pid)))).every((alive) => !alive), { timeoutMs: 1_000 });
  });
});

describe('an error that nobody expected', () => {
  it.each([
    ['a rejection', "void Promise.reject(new Error('no such luck'));"],
    ['an exception', "setImmediate(() => { throw new Error('no such luck'); });"],
  ])('ends it with one fatal line and 1, its children too: %s', async (_name, code) => {
    const command = new Command(args(), { cwd: folder, env: onUserSignal(code) });
    closers.push(() => command.kill());
    const url = await command.url();
    await until(async () => (await status(url, 'round')).counters.shown > 5, { timeoutMs: 30_000 });
    const children = await descendantsOf(command.pid);
    command.child.kill('SIGUSR2');
    const { exitCode, stderr } = await command.ended();
    expect(exitCode).toBe(1);
    const last = stderr.trim().split('\n').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ level: 60, err: { message: 'no such luck' } });
    expect(stderr.split('no such luck').length - 1).toBe(last.split('no such luck').length - 1);
    await until(async () => (await Promise.all(children.map(({ pid }) => isAlive(pid)))).every((alive) => !alive), { timeoutMs: 1_000 });
  });
});

describe('F40: SIGKILL', () => {
  it('leaves no ffmpeg behind, one that was stopped neither', async () => {
    const command = new Command(args(), { cwd: folder });
    closers.push(() => command.kill());
    const url = await command.url();
    await until(async () => (await status(url, 'round')).counters.shown > 5, { timeoutMs: 30_000 });
    const programs = (await descendantsOf(command.pid)).filter(({ command: line }) => line.includes('ffmpeg'));
    expect(programs.length).toBeGreaterThanOrEqual(1);
    for (const { pid } of programs) process.kill(pid, 'SIGSTOP');
    command.child.kill('SIGKILL');
    await until(async () => (await Promise.all(programs.map(({ pid }) => isAlive(pid)))).every((alive) => !alive), { timeoutMs: 1_000 });
  });
});

describe('F33: a log that cannot be written', () => {
  beforeEach(() => writeFile(join(folder, 'streams', 'gone.yaml'), 'source: rtsp://127.0.0.1:9/x\nmode: live\n'));

  it('to a full device is lost, and the service goes on', async () => {
    const [port, full] = [await freePort(), await open('/dev/full', 'w')];
    const child = spawn(process.execPath, [`${PACKAGE_ROOT}bin/sightline.js`, ...args(port)], { cwd: folder, stdio: ['ignore', full.fd, full.fd] });
    const exited = once(child, 'exit');
    closers.push(() => full.close(), () => { child.kill('SIGKILL'); return exited; });
    await goesOn(`http://127.0.0.1:${String(port)}`);
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('because its reader is gone is lost, and the service goes on', async () => {
    const command = new Command(args(), { cwd: folder });
    closers.push(() => command.kill());
    const url = await command.url();
    command.child.stdout?.destroy();
    command.child.stderr?.destroy();
    await goesOn(url);
    command.child.kill('SIGTERM');
    expect(await command.ended()).toMatchObject({ exitCode: 0, signal: null });
  });
});

/** Frames come, and what is logged meanwhile does not matter. */
async function goesOn(url: string): Promise<void> {
  await until(() => fetch(`${url}/healthz`).then(({ ok }) => ok, () => false), { timeoutMs: 30_000 });
  // Logged at every try.
  await until(async () => (await status(url, 'gone')).state === 'reconnecting', { timeoutMs: 20_000 });
  const { shown } = (await status(url, 'round')).counters;
  await until(async () => (await status(url, 'round')).counters.shown > shown + 10, { timeoutMs: 20_000 });
}
