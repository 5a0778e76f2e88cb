import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ClosedError } from '../core/errors.js';
import { Mp4Encoder } from '../ffmpeg/mp4-encoder.js';
import type { FfmpegTools } from '../ffmpeg/tools.js';
import type { Logger } from '../telemetry/logger.js';
import { DEMO_FPS, DEMO_FRAMES, DEMO_SIZE, StreetScene } from './street-scene.js';

/** Grows with every change of the picture, so that an old clip in the cache is not taken for the new one. */
const VERSION = 1;

export type DemoClipOptions = {
  /** Folder that the clip is kept in; made when it is not there. */
  readonly cacheDir: string;
  readonly tools: FfmpegTools;
  readonly log: Logger;
  /** Gives the drawing up. */
  readonly signal?: AbortSignal;
};

/** Where the demo clip lies once it is drawn. */
export function demoClipPath(cacheDir: string): string {
  return join(cacheDir, `demo-street-v${String(VERSION)}.mp4`);
}

/** Draws the demo clip (1280x720, 25 frames a second, 20 s, about ten seconds of work) unless the cache has it.
 * Callers in several processes may draw it at the same time: each file is complete before it gets its name.
 * @returns its path
 * @throws {MissingProgramError} without ffmpeg or its H.264 encoder
 * @throws {AnnotationError} when it cannot be written
 * @throws {ClosedError} when `signal` gave it up */
export async function ensureDemoClip(options: DemoClipOptions): Promise<string> {
  const path = demoClipPath(options.cacheDir);
  if (await isFile(path)) return path;
  await mkdir(options.cacheDir, { recursive: true });
  options.log.info({ path }, 'drawing the demo clip, once');
  const startMs = performance.now();
  await drawClip(path, options);
  options.log.info({ path, seconds: Math.round((performance.now() - startMs) / 100) / 10 }, 'demo clip drawn');
  return path;
}

/** Makes a function that draws the clip at the first call and shares that work with all later ones; a failure is tried again. */
export function demoClipOnce(options: DemoClipOptions): () => Promise<string> {
  let clip: Promise<string> | null = null;
  return () => {
    clip ??= ensureDemoClip(options).catch((error: unknown) => {
      clip = null;
      throw error;
    });
    return clip;
  };
}

/** A demo clip that is drawn when it is first asked for, once for all who ask. */
export type DemoClip = {
  /** As {@link ensureDemoClip}. */
  readonly path: () => Promise<string>;
  /** Gives up drawing and resolves when its ffmpeg and its partial file are gone. Idempotent. */
  readonly close: () => Promise<void>;
};

/** Makes a {@link DemoClip}; its owner closes it. */
export function openDemoClip(options: Omit<DemoClipOptions, 'signal'>): DemoClip {
  const stop = new AbortController();
  const draw = demoClipOnce({ ...options, signal: stop.signal });
  let drawing: Promise<unknown> = Promise.resolve();
  return {
    path: () => {
      const clip = draw();
      drawing = clip;
      return clip;
    },
    close: async () => {
      stop.abort();
      // How it went was told to those who asked.
      await Promise.allSettled([drawing]);
    },
  };
}

async function drawClip(path: string, options: DemoClipOptions): Promise<void> {
  const scene = new StreetScene();
  const encoder = new Mp4Encoder({
    tools: options.tools,
    path,
    size: DEMO_SIZE,
    timeBase: { num: 1, den: DEMO_FPS * 512 },
    rate: { num: DEMO_FPS, den: 1 },
    crf: 18,
    keyFrameEvery: 2 * DEMO_FPS,
  });
  try {
    for (let index = 0; index < DEMO_FRAMES; index += 1) {
      if (options.signal?.aborted === true) throw new ClosedError('the demo clip');
      await encoder.write(scene.draw(index).toBuffer('raw'), (index * 1000) / DEMO_FPS);
    }
    await encoder.finish();
  } catch (error) {
    await encoder.destroy();
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
