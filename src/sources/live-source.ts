import { ClosedError, SourceStalledError, type SightlineError } from '../core/errors.js';
import { limitWidth, type Size } from '../core/geometry.js';
import { rationalValue } from '../ffmpeg/rational.js';
import { backoffMs } from './backoff.js';
import { FramePools } from './frame-pools.js';
import { closeFramePipes, openFramePipes, type FramePipes } from './frame-reader.js';
import { probeSource, type SourceInfo } from './probe-source.js';
import { outcomeOfError, outcomeOfRun } from './run-outcome.js';
import { DEMO_SOURCE, parseSource, type SourceLocation } from './source-location.js';
import { SourceRun } from './source-run.js';
import { INITIAL_STATE, step, type RunOutcome, type SupervisorEffect, type SupervisorEvent, type SupervisorState } from './supervisor-machine.js';
import type { SourceStatus, VideoSource, VideoSourceEvents, VideoSourceOptions } from './video-source-contract.js';

const DEFAULT_MAX_HELD_FRAMES = 96;
/** A camera that refuses a login may lock the account when it is asked too often. */
const UNAUTHORIZED_RETRY_MS = 30_000;
/** Frames have to come for this long before earlier failures are forgiven. */
const HEALTHY_AFTER_MS = 10_000;
const WATCH_INTERVAL_MS = 250;

/** The {@link VideoSource} of a camera, or of what plays one: carries out what the supervisor's state machine decides, and hands out frames as they arrive. */
export class LiveSource implements VideoSource {
  readonly #options: VideoSourceOptions;
  readonly #events: VideoSourceEvents;
  readonly #loop: boolean;
  readonly #pools: FramePools;
  readonly #queue: SupervisorEvent[] = [];
  #state: SupervisorState = INITIAL_STATE;
  #stepping = false;
  #pumping = false;
  #modelInputSize: Size;
  #seq = 0;
  #info: SourceInfo | null = null;
  #firstPtsMs: number | null = null;
  #run: SourceRun | null = null;
  #abort: AbortController | null = null;
  #running: Promise<void> = Promise.resolve();
  #retryTimer: NodeJS.Timeout | null = null;
  #closing: Promise<void> | null = null;
  #lastStatus = '';

  constructor(options: VideoSourceOptions, events: VideoSourceEvents) {
    if (options.fps !== null && !(options.fps > 0)) throw new RangeError(`Expected \`fps\` to be > 0, got ${String(options.fps)}`);
    this.#options = options;
    this.#events = events;
    this.#modelInputSize = options.modelInputSize;
    this.#pools = new FramePools(options.maxHeldFrames ?? DEFAULT_MAX_HELD_FRAMES);
    this.#loop = options.loop || options.source === DEMO_SOURCE;
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
      error: error === null ? null : { code: error.code, message: error.message },
    };
  }

  get pid(): number | undefined {
    return this.#run?.reader.pid;
  }

  start(): void {
    this.#dispatch({ type: 'start' });
  }

  /** Without effect: live frames come as they arrive. */
  request(): void {}

  pause(): void {
    this.#dispatch({ type: 'pause' });
  }

  play(): void {
    this.#dispatch({ type: 'play' });
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
    this.#pools.close();
  }

  /** Takes events one after the other, those too that its own effects and listeners cause. */
  #dispatch(event: SupervisorEvent): void {
    this.#queue.push(event);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
        const { state, effects } = step(this.#state, next, { live: true });
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
      location = parseSource(this.#options.source === DEMO_SOURCE ? await unlessAborted(this.#options.demoClip(), abort.signal) : this.#options.source);
      outcome = await this.#runOnce(location, abort.signal);
    } catch (error) {
      outcome = outcomeOfError(error, location);
    }
    this.#abort = null;
    this.#dispatch({ type: 'run-ended', outcome });
  }

  async #runOnce(location: SourceLocation, signal: AbortSignal): Promise<RunOutcome> {
    const { tools, transport, timeoutMs } = this.#options;
    // A file stays what it is; a camera may come back with other settings.
    const info = (location.kind === 'file' ? this.#info : null) ?? (await probeSource(location, { tools, transport, timeoutMs, signal }));
    const pipes = await openFramePipes();
    if (signal.aborted) {
      closeFramePipes(pipes);
      throw new ClosedError(location.displayName);
    }
    this.#info = info;
    this.#tellStatus();
    const failure: { error: SightlineError | null } = { error: null };
    const run = this.#open(location, info, pipes, (error) => {
      failure.error = error;
      stop();
    });
    const stop = (): void => { void run.reader.close(); run.onEmpty?.(); };
    signal.addEventListener('abort', stop, { once: true });
    this.#run = run;
    const watch = setInterval(() => { this.#watch(run, location); }, WATCH_INTERVAL_MS);
    try {
      const end = await run.reader.done;
      // An abort empties the reader, so that this does not wait for frames that nobody takes.
      if (run.reader.hasFrame) await new Promise<void>((resolve) => { run.onEmpty = resolve; });
      if (failure.error !== null) return outcomeOfError(failure.error, location);
      const { fps } = this.#options;
      return outcomeOfRun(end, { location, info, live: true, loop: this.#loop, fps, continued: false, firstPtsMs: this.#firstPtsMs, lastPtsMs: run.lastPtsMs });
    } finally {
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      this.#run = null;
      await run.reader.close();
    }
  }

  #open(location: SourceLocation, info: SourceInfo, pipes: FramePipes, onError: (error: SightlineError) => void): SourceRun {
    return new SourceRun({
      source: this.#options,
      location,
      info,
      modelInputSize: this.#modelInputSize,
      pools: this.#pools,
      pipes,
      loop: this.#loop,
      gridStartMs: null,
      seekMs: null,
      onReady: () => { this.#pump(); },
      onError,
    });
  }

  /** Hands out what may go now. */
  #pump(): void {
    const run = this.#run;
    // A receiver that requests more from within onFrame is served by the loop that is on already.
    if (run === null || this.#pumping) return;
    this.#pumping = true;
    try {
      while (run.reader.hasFrame && this.#state.phase === 'active') this.#handOut(run);
    } finally {
      this.#pumping = false;
    }
    if (!run.reader.hasFrame) run.onEmpty?.();
  }

  #handOut(run: SourceRun): void {
    const frame = run.take(this.#seq);
    if (frame === undefined) return;
    this.#seq += 1;
    this.#firstPtsMs ??= frame.ptsMs;
    this.#dispatch({ type: 'frame' });
    this.#events.onFrame(frame);
  }

  #watch(run: SourceRun, location: SourceLocation): void {
    const nowMs = performance.now();
    if (this.#state.attempt > 0 && run.healthyMs(nowMs) >= HEALTHY_AFTER_MS) this.#dispatch({ type: 'healthy' });
    const stalledMs = run.stalledMs(nowMs);
    if (stalledMs !== null) this.#dispatch({ type: 'replace', error: new SourceStalledError(`${location.displayName}: no frame for ${(stalledMs / 1000).toFixed(1)} s`) });
  }

}

/** Waits for `work`, but no longer than until `signal`: what is drawn for the next start need not be waited for. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => { reject(new ClosedError(DEMO_SOURCE)); }, { once: true });
    work.then(resolve, reject);
  });
}
