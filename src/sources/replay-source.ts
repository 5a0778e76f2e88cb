import type { SightlineError } from '../core/errors.js';
import { limitWidth, type Size } from '../core/geometry.js';
import { rationalValue } from '../ffmpeg/rational.js';
import { backoffMs } from './backoff.js';
import { FramePools } from './frame-pools.js';
import { locateSource, openRun } from './open-run.js';
import { Pacer } from './pacer.js';
import type { SourceInfo } from './probe-source.js';
import { outcomeOfError, outcomeOfRun } from './run-outcome.js';
import { DEMO_SOURCE } from '../core/source-kind.js';
import type { SourceLocation } from './source-location.js';
import type { RunPlan, SourceRun } from './source-run.js';
import { INITIAL_STATE, step, type RunOutcome, type SupervisorEffect, type SupervisorEvent, type SupervisorState } from './replay-machine.js';
import type { SourceStatus, VideoSource, VideoSourceEvents, VideoSourceOptions } from './video-source-contract.js';

const DEFAULT_MAX_HELD_FRAMES = 96;
/** A camera that refuses a login may lock the account when it is asked too often. */
const UNAUTHORIZED_RETRY_MS = 30_000;
/** Frames have to come for this long before earlier failures are forgiven. */
const HEALTHY_AFTER_MS = 10_000;
const WATCH_INTERVAL_MS = 250;
/** A replay that goes on in the middle starts decoding this much earlier and skips what was handed out. */
const SEEK_LEAD_MS = 1000;

/** The {@link VideoSource} of a replay: carries out what the state machine decides, and hands out frames as they are asked for. */
export class ReplaySource implements VideoSource {
  readonly #options: VideoSourceOptions;
  readonly #events: VideoSourceEvents;
  readonly #live: boolean;
  readonly #loop: boolean;
  readonly #pacer = new Pacer();
  readonly #pools: FramePools;
  readonly #queue: SupervisorEvent[] = [];
  #state: SupervisorState = INITIAL_STATE;
  #stepping = false;
  #pumping = false;
  #modelInputSize: Size;
  #seq = 0;
  #demand = 0;
  #info: SourceInfo | null = null;
  #firstPtsMs: number | null = null;
  #lastPtsMs: number | null = null;
  #continuesAtMs: number | null = null;
  #run: SourceRun | null = null;
  #abort: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();
  #retryTimer: NodeJS.Timeout | null = null;
  #paceTimer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  #lastStatus = '';

  constructor(options: VideoSourceOptions, events: VideoSourceEvents) {
    if (options.fps !== null && !(options.fps > 0)) throw new RangeError(`Expected \`fps\` to be > 0, got ${String(options.fps)}`);
    this.#options = options;
    this.#events = events;
    this.#modelInputSize = options.modelInputSize;
    this.#pools = new FramePools(options.maxHeldFrames ?? DEFAULT_MAX_HELD_FRAMES);
    this.#live = options.mode === 'live';
    this.#loop = options.loop || (this.#live && options.source === DEMO_SOURCE);
  }

