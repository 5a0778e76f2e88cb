import { execFile } from 'node:child_process';
import { createServer } from 'node:http';
import { existsSync } from 'node:fs';
import { copyFile, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PACKAGE_ROOT } from '../../src/core/package-paths.js';
import { launchBrowser } from '../helpers/browser.js';
import { numberedClip } from '../helpers/clips.js';
import { Command, runCommand, type CommandEnd } from '../helpers/command.js';
import { FakeServing } from '../helpers/fake-serving.js';
import { descendantsOf, isAlive } from '../helpers/processes.js';
import { until } from '../helpers/until.js';

const execute = promisify(execFile);
let folder: string;
let serving: FakeServing;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-detect-'));
  serving = await new FakeServing({ detections: [{ classId: 85, score: 0.9, box: [0.25, 0.25, 0.75, 0.75] }, { classId: 1, score: 0.2, box: [0, 0, 1, 1] }] }).start();
});
afterEach(async () => {
  await serving.close();
  await rm(folder, { recursive: true, force: true });
});

const clip = (frames = 30): Promise<string> => numberedClip({ name: 'detect.mp4', widthPx: 320, heightPx: 192, rate: '30000/1001', frames });
const detect = (...args: string[]): Promise<CommandEnd> => runCommand(['detect', ...args, '--backend', serving.endpoint], { cwd: folder });
type Line = { stream: string; seq: number; ptsMs: number; widthPx: number; heightPx: number; detections: { label: string; score: number; box: number[] }[] };
const parsed = (text: string): Line[] => text.trim().split('\n').map((line) => JSON.parse(line) as Line);

async function probe(path: string): Promise<{ ptsMs: number[]; stream: Record<string, unknown> }> {
  const { stdout } = await execute('ffprobe', ['-v', 'error', '-of', 'json', '-show_entries', 'stream=codec_name,pix_fmt,width,height:frame=best_effort_timestamp_time', path]);
  const facts = JSON.parse(stdout) as { streams: Record<string, unknown>[]; frames: { best_effort_timestamp_time: string }[] };
  return { ptsMs: facts.frames.map((frame) => Number(frame.best_effort_timestamp_time) * 1000), stream: facts.streams[0] ?? {} };
}

