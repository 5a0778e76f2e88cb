import type { Subscription } from 'rxjs';
import { offerFrame } from '../annotation/offered-frame.js';
import type { Lane } from '../batching/lane.js';
import { CommandNotSupportedError, ServingDeadlineError, ServingOverloadedError, ServingUnavailableError } from '../core/errors.js';
import type { DetectedFrame, OfferedFrame, VideoFrame } from '../core/frames.js';
import type { StreamCommand } from '../core/stream-control.js';
import type { DropReason, StreamState, StreamStatus } from '../core/stream-status.js';
import type { StreamTimeline } from '../core/stream-timeline.js';
import { withThresholds } from '../detection/thresholds.js';
import type { SourceStatus, VideoSource } from '../sources/video-source.js';
import { composeStatus } from './compose-status.js';
import { DetectionTimeline } from './detection-timeline.js';
import { detectThrough } from './detect-through.js';
import { FpsMeter } from './fps-meter.js';
import { failReason, observeStages, undetected } from './frame-ends.js';
import type { FrameLedger } from './frame-ledger.js';
import { Playout, type PlaybackHand } from './playout.js';
import { MAX_LOOKAHEAD, ReplayDemand } from './replay-demand.js';
import type { StreamRunnerOptions } from './stream-runner-options.js';
import { videoFrames$ } from './video-frames.js';

/** Where a stream stands: `hand` and `positionMs` of a replay. */
export type Standing = { readonly source: string; readonly isPaused: boolean; readonly hand: PlaybackHand | null; readonly positionMs: number | null };

/** A frame that failed this often is given up. */
const MAX_ATTEMPTS = 3;

/** How long a live frame that was looked at waits for an earlier one that a slower or dead backend has, ms: about the time in which a gap is not seen yet. */
const HOLD_MS = 100;

/** Runs one stream: its source, its lane through detection, its newest frame, its books. */
export class StreamRunner {
  readonly id: string;
  #options: StreamRunnerOptions;
  readonly #ledger: FrameLedger;
  readonly #fps = new FpsMeter();
  /** Of a replay. */
  readonly #playout: Playout | null;
  readonly #demand: ReplayDemand | null;
  readonly #timeline: DetectionTimeline | null;
  readonly #stopListening: () => void;
  #subscription: Subscription | null = null;
  #source: VideoSource | null = null;
  #lane: Lane | null = null;
  #sourceStatus: SourceStatus | null = null;
  #latest: OfferedFrame | null = null;
  #latestDetected: { ptsMs: number; capturedAtMs: number } | null = null;
  #newestSeq = -1;
  #hadFrame = false;
  #watchers = 0;
  #closed = false;
  #isGone = false;