  get status(): SourceStatus {
    const info = this.#info;
    const { status, error } = this.#state;
    return {
      state: status,
      displaySize: info === null ? null : limitWidth(info.size, this.#options.widthPx),
      sourceSize: info?.size ?? null,
      timeBase: info?.timeBase ?? null,
      declaredFps: info?.declaredFps ? rationalValue(info.declaredFps) : null,
      declaredRate: info?.declaredFps ?? null,
      durationMs: info?.durationMs ?? null,
      frameCount: info?.frameCount ?? null,
      startPtsMs: this.#firstPtsMs ?? info?.startPtsMs ?? null,
      error: error === null ? null : { code: error.code, message: error.message, ...(error.log.length > 0 && { log: error.log }) },
      retryAtMs: null,
      restarts: 0,
      activeSource: null,
      decoder: null,
    };
  }

  get pid(): number | undefined {
    return this.#run?.reader.pid;
  }

  start(): void {
    if (this.#options.startPaused === true && !this.#live) this.#dispatch({ type: 'pause' });
    this.#dispatch({ type: 'start' });
  }

  request(count: number): void {
    if (!(count >= 0)) throw new RangeError(`Expected \`count\` to be >= 0, got ${String(count)}`);
    this.#demand += count;
    this.#pump();
  }

  pause(): void {
    this.#clearPaceTimer();
    this.#dispatch({ type: 'pause' });
  }

  play(): void {
    this.#pacer.reset();
    this.#dispatch({ type: 'play' });
    this.#pump();
  }

  setModelInputSize(size: Size): void {
    if (size.widthPx === this.#modelInputSize.widthPx && size.heightPx === this.#modelInputSize.heightPx) return;
    this.#modelInputSize = size;
    this.#dispatch({ type: 'replace', error: null });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#dispatch({ type: 'close' });
    await this.#running;
    this.#clearPaceTimer();
    this.#pools.close();
  }

  /** Takes events one after the other, those too that its own effects and listeners cause. */
  #dispatch(event: SupervisorEvent): void {
    this.#queue.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { state, effects } = step(this.#state, next, { live: this.#live });
        this.#state = state;
        for (const effect of effects) this.#perform(effect);
        this.#tellStatus();
      }
    } finally {
      this.#stepping = false;
    }
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'start-run':
        this.#running = this.#runToEnd();
        return;
      case 'stop-run':
        this.#abort?.abort();
        return;
      case 'arm-retry': {
        const delayMs = effect.reason === 'unauthorized' ? UNAUTHORIZED_RETRY_MS : backoffMs(effect.attempt, Math.random());
        this.#options.log.warn({ stream: this.#options.streamId, attempt: effect.attempt, delayMs: Math.round(delayMs), reason: this.#state.error?.message }, 'source failed, trying again');
        this.#retryTimer = setTimeout(() => { this.#dispatch({ type: 'retry-due' }); }, delayMs);
        return;
      }
      case 'cancel-retry':
        if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    }
  }

  #tellStatus(): void {
    const status = this.status;
    const text = JSON.stringify(status);
    if (text === this.#lastStatus) return;
    this.#lastStatus = text;
    this.#events.onState(status);
  }

  async #runToEnd(): Promise<void> {
    const abort = new AbortController();
    this.#abort = abort;
    let location: SourceLocation | null = null;
    let outcome: RunOutcome;
    try {
      location = await locateSource(this.#options.source, this.#options, abort.signal);
      outcome = await this.#runOnce(location, abort.signal);
    } catch (error) {
      outcome = outcomeOfError(error, location);
    }
    this.#abort = null;
    if (outcome.kind === 'again') {
      this.#lastPtsMs = null;
      this.#pacer.reset();
    }
    this.#dispatch({ type: 'run-ended', outcome });
  }

  async #runOnce(location: SourceLocation, signal: AbortSignal): Promise<RunOutcome> {
    const failure: { error: SightlineError | null } = { error: null };
    const run = await openRun({
      source: this.#options,
      location,
      // A file stays what it is.
      knownInfo: location.kind === 'file' ? this.#info : null,
      pools: this.#pools,
      signal,
      plan: (info) => this.#plan(info),
      onReady: () => { this.#pump(); },
      onError: (error) => {
        failure.error = error;
        stop();
      },
    });
    const { info } = run;
    this.#info = info;
    this.#tellStatus();
    const stop = (): void => { void run.close(); run.onEmpty?.(); };
    signal.addEventListener('abort', stop, { once: true });
    this.#run = run;
    const watch = setInterval(() => { this.#watch(run); }, WATCH_INTERVAL_MS);
    try {
      const end = await run.reader.done;
      // An abort empties the reader, so that this does not wait for frames that nobody takes.
      if (run.reader.hasFrame) await new Promise<void>((resolve) => { run.onEmpty = resolve; });
      if (failure.error !== null) return outcomeOfError(failure.error, location);
      const { fps } = this.#options;
      return outcomeOfRun(end, { location, info, live: this.#live, loop: this.#loop, fps, continued: this.#continuesAtMs !== null, firstPtsMs: this.#firstPtsMs, lastPtsMs: run.lastPtsMs });
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      this.#clearPaceTimer();
      this.#run = null;
      await run.close();
    }
  }

  /** Whether the next frame was handed out by an earlier run. */
  #isKnown(run: SourceRun): boolean {
    return this.#continuesAtMs !== null && (run.reader.nextPtsMs ?? 0) <= this.#continuesAtMs;
  }

  #plan(info: SourceInfo): RunPlan {
    // Only a replay that is interrupted goes on where it was; one that came to its end starts at its beginning.
    this.#continuesAtMs = this.#live ? null : this.#lastPtsMs;
    const seekMs = this.#continuesAtMs === null ? 0 : this.#continuesAtMs - (info.startPtsMs ?? 0) - SEEK_LEAD_MS;
    return {
      modelInputSize: this.#modelInputSize,
      hwaccel: this.#options.hwaccel ?? null,
      loop: this.#live && this.#loop,
      gridStartMs: this.#live ? null : this.#firstPtsMs,
      seekMs: seekMs > 0 ? seekMs : null,
    };
  }

  /** Hands out what may go now. */
  #pump(): void {
    const run = this.#run;
    // A receiver that requests more from within onFrame is served by the loop that is on already.
    if (run === null || this.#pumping) return;
    this.#pumping = true;
    try {
      while (run.reader.hasFrame && this.#state.phase === 'active' && this.#mayHandOut(run)) this.#handOut(run);
    } finally {
      this.#pumping = false;
    }
    if (!run.reader.hasFrame) run.onEmpty?.();
  }

  #mayHandOut(run: SourceRun): boolean {
    if (this.#live || this.#isKnown(run)) return true;
    if (this.#demand < 1 || (this.#state.held && this.#seq > 0)) return false;
    if (this.#options.pacing === 'none') return true;
    const waitMs = this.#pacer.waitMs(run.reader.nextPtsMs ?? 0, performance.now());
    if (waitMs <= 0) return true;
    this.#paceTimer ??= setTimeout(() => { this.#paceTimer = null; this.#pump(); }, Math.ceil(waitMs));
    return false;
  }

  #handOut(run: SourceRun): void {
    if (this.#isKnown(run)) {
      run.skip();
      return;
    }
    const frame = run.take(this.#seq);
    if (frame === undefined) return;
    this.#seq += 1;
    if (!this.#live) {
      this.#demand -= 1;
      this.#pacer.handedOut(frame.ptsMs, performance.now());
    }
    this.#firstPtsMs ??= frame.ptsMs;
    this.#lastPtsMs = frame.ptsMs;
    this.#dispatch({ type: 'frame' });
    this.#events.onFrame(frame);
  }

  #watch(run: SourceRun): void {
    const nowMs = performance.now();
    if (this.#state.attempt > 0 && run.healthyMs >= HEALTHY_AFTER_MS) this.#dispatch({ type: 'healthy' });
    const stall = run.stall(nowMs);
    if (stall !== null) this.#dispatch({ type: 'replace', error: stall });
  }

  #clearPaceTimer(): void {
    if (this.#paceTimer !== null) clearTimeout(this.#paceTimer);
    this.#paceTimer = null;
  }
}
