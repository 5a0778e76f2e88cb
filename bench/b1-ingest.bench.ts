import { createLogger } from '../src/telemetry/logger.js';
import { letterbox } from '../src/core/geometry.js';
import { findFfmpeg, type FfmpegTools } from '../src/ffmpeg/tools.js';
import { decodeGraph, DISPLAY_OUTPUT, MODEL_OUTPUT } from '../src/sources/run/decode-graph.js';
import { examineSource } from '../src/sources/run/open-run.js';
import { createVideoSource } from '../src/sources/video-source.js';
import { measure, type Benchmark, type BenchmarkContext, type PreparedBenchmark } from './harness/benchmark.js';
import { makeClip } from './inputs/clips.js';
import { ffmpegToCat, readByConcat, type Decode } from './inputs/ingest-peers.js';

const SIZE = { widthPx: 1920, heightPx: 1080 };
const MODEL_INPUT = { widthPx: 512, heightPx: 512 };

/** A recording as fast as it can be read, to a handler that gives each frame back at once; both sizes of each frame are made. */
export const benchmark: Benchmark = {
  id: 'B1',
  name: 'ingest',
  what: '1920x1080 H.264 file to frames in memory, rgba for display and 512x512 rgb24 for the model',
  prepare,
};

async function prepare({ quick, cacheFolder }: BenchmarkContext): Promise<PreparedBenchmark> {
  const frames = quick ? 40 : 120;
  const clip = await makeClip(cacheFolder, SIZE, frames);
  const tools = await findFfmpeg();
  const decode = await decodeOf(clip, tools);
  const exactly = (count: number): number => {
    if (count !== frames) throw new Error(`${String(count)} frames read of ${String(frames)}`);
    return count;
  };
  const naive = { name: 'concat reader', run: () => measure(async () => exactly(await readByConcat(decode))) };
  return {
    contenders: [
      { name: 'sightline', run: () => measure(async () => exactly(await readBySource(clip, tools))) },
      {
        name: 'ffmpeg | cat',
        run: () =>
          measure(async () => {
            await ffmpegToCat(decode);
            return frames;
          }),
      },
      // Ten times slower: what it shows does not need showing each time.
      ...(quick ? [] : [naive]),
    ],
    goals: [{ metric: 'itemsPerSecond', ours: 'sightline', peer: 'ffmpeg | cat', direction: 'at-least', base: 0.8, moonshot: 0.95, failsBeyond: 0.3 }],
    close: () => Promise.resolve(),
  };
}

/** The very graph that the source uses, so that all contenders do the same work inside ffmpeg. */
async function decodeOf(clip: string, tools: FfmpegTools): Promise<Decode> {
  const noDemo = (): Promise<string> => Promise.reject(new Error('this benchmark plays no demo'));
  const info = await examineSource({ source: clip, mode: 'replay', tools, transport: 'tcp', timeoutMs: 10_000, demoClip: noDemo }, new AbortController().signal);
  const filterGraph = decodeGraph({
    timeBase: info.timeBase,
    orientation: info.orientation,
    letterbox: letterbox(SIZE, MODEL_INPUT),
    displaySize: SIZE,
    fps: null,
    declaredFps: info.declaredFps,
    gridStartMs: null,
    hasAlpha: false,
    realtime: false,
    timestampsFd: 5,
  });
  return {
    clip,
    filterGraph,
    outputs: [
      { label: MODEL_OUTPUT, frameBytes: MODEL_INPUT.widthPx * MODEL_INPUT.heightPx * 3 },
      { label: DISPLAY_OUTPUT, frameBytes: SIZE.widthPx * SIZE.heightPx * 4 },
    ],
  };
}

async function readBySource(clip: string, tools: FfmpegTools): Promise<number> {
  let frames = 0;
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const source = createVideoSource(
    {
      streamId: 'bench',
      source: clip,
      mode: 'replay',
      fps: null,
      widthPx: null,
      loop: false,
      transport: 'tcp',
      timeoutMs: 10_000,
      modelInputSize: MODEL_INPUT,
      tools,
      demoClip: () => Promise.reject(new Error('this benchmark plays no demo')),
      log: createLogger({ level: 'silent', format: 'json' }),
    },
    {
      onFrame: (frame) => {
        frames++;
        frame.release();
        source.request(1);
      },
      onState: ({ state }) => {
        if (state === 'ended' || state === 'failed') end();
      },
    },
  );
  source.start();
  source.request(4);
  await ended;
  await source.close();
  return frames;
}
