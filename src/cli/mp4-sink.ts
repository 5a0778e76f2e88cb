import type { Annotator } from '../annotation/annotator.js';
import type { DetectedFrame } from '../core/frames.js';
import { Mp4Encoder } from '../ffmpeg/mp4-encoder.js';
import type { FfmpegTools } from '../ffmpeg/tools.js';
import type { FrameSink } from '../pipeline/detect-file.js';
import type { SourceStatus } from '../sources/video-source.js';

/** For sources that do not tell their time base: milliseconds. */
const MILLISECONDS = { num: 1, den: 1000 };

/** Writes an annotated video, each frame at its own time. */
export class Mp4Sink implements FrameSink {
  readonly #path: string;
  readonly #tools: FfmpegTools;
  readonly #annotator: Annotator;
  #encoder: Mp4Encoder | null = null;

  constructor(path: string, tools: FfmpegTools, annotator: Annotator) {
    this.#path = path;
    this.#tools = tools;
    this.#annotator = annotator;
  }

  async write(detected: DetectedFrame, source: SourceStatus): Promise<void> {
    const { display, ptsMs } = detected.frame;
    this.#encoder ??= new Mp4Encoder({
      tools: this.#tools,
      path: this.#path,
      size: { widthPx: display.widthPx, heightPx: display.heightPx },
      timeBase: source.timeBase ?? MILLISECONDS,
      rate: source.declaredRate,
    });
    await this.#encoder.write(this.#annotator.drawRaw(detected), ptsMs);
  }

  /** Completes the file. Without a frame there is none. */
  async finish(): Promise<void> {
    await this.#encoder?.finish();
  }

  /** Removes what was written unless it is complete. Idempotent. */
  async close(): Promise<void> {
    await this.#encoder?.destroy();
  }
}