describe('sightline detect', () => {
  it('writes one JSON line a frame to standard output, and nothing else', async () => {
    const path = await clip();
    const end = await detect(path);
    expect(end).toMatchObject({ exitCode: 0, stderr: '' });
    const lines = parsed(end.stdout);
    expect(lines.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, seq) => seq));
    expect(lines[1]).toEqual({
      stream: path.split('/').at(-1),
      seq: 1,
      ptsMs: 1001 / 30,
      widthPx: 320,
      heightPx: 192,
      detections: [{ classId: 85, label: 'clock', score: 0.9, box: [80, 16, 240, 176] }],
    });
  });

  it('gives the same bytes on every run', async () => {
    const path = await clip();
    const [first, second] = [await detect(path), await detect(path)];
    expect(first.stdout.length).toBeGreaterThan(1_000);
    expect(second.stdout).toBe(first.stdout);
  });

  it('writes the lines to a file and the boxes into a video with the same frames at the same times, which a browser plays', async () => {
    const path = await clip();
    const end = await detect(path, '--jsonl', 'out.jsonl', '--output', 'out.mp4');
    expect(end).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
    expect(parsed(await readFile(join(folder, 'out.jsonl'), 'utf8'))).toHaveLength(30);
    const { ptsMs, stream } = await probe(join(folder, 'out.mp4'));
    expect(stream).toMatchObject({ codec_name: 'h264', pix_fmt: 'yuv420p', width: 320, height: 192 });
    expect(ptsMs).toHaveLength(30);
    ptsMs.forEach((value, index) => {
      expect(value).toBeCloseTo((index * 1001) / 30, 2);
    });
    expect(await playsInBrowser(join(folder, 'out.mp4'))).toEqual({ widthPx: 320, heightPx: 192, durationMs: 1001 });
    expect((await readdir(folder)).sort()).toEqual(['out.jsonl', 'out.mp4']);
  });

  it('keeps to the threshold and to the rate that are asked for', async () => {
    const lines = parsed((await detect(await clip(), '--threshold', '0.1', '--fps', '10')).stdout);
    expect(lines[0]?.detections.map(({ label }) => label)).toEqual(['clock', 'person']);
    expect(lines).toHaveLength(10);
  });

  it('ends with 2 and one line when the input is missing', async () => {
    const end = await detect('missing.mp4', '--output', 'out.mp4');
    expect(end).toMatchObject({ exitCode: 2, stdout: '' });
    expect(end.stderr.trim().split('\n')).toHaveLength(1);
    expect(end.stderr).toContain('missing.mp4');
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves an earlier result alone when the input is missing', async () => {
    await writeFile(join(folder, 'out.jsonl'), 'kept\n');
    expect((await detect('missing.mp4', '--jsonl', 'out.jsonl')).exitCode).toBe(2);
    expect(await readFile(join(folder, 'out.jsonl'), 'utf8')).toBe('kept\n');
  });

  it('ends with 1 and one line when the backend refuses', async () => {
    await serving.close();
    const end = await detect(await clip());
    expect(end).toMatchObject({ exitCode: 1, stdout: '', stderr: `backend ${serving.endpoint} refuses connections: is TensorFlow Serving running there?\n` });
  });

  it('refuses, before it reads or writes anything, an output that is the input or that cannot become a file', async () => {
    await copyFile(await clip(), join(folder, 'in.mp4'));
    await execute('mkfifo', [join(folder, 'pipe')]);
    await symlink('in.mp4', join(folder, 'link.mp4'));
    const before = await readFile(join(folder, 'in.mp4'));
    const refused: readonly (readonly [readonly string[], RegExp])[] = [
      [['--jsonl', './in.mp4'], /^--jsonl: \.\/in\.mp4 is the input itself/u],
      [['--output', 'link.mp4'], /^--output: link\.mp4 is the input itself/u],
      [['--jsonl', 'same', '--output', './same'], /^--output: \.\/same is --jsonl itself/u],
      [['--output', '.'], /^--output: \. is a folder/u],
      [['--output', 'pipe'], /^--output: pipe is a device or a pipe/u],
      [['--output', '-'], /^--output: - cannot be standard output/u],
      [['--output', 'none/out.mp4', '--jsonl', 'none/out.jsonl'], /^--jsonl: none\/out\.jsonl cannot be written: there is no folder .*\n--output: none\/out\.mp4 cannot be written: there is no folder/u],
    ];
    for (const [args, message] of refused) {
      const end = await detect('in.mp4', ...args);
      expect(end).toMatchObject({ exitCode: 2, stdout: '' });
      expect(end.stderr).toMatch(message);
      expect(end.stderr).not.toContain('    at ');
    }
    expect((await readdir(folder)).sort()).toEqual(['in.mp4', 'link.mp4', 'pipe']);
    expect((await readFile(join(folder, 'in.mp4'))).equals(before)).toBe(true);
  }, 30_000);

  it('ends with 2 when the input is a pipe, which can be read only once', async () => {
    await execute('mkfifo', [join(folder, 'pipe.mp4')]);
    expect(await detect('pipe.mp4')).toMatchObject({ exitCode: 2, stdout: '', stderr: 'pipe.mp4: is a pipe or a device, expected a video file\n' });
  });

  it('ends quietly when the reader of its lines has seen enough', async () => {
    const command = new Command(['detect', await clip(300), '--backend', serving.endpoint], { cwd: folder });
    try {
      await until(() => command.stdout.includes('\n'), { timeoutMs: 20_000 });
      command.child.stdout?.destroy();
      expect(await command.ended()).toMatchObject({ exitCode: 0, stderr: '' });
    } finally {
      await command.kill();
    }
  });

  it.skipIf(!existsSync('/dev/full'))('ends with 1 and one line when the disk is full', async () => {
    const path = await clip();
    expect(await detect(path, '--jsonl', '/dev/full')).toMatchObject({ exitCode: 1, stdout: '', stderr: '/dev/full: cannot be written: ENOSPC: no space left on device, write\n' });
    const shell = await execute('sh', ['-c', '"$0" "$@" > /dev/full', process.execPath, `${PACKAGE_ROOT}bin/sightline.js`, 'detect', path, '--backend', serving.endpoint]).catch((error: unknown) => error);
    expect(shell).toMatchObject({ code: 1, stderr: 'standard output: cannot be written: ENOSPC: no space left on device, write\n' });
  });

  it('tells of a file that was cut off, with all frames that are there', async () => {
    const path = await numberedClip({ name: 'cut.mp4', frames: 100, options: ['-movflags', '+faststart'] });
    const whole = await readFile(path);
    await writeFile(join(folder, 'cut.mp4'), whole.subarray(0, Math.floor(whole.length * 0.6)));
    const end = await detect('cut.mp4');
    expect(end.exitCode).toBe(1);
    expect(end.stderr).toMatch(/cut\.mp4.*frames were looked at/u);
    expect(parsed(end.stdout).length).toBeGreaterThan(20);
  });

  it('stops cleanly when interrupted and leaves no half video and no process', async () => {
    serving.script.delayMs = 200;
    const command = new Command(['detect', await clip(300), '--backend', serving.endpoint, '--jsonl', '-', '--output', 'out.mp4'], { cwd: folder });
    try {
      await until(() => command.stdout.includes('\n'), { timeoutMs: 20_000 });
      const children = await descendantsOf(command.pid);
      expect(children.length).toBeGreaterThan(0);
      command.child.kill('SIGINT');
      expect((await command.ended()).exitCode).toBe(0);
      expect(await readdir(folder)).toEqual([]);
      for (const { pid } of children) expect(await isAlive(pid)).toBe(false);
    } finally {
      await command.kill();
    }
  });
});

/** Plays a file in Chromium to its end. */
async function playsInBrowser(path: string): Promise<{ widthPx: number; heightPx: number; durationMs: number }> {
  const video = await readFile(path);
  const server = createServer((request, response) => {
    if (request.url === '/video.mp4') response.setHeader('content-type', 'video/mp4').end(video);
    else response.setHeader('content-type', 'text/html').end('<video src="/video.mp4" muted></video>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`);
    return await page.evaluate(async () => {
      const element = document.querySelector('video');
      if (element === null) throw new Error('no video');
      await element.play();
      await new Promise((resolve, reject) => {
        element.addEventListener('ended', resolve);
        element.addEventListener('error', reject);
      });
      return { widthPx: element.videoWidth, heightPx: element.videoHeight, durationMs: Math.round(element.duration * 1000) };
    });
  } finally {
    await browser.close();
    server.close();
  }
}
