import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { ClosedError, MissingProgramError, SourceOpenError, SourceStalledError, SourceUnauthorizedError } from '../../core/errors.js';
import type { Size } from '../../core/geometry.js';
import { parseRational, rationalValue, ticksToMs, type Rational } from '../../ffmpeg/rational.js';
import { runProgram, type RunResult } from '../../ffmpeg/run-program.js';
import type { FfmpegTools } from '../../ffmpeg/tools.js';
import { carriesTimes } from './demuxers.js';
import { orientationOf, uprightSize, type Orientation } from './orientation.js';
import { stderrLog } from './stderr-log.js';
import { isUnauthorized, plainReason } from './stderr-reasons.js';
import { CONFIGURED_ACCESS, type SourceAccess } from './source-access.js';
import { isOnDisk, openOptions, type OpenSettings, type PathLocation, type SourceLocation } from './source-location.js';

/** What is known of a source before its first frame. */
export type SourceInfo = {
  /** The upright picture in square pixels: rotation and sample aspect applied. */
  readonly size: Size;
  readonly orientation: Orientation;
  readonly codecName: string;
  /** ffmpeg's name of the container's demuxer, such as `mov,mp4,m4a,3gp,3g2,mj2`. */
  readonly container: string;
  /** Whether its pixels may be transparent, which nobody wants to see. */
  readonly hasAlpha: boolean;
  /** Of the timestamps: seconds a tick. */
  readonly timeBase: Rational;
  /** What the source says of itself, frames a second; `null` when it says nothing. */
  readonly declaredFps: Rational | null;
  /** Of the video stream; `null` for live sources and where the container does not know. */
  readonly durationMs: number | null;
  /** Whether `durationMs` is the video stream's own; else it is the container's, which may end later. */
  readonly durationIsExact: boolean;
  /** As the container counts; `null` where it does not. */
  readonly frameCount: number | null;
  /** First timestamp, ms; `null` when unknown. */
  readonly startPtsMs: number | null;
};

/** Half a second of the stream, against five by default (six before the first frame of MPEG-TS). */
const QUICK_ANALYSIS = ['-analyzeduration', '500000'];
/** Faster than any camera: a rate that was guessed from too little. */
const FASTEST_FPS = 1000;
/** Time that ffprobe gets beside the network's own limit. */
const PROBE_TIMEOUT_MS = 20_000;
const ENTRIES =
  'stream=index,codec_name,pix_fmt,width,height,sample_aspect_ratio,time_base,avg_frame_rate,r_frame_rate,start_pts,duration,nb_frames:stream_tags=rotate,DURATION:stream_side_data=side_data_type,displaymatrix,rotation:format=duration,format_name';

/** What ffprobe or ffmpeg gets after `-i`, and the variables that it is started with. */
export type InputWay = { readonly input: string; readonly environment: Readonly<Record<string, string | null>> };

export type ProbeOptions = Partial<OpenSettings> & {
  readonly tools: FfmpegTools;
  /** The way to the source. */
  readonly route: InputWay;
  /** Look no longer than needed at a stream that has no end; where that does not tell the size of its picture, look again as long as ffprobe likes. */
  readonly live?: boolean;
  /** Larger pictures than it allows are refused, before any buffer is made for them. */
  readonly access?: SourceAccess;
  readonly signal?: AbortSignal;
};

/** Asks ffprobe what a source holds.
 * @throws {SourceOpenError} one plain line that names the source: missing, a folder, not a video, no video stream, too large, refused
 * @throws {SourceUnauthorizedError} when the login is refused
 * @throws {SourceStalledError} when a network source does not answer in time
 * @throws {MissingProgramError} without ffprobe
 * @throws {ClosedError} when `signal` ended it */
