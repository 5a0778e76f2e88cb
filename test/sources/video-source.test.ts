import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { pino } from 'pino';
import type { VideoFrame } from '../../src/core/frames.js';
import { findFfmpeg, type FfmpegTools } from '../../src/ffmpeg/tools.js';
import { createVideoSource, type SourceStatus, type VideoSource, type VideoSourceOptions } from '../../src/sources/video-source.js';
import { numberedClip, numberOf } from '../helpers/clips.js';
import { until } from '../helpers/until.js';

let tools: FfmpegTools;
beforeAll(async () => {
  tools = await findFfmpeg();
});

/** What came out of a source: facts of each frame (the frames are released), and the states it went through. */
type Record = { readonly seq: number; readonly ptsMs: number; readonly display: number; readonly model: number; readonly frame: VideoFrame };
type Watched = { readonly source: VideoSource; readonly frames: Record[]; readonly states: SourceStatus[] };

const open: VideoSource[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((source) => source.close()));
});

function watch(source: string, options: Partial<VideoSourceOptions> = {}, onFrame: (frame: VideoFrame) => void = (frame) => { frame.release(); }): Watched {
  const frames: Record[] = [];
  const states: SourceStatus[] = [];
  const made = createVideoSource(
    {
      streamId: 'test', source, mode: 'replay', fps: null, widthPx: null, loop: false, transport: 'tcp', timeoutMs: 5000,
      modelInputSize: { widthPx: 128, heightPx: 128 }, pacing: 'none', tools, demoClip: () => Promise.reject(new Error('not asked for')), log: pino({ level: 'silent' }), ...options,
    },
    {
      onFrame: (frame) => {
        frames.push({ seq: frame.seq, ptsMs: frame.ptsMs, display: numberOf(frame.display), model: numberOf(frame.modelInput, frame.letterbox), frame });
        onFrame(frame);
      },
      onState: (status) => { states.push(status); },
    },
  );
  open.push(made);
  return { source: made, frames, states };
}

async function readAll(path: string, options: Partial<VideoSourceOptions> = {}): Promise<Watched> {
  const watched = watch(path, options);
  watched.source.start();
  watched.source.request(Infinity);
  await until(() => ['ended', 'failed'].includes(watched.source.status.state), { timeoutMs: 20_000 });
  return watched;
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

describe('createVideoSource', () => {
  it('gives every frame once, both sizes and the time of the same frame, 30000/1001 exactly', async () => {
    const { frames, source } = await readAll(await numberedClip({ name: 'ntsc.mp4', rate: '30000/1001', frames: 90 }));
    expect(frames.map((frame) => frame.display)).toEqual(upTo(90));
    expect(frames.map((frame) => frame.model)).toEqual(upTo(90));
    expect(frames.map((frame) => frame.seq)).toEqual(upTo(90));
    expect(frames.map((frame) => frame.ptsMs)).toEqual(upTo(90).map((n) => (n * 1001 * 1000) / 30_000));
    expect(source.status).toMatchObject({ state: 'ended', error: null, declaredFps: 30_000 / 1001, declaredRate: { num: 30_000, den: 1001 }, frameCount: 90 });
  });
});
