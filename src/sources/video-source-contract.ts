import type { VideoFrame } from '../core/frames.js';
import type { Size } from '../core/geometry.js';
import type { StreamMode, StreamState } from '../core/stream-status.js';
import type { Rational } from '../ffmpeg/rational.js';
import type { FfmpegTools } from '../ffmpeg/tools.js';
import type { Logger } from '../telemetry/logger.js';

export type VideoSourceOptions = {
  readonly streamId: string;
  /** Path, `rtsp(s)://`, `http(s)://` or `demo:street`. */
  readonly source: string;
  readonly mode: StreamMode;
  /** At most this many frames a second, nearest to the grid k / fps from the first frame on; `null`: every frame. */
  readonly fps: number | null;
  /** Width limit of the display picture; `null`: the source's own. */
  readonly widthPx: number | null;
  /** Start again at the end. The demo always does when it is live. */
  readonly loop: boolean;
  readonly transport: 'tcp' | 'udp';
  /** How long the network may be silent, ms. */
  readonly timeoutMs: number;
  readonly modelInputSize: Size;
  /** Of a replay: at most the source's own speed, or as fast as frames are asked for. */
  readonly pacing: 'realtime' | 'none';
  /** Of a replay: hand out the first frame, then wait for {@link VideoSource.play}. */
  readonly startPaused?: boolean;
  /** Most frames that may be held at a time before the source gives up on its consumer; default 96. */
  readonly maxHeldFrames?: number;
  readonly tools: FfmpegTools;
  /** Path of the demo clip; draws it when it is not there. Asked only for `demo:street`. */
  readonly demoClip: () => Promise<string>;
  readonly log: Logger;
};

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
  readonly error: { readonly code: string; readonly message: string } | null;
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
  /** A replay holds its frames back; a live source is stopped. */
  pause(): void;
  play(): void;
  /** Starts ffmpeg again with another size of the model's input; a replay goes on after the last frame that it handed out. */
  setModelInputSize(size: Size): void;
  /** Ends everything; resolves when ffmpeg is gone. No event comes after that. Idempotent. Frames that are held stay valid. */
  close(): Promise<void>;
}