export async function probeSource(location: SourceLocation, options: ProbeOptions): Promise<SourceInfo> {
  if (location.kind === 'file' || location.kind === 'device') await assertReadable(location);
  const settings = { transport: options.transport ?? 'tcp', timeoutMs: options.timeoutMs ?? 10_000, imageFps: options.imageFps };
  const access = options.access ?? CONFIGURED_ACCESS;
  const ask = (analysis: readonly string[]): Promise<RunResult> => runProgram({
    program: options.tools.ffprobePath,
    args: ['-hide_banner', '-loglevel', 'repeat+level+error', ...openOptions(location, options.tools, settings), ...analysis, '-max_pixels', String(access.maxPixels), '-print_format', 'json', '-select_streams', 'V', '-show_entries', ENTRIES, '-i', options.route.input],
    environment: options.route.environment,
    setpriv: options.tools.setpriv,
    timeoutMs: isOnDisk(location) ? PROBE_TIMEOUT_MS : PROBE_TIMEOUT_MS + settings.timeoutMs,
    secrets: location.secrets,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (options.live === true && !isOnDisk(location)) {
    const result = await ask(QUICK_ANALYSIS);
    if (!isWithoutSize(result)) return readProbe(result, location, access);
  }
  return readProbe(await ask([]), location, access);
}

/** Whether the stream was joined between two key frames and not looked at until the next. */
function isWithoutSize({ exitCode, endedBy, startError, stdout }: RunResult): boolean {
  if (exitCode !== 0 || endedBy !== null || startError !== null) return false;
  const stream = (JSON.parse(stdout) as Probed).streams?.[0];
  return stream === undefined || !((stream.width ?? 0) > 0 && (stream.height ?? 0) > 0);
}

async function assertReadable({ kind, path, displayName }: PathLocation): Promise<void> {
  try {
    const facts = await stat(path);
    const problem = kind === 'device' ? (facts.isCharacterDevice() ? null : 'is not a camera') : fileProblem(facts);
    if (problem !== null) throw new SourceOpenError(`${displayName}: ${problem}`, { retryable: kind === 'device' });
  } catch (error) {
    if (error instanceof SourceOpenError) throw error;
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' || code === 'ENOTDIR' ? (kind === 'device' ? 'no such device: is the camera plugged in?' : 'no such file') : code === 'EACCES' ? 'no permission to read it' : `cannot be read (${String(code)})`;
    throw new SourceOpenError(`${displayName}: ${reason}`, { retryable: kind === 'device', cause: error });
  }
}

function fileProblem(facts: Stats): string | null {
  // It is opened twice, to look at it and to play it: a pipe would be empty, or wait for ever, the second time.
  if (!facts.isFile()) return 'is a pipe or a device, expected a video file';
  return facts.size === 0 ? 'the file is empty' : null;
}

type ProbedStream = {
  codec_name?: string;
  pix_fmt?: string;
  width?: number;
  height?: number;
  sample_aspect_ratio?: string;
  time_base?: string;
  avg_frame_rate?: string;
  r_frame_rate?: string;
  start_pts?: number;
  duration?: string;
  nb_frames?: string;
  tags?: { rotate?: string; DURATION?: string };
  side_data_list?: { displaymatrix?: string; rotation?: number }[];
};
type Probed = { streams?: ProbedStream[]; programs?: unknown; format?: { duration?: string; format_name?: string } };

function readProbe(result: RunResult, location: SourceLocation, access: SourceAccess): SourceInfo {
  const name = location.displayName;
  if (result.startError !== null) throw result.startError instanceof MissingProgramError ? result.startError : new SourceOpenError(`${name}: ffprobe did not start: ${result.startError.message}`, { retryable: true });
  if (result.endedBy === 'abort') throw new ClosedError(name);
  const retryable = !isOnDisk(location);
  const log = stderrLog(result.stderrTail);
  if (result.endedBy === 'timeout') {
    if (retryable) throw new SourceStalledError(`${name}: no answer in time`, { log });
    throw new SourceOpenError(`${name}: could not be examined in ${String(PROBE_TIMEOUT_MS / 1000)} s`);
  }
  const refused = result.exitCode !== 0 || isWithoutSize(result) ? /Picture size (\d+)x(\d+) exceeds/u.exec(result.stderrTail) : null;
  if (refused !== null) throw tooLarge(name, { widthPx: Number(refused[1]), heightPx: Number(refused[2]) }, access);
  if (result.exitCode !== 0 || result.endedBy !== null) {
    if (isUnauthorized(result.stderrTail)) throw new SourceUnauthorizedError(`${name}: user or password refused`, { retryable, log });
    throw new SourceOpenError(`${name}: ${plainReason(result.stderrTail) ?? 'not a video that can be read'}`, { retryable, log });
  }
  const probed = JSON.parse(result.stdout) as Probed;
  const stream = probed.streams?.[0];
  // A camera whose stream is not up yet may answer without one, so a network source is tried again.
  if (stream === undefined) throw new SourceOpenError(`${name}: has no video stream`, { retryable });
  return describe(stream, probed, { name, access });
}

function tooLarge(name: string, { widthPx, heightPx }: Size, { maxSidePx, maxPixels }: SourceAccess): SourceOpenError {
  return new SourceOpenError(`${name}: ${String(widthPx)}x${String(heightPx)} is too large, at most ${String(maxSidePx)} pixels a side and ${String(maxPixels / 1e6)} megapixels`);
}

function describe(stream: ProbedStream, probed: Probed, { name, access }: { readonly name: string; readonly access: SourceAccess }): SourceInfo {
  const coded = { widthPx: stream.width ?? 0, heightPx: stream.height ?? 0 };
  if (coded.widthPx < 1 || coded.heightPx < 1) throw new SourceOpenError(`${name}: the size of its picture is unknown: the file is damaged or not a video`);
  const matrix = stream.side_data_list?.find((data) => data.displaymatrix !== undefined || data.rotation !== undefined);
  const orientation = orientationOf({ displayMatrix: matrix?.displaymatrix, rotationDegrees: matrix?.rotation, rotateTag: stream.tags?.rotate });
  const size = uprightSize(coded, sampleAspect(stream.sample_aspect_ratio), orientation);
  for (const each of [coded, size]) {
    if (Math.max(each.widthPx, each.heightPx) > access.maxSidePx || each.widthPx * each.heightPx > access.maxPixels) throw tooLarge(name, each, access);
  }
  const timeBase = parseRational(stream.time_base) ?? { num: 1, den: 90_000 };
  const streamDurationMs = secondsToMs(stream.duration) ?? clockToMs(stream.tags?.DURATION);
  const frameCount = Number(stream.nb_frames);
  const container = probed.format?.format_name ?? 'unknown';
  return {
    size,
    orientation,
    codecName: stream.codec_name ?? 'unknown',
    container,
    hasAlpha: /^(?:yuva|rgba|argb|bgra|abgr|gbrap|ya\d|pal8|ayuv|vuya)/u.test(stream.pix_fmt ?? ''),
    timeBase,
    declaredFps: carriesTimes(container) ? declaredFps(stream) : null,
    durationMs: streamDurationMs ?? secondsToMs(probed.format?.duration),
    durationIsExact: streamDurationMs !== null,
    frameCount: Number.isInteger(frameCount) && frameCount > 0 ? frameCount : null,
    startPtsMs: stream.start_pts === undefined ? null : ticksToMs(stream.start_pts, timeBase),
  };
}

/** Width of a pixel by its height; values beyond 10:1 are taken for damage and ignored. */
function sampleAspect(text: string | undefined): number {
  const ratio = parseRational(text);
  const value = ratio === null ? 1 : rationalValue(ratio);
  return value >= 0.1 && value <= 10 ? value : 1;
}

/** The average rate says what to expect over time; where it agrees with the base rate (to 0.5 %), that one is the exact figure. */
function declaredFps(stream: ProbedStream): Rational | null {
  const [average, base] = [stream.avg_frame_rate, stream.r_frame_rate].map((text) => {
    const rate = parseRational(text);
    return rate === null || rationalValue(rate) > FASTEST_FPS ? null : rate;
  });
  if (average == null || base == null) return average ?? base ?? null;
  return Math.abs(rationalValue(average) / rationalValue(base) - 1) < 0.005 ? base : average;
}

function secondsToMs(text: string | undefined): number | null {
  const ms = Number(text) * 1000;
  return ms > 0 && Number.isFinite(ms) ? ms : null;
}

function clockToMs(text: string | undefined): number | null {
  const match = /^(\d+):(\d\d):(\d\d(?:\.\d+)?)$/u.exec(text ?? '');
  if (match === null) return null;
  return secondsToMs(String(Number(match[1]) * 3600 + Number(match[2]) * 60 + Number(match[3])));
}
