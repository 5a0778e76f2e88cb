import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageFolder } from '../../../src/sources/opening/image-folder.js';
import { locateSource } from '../../../src/sources/run/open-run.js';
import { CONFIGURED_ACCESS, type SourceAccess } from '../../../src/sources/opening/source-access.js';
import type { ImagesLocation } from '../../../src/sources/opening/source-location.js';
import { numberedClip, pixelAt } from '../../helpers/clips.js';
import { sourceHarness, upTo } from '../../helpers/source-harness.js';
import { until } from '../../helpers/until.js';

const { readAll, watch } = sourceHarness();
const run = promisify(execFile);
const never = new AbortController().signal;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-images-test-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Makes a folder with files of these names, each with something in it. */
async function folderOf(name: string, files: readonly string[]): Promise<string> {
  const path = join(folder, name);
  await mkdir(path);
  for (const file of files) await writeFile(join(path, file), 'x');
  return path;
}

async function open(source: string, access: SourceAccess = CONFIGURED_ACCESS): Promise<ImageFolder> {
  const location = await locateSource(source, { demoClip: () => Promise.reject(new Error('not asked for')) }, never);
  expect(location.kind).toBe('images');
  return ImageFolder.open(location as ImagesLocation, access, never);
}

/** Names of the images that ffmpeg is to read, in order; closes it. */
async function orderOf(images: ImageFolder): Promise<readonly string[]> {
  const links = dirname(images.input).replaceAll('%%', '%');
  const names = await Promise.all((await readdir(links)).sort().map(async (link) => basename(await readlink(join(links, link)))));
  expect(names).toHaveLength(images.count);
  await images.close();
  await images.close();
  await expect(readdir(links)).rejects.toThrow('ENOENT');
  return names;
}

describe('ImageFolder', () => {
  it('orders by the numbers in names, takes images only, and leaves nothing behind', async () => {
    const path = await folderOf('order', ['10.jpg', '9.JPG', '1.jpeg', 'notes.txt', '.hidden.jpg', 'b2.jpg', 'b10.jpg', 'a.jpg']);
    await mkdir(join(path, 'folder.jpg'));
    await writeFile(join(path, 'empty.jpg'), '');
    await symlink(join(path, 'nowhere'), join(path, 'dangling.jpg'));
    for (const source of [path, `${path}/`, `${path}/*`]) expect(await orderOf(await open(source))).toEqual(['1.jpeg', '9.JPG', '10.jpg', 'a.jpg', 'b2.jpg', 'b10.jpg']);
    expect(await orderOf(await open(`${path}/b?.jpg`))).toEqual(['b2.jpg']);
    expect(await orderOf(await open(`${path}/*.JPG`))).toEqual(['9.JPG', '10.jpg', 'a.jpg', 'b2.jpg', 'b10.jpg']);
    expect(await orderOf(await open(`${path}/a.jpg`))).toEqual(['a.jpg']);
  });

  it('lets no name mean anything to ffmpeg', async () => {
    const names = ['%d.png', "a'b\"c.png", 'concat:x.png', 'new\nline.png', '[1].png', '-i.png', '{a,b}.png'];
    const path = await folderOf('odd %d names', names);
    expect([...(await orderOf(await open(`${path}/`)))].sort()).toEqual([...names].sort());
  });

  it.each([
    ['nothing in it', [] as string[], '', /is a folder with no image in it/u],
    ['only other files', ['a.txt'], '', /is a folder with no image in it/u],
    ['images of several kinds', ['a.jpg', 'b.png'], '', /images of several kinds \(jpg, png\): name one, such as \*\.jpg/u],
    ['no image of that name', ['a.jpg'], 'x*.jpg', /no image there/u],
  ])('says what is wrong with a folder that has %s', async (name, files, pattern, message) => {
    const path = await folderOf(`bad ${name}`, files);
    await expect(open(`${path}/${pattern}`)).rejects.toMatchObject({ code: 'source-open', retryable: false, message: expect.stringMatching(message) as string });
  });

  it('says that there is no such folder', async () => {
    await expect(open(join(folder, 'missing/'))).rejects.toThrow(/missing\/: no such folder/u);
    await expect(open(join(folder, 'missing/*.jpg'))).rejects.toThrow(/no such folder/u);
  });

  it('follows no link out of the allowed folders', async () => {
    const root = await folderOf('root', ['inside.jpg']);
    await folderOf('elsewhere', ['secret.jpg']);
    const access: SourceAccess = { ...CONFIGURED_ACCESS, roots: [folder] };
    const narrow: SourceAccess = { ...access, roots: [root] };
    expect(await orderOf(await open(`${root}/`, access))).toEqual(['inside.jpg']);
    expect(await orderOf(await open(`${root}/`, narrow))).toEqual(['inside.jpg']);
    expect(await orderOf(await open(`${root}/inside.jpg`, narrow))).toEqual(['inside.jpg']);
    await symlink(join(folder, 'elsewhere', 'secret.jpg'), join(root, 'link.jpg'));
    await expect(open(`${root}/`, narrow)).rejects.toMatchObject({ code: 'source-not-allowed' });
    await expect(open(join(folder, 'elsewhere/'), narrow)).rejects.toMatchObject({ code: 'source-not-allowed' });
    await expect(open(`${root}/../elsewhere/*.jpg`, narrow)).rejects.toMatchObject({ code: 'source-not-allowed' });
  });
});

