import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PixelImage } from '../../src/core/frames.js';
import type { Letterbox } from '../../src/core/geometry.js';

const run = promisify(execFile);
/** Bits of the number that is drawn on every frame. */
const NUMBER_BITS = 10;

/** Folder that generated clips are kept in between runs. */
export const CLIPS_FOLDER = join(tmpdir(), 'sightline-test-clips');

/** Makes a file with ffmpeg, or takes the one that an earlier run made with the same arguments.
 * @param args everything between `ffmpeg` and the output path
 * @returns the file's path */
export async function generated(name: string, args: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify([name, args])).digest('hex').slice(0, 16);
  const path = join(CLIPS_FOLDER, `${hash}-${name}`);
  if (await exists(path)) return path;
  await mkdir(CLIPS_FOLDER, { recursive: true });
  const partial = join(CLIPS_FOLDER, `${String(process.pid)}-${String(performance.now())}-${name}`);
  try {
    await run('ffmpeg', ['-nostdin', '-hide_banner', '-loglevel', 'error', '-y', ...args, partial]);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
  return path;
}

export type NumberedClip = {
  /** With the extension that names the container. */
  readonly name: string;
  readonly widthPx?: number;
  readonly heightPx?: number;
  /** Frames a second, for example `30000/1001`. */
  readonly rate?: string;
  readonly frames: number;
  /** ffmpeg filters after the number is drawn (`setsar=4/3`, `select=…`). */
  readonly filters?: string;
  /** Options of the output. */
  readonly options?: readonly string[];
};

/** Makes a clip whose nth frame shows the number n: ten upright bars, bar i white where bit i is set. Read with {@link numberOf}. */
export function numberedClip(clip: NumberedClip): Promise<string> {
  const [widthPx, heightPx] = [clip.widthPx ?? 160, clip.heightPx ?? 96];
  const pixels = widthPx % 2 === 0 && heightPx % 2 === 0 ? 'yuv420p' : 'yuv444p';
  const bars = Array.from({ length: NUMBER_BITS }, (_, bit) => {
    const left = Math.round((bit * widthPx) / NUMBER_BITS);
    const right = Math.round(((bit + 1) * widthPx) / NUMBER_BITS);
    return `drawbox=x=${String(left)}:y=0:w=${String(right - left)}:h=${String(heightPx)}:c=white:t=fill:enable='mod(floor(n/${String(2 ** bit)}),2)'`;
  });
  const filters = [...bars, ...(clip.filters === undefined ? [] : [clip.filters])].join(',');
  return generated(clip.name, [
    '-f', 'lavfi', '-i', `color=black:s=${String(widthPx)}x${String(heightPx)}:r=${clip.rate ?? '25'},format=${pixels}`,
    '-vf', filters, '-frames:v', String(clip.frames),
    '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '12', '-g', '12', '-pix_fmt', pixels,
    ...(clip.options ?? []),
  ]);
}

/** Gives a clip the mark of a picture that must be turned clockwise by `degrees` to stand upright, without coding it again. */
export async function rotatedClip(name: string, path: string, degrees: number): Promise<string> {
  const { stdout } = await run('ffmpeg', ['-version']);
  const major = Number(/version n?(\d+)/u.exec(stdout)?.[1] ?? '99');
  // Version 5 turns this tag into a matrix, counter-clockwise; newer ones ignore it and have an option instead, counter-clockwise too.
  if (major < 6) return generated(name, ['-i', path, '-c', 'copy', '-metadata:s:v:0', `rotate=${String(360 - degrees)}`]);
  return generated(name, ['-display_rotation', String(-degrees), '-i', path, '-c', 'copy']);
}

/** Reads the number off a picture of a {@link numberedClip}.
 * @param box where the picture lies, for a model's input
 * @param bits bars of the picture */
export function numberOf(image: PixelImage, box?: Letterbox, bits = NUMBER_BITS): number {
  const area = box === undefined ? { x: 0, y: 0, width: image.widthPx, height: image.heightPx } : { x: box.offsetXPx, y: box.offsetYPx, width: box.content.widthPx, height: box.content.heightPx };
  let number = 0;
  for (let bit = 0; bit < bits; bit += 1) {
    const [red] = pixelAt(image, area.x + Math.floor(((bit + 0.5) * area.width) / bits), area.y + Math.floor(area.height / 2));
    if (red > 127) number += 2 ** bit;
  }
  return number;
}

/** `[red, green, blue]` of a pixel. */
export function pixelAt(image: PixelImage, x: number, y: number): [number, number, number] {
  const bytes = image.format === 'rgba' ? 4 : 3;
  const offset = (y * image.widthPx + x) * bytes;
  return [image.data.readUInt8(offset), image.data.readUInt8(offset + 1), image.data.readUInt8(offset + 2)];
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false; // not made yet
  }
}