  constructor(options: StreamRunnerOptions) {
    this.id = options.id;
    this.#options = options;
    this.#ledger = options.ledger;
    this.#playout = options.mode === 'replay' ? this.#createPlayout() : null;
    this.#demand = this.#playout === null ? null : this.#createDemand(this.#playout);
    this.#timeline = this.#playout === null ? null : new DetectionTimeline();
    this.#stopListening = options.detector.onChange(() => {
      this.#detectorChanged();
    });
  }

  start(): void {
    if (this.#subscription !== null || this.#closed) return;
    const { detector, batcher, mode, log } = this.#options;
    const live = mode === 'live';
    const frames$ = videoFrames$(
      { ...this.#options.source, streamId: this.id, mode, modelInputSize: detector.state.inputSize },
      {
        // A replay that has ended can be sent back.
        completes: false,
        onSource: (source) => {
          this.#source = source;
        },
        onState: (status) => {
          this.#sourceStatus = status;
          this.#timeline?.describe(status);
          this.#lookForEnd();
          this.#options.onStateChange();
        },
      },
    );
    this.#subscription = frames$
      .pipe(
        detectThrough(batcher, {
          policy: live ? 'drop-oldest' : 'wait',
          capacity: live ? 1 : MAX_LOOKAHEAD,
          ...(live && { deadlineMs: this.#options.deadlineMs, holdMs: HOLD_MS }),
          onLane: (lane) => {
            this.#lane = lane;
          },
          onSpace: () => { this.#lookForEnd(); },
          bypass: (frame) => {
            if (!this.#hadFrame) this.#options.onFirstFrame?.();
            this.#hadFrame = true;
            this.#ledger.decoded(frame.seq);
            return live && detector.state.maxInFlightBatches === 0 ? undetected(frame) : null;
          },
          shouldRetry: (error, attempts) => !live && (error instanceof ServingUnavailableError || error instanceof ServingOverloadedError || attempts < MAX_ATTEMPTS),
          onFailed: (frame, error) => this.#frameFailed(frame, error),
          onDropped: (frame, reason) => { this.#drop(frame, reason); },
        }),
      )
      .subscribe({
        next: (detected) => {
          if (this.#playout === null) this.#offer(detected);
          else this.#playout.push(detected);
        },
        error: (error: unknown) => {
          log.error({ stream: this.id, err: error }, 'stream ended by a defect');
        },
      });
    this.#demand?.topUp();
    if (this.#watchers > 0) this.#playout?.watched();
  }

  /** @throws {CommandNotSupportedError} of a live stream, for anything but pause and play */
  control(command: StreamCommand): void {
    if (this.#playout !== null) this.#playout.control(command);
    else if (command.action === 'pause') this.#source?.pause();
    else if (command.action === 'play') this.#source?.play();
    else throw new CommandNotSupportedError(`${this.id} is live: it can only be paused and played`);
  }

  /** How the source fares; `starting` before it says anything. */
  get sourceState(): StreamState {
    return this.#sourceStatus?.state ?? 'starting';
  }

  /** Changes what people see without a new start; holds from the next frame on. */
  restyle({ name, thresholds }: Pick<StreamRunnerOptions, 'name' | 'thresholds'>): void {
    this.#options = { ...this.#options, name, thresholds };
  }

  get hasPicture(): boolean {
    return this.#latest !== null;
  }

  /** Where the stream stands, for the runner that takes its place. */
  get standing(): Standing {
    return { source: this.#options.source.source, isPaused: this.sourceState === 'paused', hand: this.#playout?.hand ?? null, positionMs: this.status().positionMs };
  }

  /** Goes on where another runner stood: paused or not, at its speed and, in the same recording, at its place. To be called after `start()`. */
  continueFrom({ source, isPaused, hand, positionMs }: Standing): void {
    if (this.#playout === null && isPaused) this.#source?.pause();
    if (hand !== null) this.#playout?.take(hand, source === this.#options.source.source ? positionMs : null);
  }

  /** Takes over the newest picture of the runner before it, until it has one of its own. */
  inheritPicture(other: StreamRunner): void {
    if (this.#latest !== null) return;
    this.#latest = other.#latest;
    other.#latest = null;
  }

  /** The newest frame, retained for the caller. */
  latest(): OfferedFrame | undefined {
    this.#latest?.retain();
    return this.#latest ?? undefined;
  }

  /** A replay begins to play with its first viewer. */
  watch(): () => void {
    this.#watchers += 1;
    if (this.#watchers === 1) this.#playout?.watched();
    let watching = true;
    return () => {
      if (watching) this.#watchers -= 1;
      watching = false;
    };
  }

  /** What was found where in a replay; `null` of a live stream. */
  timeline(): StreamTimeline | null {
    return this.#timeline?.snapshot() ?? null;
  }

  status(): StreamStatus {
    const { id, name, mode, redactedSource, redact = (text) => text, detector } = this.#options;
    return composeStatus({
      id, name, mode, redactedSource, redact,
      source: this.#sourceStatus,
      latest: this.#latestDetected,
      counters: this.#ledger.counters(),
      measuredFps: this.#fps.fps(performance.now()),
      thresholds: this.#options.thresholds,
      detector: detector.state.status,
      playout: this.#playout,
      closed: this.#closed,
    });
  }

  /** Stops the source, drops what is on its way and lets go of the newest frame. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopListening();
    this.#playout?.close();
    this.#subscription?.unsubscribe();
    await this.#source?.close();
    this.#latest?.release();
    this.#latest = null;
    if (!this.#isGone) this.#options.onClosed?.();
    this.#isGone = true;
  }

  #drop(frame: VideoFrame, reason: DropReason): void {
    this.#ledger.dropped(frame.seq, reason);
    frame.release();
    this.#demand?.ended();
  }

  #lookForEnd(): void {
    const state = this.#sourceStatus?.state;
    this.#playout?.setSourceEnded((state === 'ended' || state === 'failed') && (this.#lane?.size ?? 0) === 0);
  }

  #createPlayout(): Playout {
    return new Playout({
      show: (detected) => { this.#offer(detected); },
      drop: ({ frame }) => { this.#drop(frame, this.#closed ? 'closed' : 'seek'); },
      seek: (target) => {
        const seq = this.#source?.seek(target) ?? 0;
        for (const frame of this.#lane?.takeWaiting() ?? []) this.#drop(frame, 'seek');
        return seq;
      },
      onChange: () => {
        this.#demand?.topUp();
        this.#options.onStateChange();
      },
    });
  }

  #createDemand(playout: Playout): ReplayDemand {
    return new ReplayDemand({
      request: (count) => {
        this.#source?.request(count);
        return this.#source !== null;
      },
      batching: () => this.#options.detector.state,
      isPlaying: () => playout.playing,
    });
  }

  #offer(detected: DetectedFrame): void {
    const { frame } = detected;
    if (frame.seq <= this.#newestSeq) {
      // A frame that went around the detector has overtaken this one; people never see time run backwards.
      this.#drop(frame, 'superseded');
      return;
    }
    this.#newestSeq = frame.seq;
    this.#ledger.shown(frame.seq);
    this.#demand?.ended();
    this.#fps.mark(performance.now());
    observeStages(this.#options.metrics, detected);
    const shown = withThresholds(detected, this.#options.thresholds);
    const offered = offerFrame(this.#timeline?.placed(shown, this.#sourceStatus?.startPtsMs ?? null) ?? shown, this.#options.annotator);
    this.#latest?.release();
    this.#latest = offered;
    this.#latestDetected = { ptsMs: frame.ptsMs, capturedAtMs: frame.capturedAtMs };
    this.#options.onFrame(offered);
  }

  #frameFailed(frame: VideoFrame, error: unknown): DetectedFrame | null {
    const live = this.#options.mode === 'live';
    if (!this.#closed && live && error instanceof ServingUnavailableError) return undetected(frame);
    if (this.#closed) this.#ledger.dropped(frame.seq, 'closed');
    else if (live && error instanceof ServingDeadlineError) this.#ledger.dropped(frame.seq, 'deadline');
    else if (live && error instanceof ServingOverloadedError) this.#ledger.dropped(frame.seq, 'overloaded');
    else this.#ledger.failed(frame.seq, failReason(error));
    frame.release();
    this.#demand?.ended();
    return null;
  }

  #detectorChanged(): void {
    const { detector, mode } = this.#options;
    this.#source?.setModelInputSize(detector.state.inputSize);
    this.#demand?.topUp();
    if (mode === 'live' && detector.state.maxInFlightBatches === 0) {
      for (const frame of this.#lane?.takeWaiting() ?? []) this.#offer(undetected(frame));
    }
    this.#options.onStateChange();
  }
}
