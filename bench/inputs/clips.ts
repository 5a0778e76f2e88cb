import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Size } from '../../src/core/geometry.js';

type Coding = { readonly name: string; readonly options: readonly string[] };

const PLAIN: Coding = { name: '', options: ['-preset', 'ultrafast', '-crf', '23'] };
/** As recorders write it: B-frames, a key frame every 2 s. */
export const RECORDING: Coding = { name: '-recording', options: ['-preset', 'veryfast', '-crf', '28', '-g', '50', '-keyint_min', '50', '-sc_threshold', '0', '-bf', '2'] };

/** Makes an H.264 clip of moving test pictures with noise at 25 fps, once; later runs find it in the cache.
 * @param coding x264's options, and what they are called in the file's name
 * @returns path of the clip, which has exactly `frames` frames */
export async function makeClip(cacheFolder: string, size: Size, frames: number, { name, options }: Coding = PLAIN): Promise<string> {
  const path = join(cacheFolder, `testsrc2-${String(size.widthPx)}x${String(size.heightPx)}-${String(frames)}${name}.mp4`);
  if (existsSync(path)) return path;
  const unfinished = `${path}.part`;
  const source = `testsrc2=size=${String(size.widthPx)}x${String(size.heightPx)}:rate=25,noise=alls=6:allf=t:all_seed=1`;
  await promisify(execFile)('ffmpeg', ['-y', '-loglevel', 'error', '-f', 'lavfi', '-i', source, '-frames:v', String(frames), '-c:v', 'libx264', ...options, '-pix_fmt', 'yuv420p', '-f', 'mp4', unfinished]);
  await rename(unfinished, path);
  return path;
}
