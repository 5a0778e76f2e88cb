import type { FrameNumbers } from '../core/frame-numbers.js';
import type { VideoFrame } from '../core/frames.js';
import type { Size } from '../core/geometry.js';
import type { StatusError, StreamMode, StreamState } from '../core/stream-status.js';
import type { Rational } from '../ffmpeg/rational.js';
import type { FfmpegTools } from '../ffmpeg/tools.js';
import type { Logger } from '../telemetry/logger.js';
import type { FrameBudget } from './frames/frame-budget.js';
import type { SourceAccess } from './opening/source-access.js';

export type VideoSourceOptions = {
  readonly streamId: string;
  /** Path (of a folder or pattern of images too), `rtsp(s)://`, `http(s)://` or `demo:street`. */
  readonly source: string;
  readonly mode: StreamMode;
  /** At most this many frames a second, nearest to the grid k / fps from the first frame on; `null`: every frame. */
  readonly fps: number | null;
  /** Width limit of the display picture; `null`: the source's own. */
  readonly widthPx: number | null;
  /** Images a second of a folder of images; default 1. */
  readonly imageFps?: number;
  /** Start again at the end. The demo always does when it is live. */
  readonly loop: boolean;
  readonly transport: 'tcp' | 'udp';
  /** How long the network may be silent, ms. */
  readonly timeoutMs: number;
  /** Of a live source: a second address of the same camera, smaller, that frames are taken from; `null` or left out: none. Picture and
   * model input both come from it, because boxes must lie on the very frame that they were found on. */
  readonly detectSource?: string | null;
  /** ffmpeg's name of the hardware decoder; `null` or left out: software. */
  readonly hwaccel?: string | null;
  /** Which device it uses, such as `/dev/dri/renderD128`; `null` or left out: ffmpeg's choice. */
  readonly hwaccelDevice?: string | null;
  /** What the source may lead to; default: what an operator's own files may. */
  readonly access?: SourceAccess;
  /** What frames of all streams may take together; default: no limit. */
  readonly budget?: FrameBudget;
  /** Multiplies every wait between two tries; for tests and benchmarks. Default 1. */
  readonly backoffScale?: number;
  readonly modelInputSize: Size;
  /** Where frames get their `seq` from, for a source that goes on where another of the same stream stopped; default: 0 and up. */
  readonly numbers?: FrameNumbers;
  /** Most frames that may be held at a time before the source gives up on its consumer; default 96. */
  readonly maxHeldFrames?: number;
  readonly tools: FfmpegTools;
  /** Path of the demo clip; draws it when it is not there. Asked only for `demo:street`. */
  readonly demoClip: () => Promise<string>;
  readonly log: Logger;
};

/** Where a replay is to go: the last frame at or before a position, ms after the first frame; or so many frames (not 0) from the frame at a presentation time. */
export type SeekTarget = { readonly positionMs: number } | { readonly fromPtsMs: number; readonly frames: number };

/** What is known of a source now; unknown is `null`. */
export type SourceStatus = {
  readonly state: StreamState;
  /** Size of `VideoFrame.display`. */
  readonly displaySize: Size | null;
  /** The upright picture in square pixels. */
  readonly sourceSize: Size | null;
  readonly timeBase: Rational | null;
  readonly declaredFps: number | null;
  /** `declaredFps` as the exact fraction. */
  readonly declaredRate: Rational | null;
  readonly durationMs: number | null;
  readonly frameCount: number | null;
  /** Time of the first frame (before it came: as the container announces it), ms. */
  readonly startPtsMs: number | null;
  /** Why it is not running; with `ended`: what was missing or damaged. */
  readonly error: StatusError | null;
  /** When it is tried again, epoch ms; `null` while it does not wait. */
  readonly retryAtMs: number | null;
  /** Runs of ffmpeg that were begun after the first. */
  readonly restarts: number;
  /** Which of `source` and `detectSource` the frames come from, without secrets; `null` before the first try. */
  readonly activeSource: string | null;
  /** What decodes: `software`, `cuda`, or `software (cuda failed: …)`; `null` before the first try. */
  readonly decoder: string | null;
};

export type VideoSourceEvents = {
  /** A frame; the receiver owns it. Live frames come as they arrive, a replay's only as requested. */
  readonly onFrame: (frame: VideoFrame) => void;
  /** Called on each change. */
  readonly onState: (status: SourceStatus) => void;
};

/** One stream's source and the supervisor of its ffmpeg. */
export interface VideoSource {
  readonly status: SourceStatus;
  /** Process id of the ffmpeg that runs now. */
  readonly pid: number | undefined;
  start(): void;
  /** Lets a replay hand out `count` more frames; `Infinity` for all. Without effect on a live source. */
  request(count: number): void;
  /** Stops a live source. Without effect on a replay: it hands out what is asked for, and no more. */
  pause(): void;
  /** Starts a live source again. */
  play(): void;
  /** Lets a replay go elsewhere, also one that has ended: the frame there is what it hands out next, then those behind it. The newest of several wins.
   * A step beyond the last frame gives none, and the end again.
   * @returns the `seq` of the frame there: what comes with a lower one was on its way before
   * @throws {CommandNotSupportedError} of a live source */
  seek(target: SeekTarget): number;
  /** Starts ffmpeg again with another size of the model's input; a replay goes on after the last frame that it handed out. */
  setModelInputSize(size: Size): void;
  /** Ends everything; resolves when ffmpeg is gone. No event comes after that. Idempotent. Frames that are held stay valid. */
  close(): Promise<void>;
}