describe('a folder of images as a source', () => {
  /** Frames 0 to `count - 1` of a numbered clip as `frame-N.EXT`. */
  async function shots(extension: string, count: number): Promise<string> {
    const path = join(folder, `shots ${extension}`);
    await mkdir(path, { recursive: true });
    const clip = await numberedClip({ name: 'shots.mp4', frames: count });
    await run('ffmpeg', ['-loglevel', 'error', '-y', '-i', clip, '-start_number', '1', '-q:v', '2', ...(extension === 'webp' ? ['-c:v', 'libwebp'] : []), '-f', 'image2', join(path, `frame-%d.${extension}`)]);
    return path;
  }

  it.each(['jpg', 'png', 'bmp', 'tif', 'webp'])('shows every image once, in order, each at its time: %s', async (extension) => {
    const path = await shots(extension, 12);
    const { frames, source } = await readAll(`${path}/*.${extension}`, { imageFps: 4 });
    expect(frames.map(({ display }) => display)).toEqual(upTo(12));
    expect(frames.map(({ model }) => model)).toEqual(upTo(12));
    expect(frames.map(({ ptsMs }) => ptsMs)).toEqual(upTo(12).map((n) => n * 250));
    expect(source.status).toMatchObject({ state: 'ended', error: null, durationMs: 3000, frameCount: 12, declaredFps: 4 });
  });

  it('goes anywhere, and shows the same image at a place whichever way one came', async () => {
    const { source, frames } = watch(await shots('jpg', 12), { imageFps: 0.5 });
    source.start();
    source.request(1);
    await until(() => frames.length === 1);
    for (const [target, display] of [[{ positionMs: 13_999 }, 6], [{ fromPtsMs: 12_000, frames: -2 }, 4], [{ fromPtsMs: 8_000, frames: 3 }, 7], [{ positionMs: 0 }, 0], [{ positionMs: 99_999 }, 11]] as const) {
      const seen = frames.length;
      source.seek(target);
      source.request(1);
      await until(() => frames.length === seen + 1);
      expect(frames.at(-1)).toMatchObject({ display, model: display, ptsMs: display * 2000 });
    }
  });

  it('tells of an image that cannot be decoded, and shows the others', async () => {
    const path = await shots('bmp', 12);
    await writeFile(join(path, 'frame-5.bmp'), 'no picture at all');
    const { frames, source } = await readAll(path);
    expect(frames.map(({ display }) => display)).toEqual(upTo(12).filter((n) => n !== 4));
    expect(source.status).toMatchObject({ state: 'ended', error: { code: 'source-exited', message: expect.stringMatching(/damaged/u) as string } });
  });

  it('keeps the size of the first image, and nothing in it is transparent', async () => {
    const path = join(folder, 'sizes');
    await mkdir(path);
    for (const [name, size, colour] of [['1', '64x32', 'red'], ['2', '32x32', 'lime@0.2'], ['3', '64x64', 'blue']] as const) {
      await run('ffmpeg', ['-loglevel', 'error', '-y', '-f', 'lavfi', '-i', `color=${colour}:s=${size},format=rgba`, '-frames:v', '1', join(path, `${name}.png`)]);
    }
    const seen: { size: number[]; left: number[]; middle: number[]; alphas: Set<number> }[] = [];
    const { source } = await readAll(path, {}, ({ display, release }) => {
      const alphas = new Set(Array.from({ length: display.data.length / 4 }, (_, n) => display.data[4 * n + 3] ?? 0));
      seen.push({ size: [display.widthPx, display.heightPx], left: pixelAt(display, 0, 16), middle: pixelAt(display, 32, 16), alphas });
      release();
    });
    expect(source.status).toMatchObject({ state: 'ended', error: null });
    expect(seen.map(({ size }) => size)).toEqual([[64, 32], [64, 32], [64, 32]]);
    expect(seen.map(({ alphas }) => [...alphas])).toEqual([[255], [255], [255]]);
    expect(seen.map(({ left }) => left)).toEqual([[255, 0, 0], [0, 0, 0], [0, 0, 0]]);
    expect(seen.map(({ middle }) => middle)).toEqual([[255, 0, 0], [0, 255, 0], [0, 0, 255]]);
  });

  it('plays them as a camera would, when asked to, over and over', async () => {
    const { source, frames } = watch(await shots('jpg', 12), { mode: 'live', loop: true, imageFps: 25 });
    source.start();
    await until(() => frames.length >= 30);
    expect(frames.slice(0, 30).map(({ display }) => display)).toEqual(upTo(30).map((n) => n % 12));
  });
});
