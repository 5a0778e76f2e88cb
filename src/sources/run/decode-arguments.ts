import type { Letterbox, Size } from '../../core/geometry.js';
import { composeArguments, passthroughTiming } from '../../ffmpeg/compose.js';
import type { FfmpegTools } from '../../ffmpeg/tools.js';
import { isHls } from '../opening/demuxers.js';
import { decodeGraph, DISPLAY_OUTPUT, MODEL_OUTPUT } from './decode-graph.js';
import type { InputWay, SourceInfo } from '../opening/probe-source.js';
import { isOnDisk, openOptions, type OpenSettings, type SourceLocation } from '../opening/source-location.js';

export type DecodeOptions = OpenSettings & {
  readonly tools: FfmpegTools;
  readonly location: SourceLocation;
  readonly info: SourceInfo;
  readonly route: InputWay;
  readonly letterbox: Letterbox;
  readonly displaySize: Size;
  readonly fps: number | null;
  /** How to decode in hardware, a name of {@link hwaccelOptions}; `null`: in software. */
  readonly hwaccel: string | null;
  /** Device that it uses; `null`: ffmpeg's choice. */
  readonly hwaccelDevice: string | null;
  /** Threads of the decoder. */
  readonly threads: number;
  /** Largest picture that is decoded, pixels. */
  readonly maxPixels: number;
  readonly gridStartMs: number | null;
  /** Read at the source's own pace (files as if they were cameras). */
  readonly realtime: boolean;
  /** Never pause the pipes. */
  readonly live: boolean;
  /** The source tells no times. */
  readonly byArrival: boolean;
  /** Start again at the end, for ever, timestamps growing. */
  readonly loop: boolean;
  /** Start about here, ms after the source's start; a frame before it may still come. */
  readonly seekMs: number | null;
  /** Descriptors that ffmpeg writes to. */
  readonly modelFd: number;
  readonly displayFd: number;
  readonly timestampsFd: number;
};

/** What the stream holds is known from the probe, so it is not looked at again for long. Not `nobuffer`: with it, what was read meanwhile is thrown away, the first key
 * frame with it. Measured with ffmpeg 5.1, key frames 1 s (4 s) apart: first frame of MPEG-TS over HTTP after 5.4 s (8.3 s) as ffmpeg is by default, 1.3 s (4.3 s) with
 * `nobuffer`, 0.5 s (0.5 s) so; of RTSP after 2.1, 1.1 and 0.3 s. */
const LOW_DELAY = ['-flags', 'low_delay', '-analyzeduration', '100000', '-fpsprobesize', '0'];

/** Options of ffmpeg in front of `-i` that decode in hardware: frames come back to system memory, so that all else stays the same. `auto` takes what this
 * machine has and falls back to software by itself; with any other name a machine without it gives no frame.
 * @param name `auto`, a hwaccel of ffmpeg (`cuda`, `vaapi`, `qsv`, `vdpau`, `drm`, `vulkan`, `videotoolbox`, `d3d11va`, `dxva2`) or `v4l2m2m`, which are decoders of
 * their own; `null`: software
 * @param device such as `/dev/dri/renderD128`, `null`: ffmpeg's choice
 * @param codecName as ffprobe has it */
export function hwaccelOptions(name: string | null, device: string | null, codecName: string): readonly string[] {
  if (name === null) return [];
  if (name === 'v4l2m2m') return ['-c:v', `${codecName}_v4l2m2m`];
  return ['-hwaccel', name, ...(device === null ? [] : ['-hwaccel_device', device])];
}

/** Arguments of the ffmpeg that decodes a source once, in two sizes, with the times of the frames. */
export function decodeArguments(options: DecodeOptions): readonly string[] {
  const { location, tools, info, route } = options;
  const raw = ['-an', '-sn', '-dn', ...passthroughTiming(tools), '-f', 'rawvideo'];
  return composeArguments({
    inputOptions: [
      ...openOptions(location, tools, options),
      ...(options.live && !options.realtime && !isOnDisk(location) ? LOW_DELAY : []),
      ...hwaccelOptions(options.hwaccel, options.hwaccelDevice, info.codecName),
      // A picture that grows in mid-stream is refused by the decoder, before there is memory for it.
      '-max_pixels', String(options.maxPixels),
      // Begin with the newest segment, not with the last but two.
      ...(options.live && isHls(info) && info.durationMs === null ? ['-live_start_index', '-1'] : []),
      // Where a camera tells no times, those of `fps` are ours.
      ...(options.byArrival ? ['-use_wallclock_as_timestamps', '1'] : []),
      ...(options.loop ? ['-stream_loop', '-1'] : []),
      ...(options.seekMs === null ? [] : ['-ss', (options.seekMs / 1000).toFixed(6)]),
      // Rotation is part of the graph, so that the picture and the size we count with cannot differ.
      '-noautorotate',
      // Keep the source's own clock.
      '-copyts',
      '-threads', String(options.threads),
      '-an', '-sn', '-dn',
    ],
    input: route.input,
    filterGraph: decodeGraph({
      timeBase: info.timeBase,
      orientation: info.orientation,
      letterbox: options.letterbox,
      displaySize: options.displaySize,
      fps: options.fps,
      declaredFps: info.declaredFps,
      gridStartMs: options.gridStartMs,
      realtime: options.realtime,
      // One image may be transparent although the first is not.
      hasAlpha: info.hasAlpha || location.kind === 'images',
      timestampsFd: options.timestampsFd,
    }),
    outputs: [
      { options: ['-map', MODEL_OUTPUT, ...raw], target: `pipe:${String(options.modelFd)}` },
      { options: ['-map', DISPLAY_OUTPUT, ...raw], target: `pipe:${String(options.displayFd)}` },
    ],
  });
}
