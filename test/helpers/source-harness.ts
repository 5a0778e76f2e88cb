import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll } from 'vitest';
import type { VideoFrame } from '../../src/core/frames.js';
import { findFfmpeg, type FfmpegTools } from '../../src/ffmpeg/tools.js';
import { createVideoSource, type SourceStatus, type VideoSource, type VideoSourceOptions } from '../../src/sources/video-source.js';
import { numberOf } from './clips.js';
import { until } from './until.js';

/** Facts of a frame of a numbered clip, taken when it came: what it shows in either size. */
export type FrameFacts = { readonly seq: number; readonly ptsMs: number; readonly display: number; readonly model: number };
export type Watched = { readonly source: VideoSource; readonly frames: FrameFacts[]; readonly states: SourceStatus[] };

export type SourceHarness = {
  /** The programs of this machine; ready once the tests run. */
  readonly tools: () => FfmpegTools;
  /** A folder of the test file's own. */
  readonly folder: () => string;
  /** Makes a source (a replay without pacing unless told otherwise) that is closed after the test; frames are released unless `onFrame` takes them. */
  readonly watch: (source: string, options?: Partial<VideoSourceOptions>, onFrame?: (frame: VideoFrame) => void) => Watched;
  /** Starts it, asks for everything and waits for its end. */
  readonly readAll: (source: string, options?: Partial<VideoSourceOptions>, onFrame?: (frame: VideoFrame) => void) => Promise<Watched>;
};

/** Sets up, for one test file, what tests of sources share. */
export function sourceHarness(): SourceHarness {
  let tools: FfmpegTools;
  let folder: string;
  const open: VideoSource[] = [];
  beforeAll(async () => {
    tools = await findFfmpeg();
    folder = await mkdtemp(join(tmpdir(), 'sightline-source-'));
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((source) => source.close()));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const watch: SourceHarness['watch'] = (source, options = {}, onFrame = (frame) => { frame.release(); }) => {
    const frames: FrameFacts[] = [];
    const states: SourceStatus[] = [];
    const made = createVideoSource(
      {
        streamId: 'test', source, mode: 'replay', fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: 5000,
        modelInputSize: { widthPx: 128, heightPx: 128 }, tools, demoClip: () => Promise.reject(new Error('not asked for')), log: pino({ level: 'silent' }), ...options,
      },
      {
        onFrame: (frame) => {
          frames.push({ seq: frame.seq, ptsMs: frame.ptsMs, display: numberOf(frame.display), model: numberOf(frame.modelInput, frame.letterbox) });
          onFrame(frame);
        },
        onState: (status) => { states.push(status); },
      },
    );
    open.push(made);
    return { source: made, frames, states };
  };
  const readAll: SourceHarness['readAll'] = async (source, options, onFrame) => {
    const watched = watch(source, options, onFrame);
    watched.source.start();
    watched.source.request(Infinity);
    await until(() => ['ended', 'failed'].includes(watched.source.status.state), { timeoutMs: 30_000 });
    return watched;
  };
  return { tools: () => tools, folder: () => folder, watch, readAll };
}

/** `[0, 1, …, count - 1]` */
export function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Whether a process runs; one that is dead and not waited for yet does not. */
export function runs(pid: number | undefined): boolean {
  const state = processState(pid);
  return state !== null && state !== 'Z';
}

/** `S` asleep, `R` running, `T` stopped; `null` when it is gone. */
export function processState(pid: number | undefined): string | null {
  try {
    return /^State:\s+(\w)/mu.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? null;
  } catch {
    return null; // gone
  }
}
