import { clock } from '../../core/clock.js';
import { CommandNotSupportedError, SourceStalledError, type SightlineError } from '../../core/errors.js';
import { FrameNumbers } from '../../core/frame-numbers.js';
import type { Size } from '../../core/geometry.js';
import { FramePools } from '../frames/frame-pools.js';
import { MachineDriver } from '../machine-driver.js';
import { LostTime } from '../run/lost-time.js';
import { locateSource, openRun } from '../run/open-run.js';
import { resolveSource } from './reachability.js';
import type { SourceInfo } from '../opening/probe-source.js';
import { RetryWait } from './retry-wait.js';
import { decoderFailureOf, RunChoice } from '../run/run-choice.js';
import { outcomeOfError, outcomeOfRun, type RunOutcome } from '../run/run-outcome.js';
import { DEMO_SOURCE } from '../../core/source-kind.js';
import type { SourceLocation } from '../opening/source-location.js';
import type { SourceRun } from '../run/source-run.js';
import { infoStatus, statusError, StatusTeller } from '../source-status.js';
import { SourceWay } from '../opening/source-way.js';
import { INITIAL_STATE, step, type LiveOutcome, type SupervisorEffect, type SupervisorEvent, type SupervisorState } from './supervisor-machine.js';
import type { SourceStatus, VideoSource, VideoSourceEvents, VideoSourceOptions } from '../video-source-contract.js';

const DEFAULT_MAX_HELD_FRAMES = 96;
/** How long a source may take to say what it holds; its first frame has a limit of its own. */
const OPEN_LIMIT_MS = 10_000;
/** Frames have to come for this long before earlier failures are forgiven. */
const HEALTHY_AFTER_MS = 10_000;
const WATCH_INTERVAL_MS = 100;

/** One run from its opening to its end. */
type Attempt = {
  readonly abort: AbortController;
  location: SourceLocation | null;
  /** Since when the source is asked what it holds, on the monotonic clock; `null` before. */
  openingSinceMs: number | null;
  run: SourceRun | null;
  /** Why it was given up, where somebody did that. */
  failure: SightlineError | null;
};

/** The {@link VideoSource} of a camera, or of what plays one: carries out what the supervisor's state machine decides, and hands out frames as they arrive. */
export class LiveSource implements VideoSource {
  readonly #options: VideoSourceOptions;
  readonly #events: VideoSourceEvents;
  readonly #loop: boolean;
  readonly #pools: FramePools;
  readonly #way: SourceWay;
  readonly #choice: RunChoice;
  readonly #teller: StatusTeller;
  readonly #machine = new MachineDriver<SupervisorState, SupervisorEvent, SupervisorEffect>({
    initial: INITIAL_STATE,
    step,
    perform: (effect) => { this.#perform(effect); },
    onChange: ({ phase }) => {
      // A wait may last half a minute, a pause for ever: what nobody holds is let go of.
      if (phase === 'waiting' || phase === 'resting') this.#pools.close();
      this.#tellStatus();
    },
  });
  #pumping = false;
  #modelInputSize: Size;
  readonly #numbers: FrameNumbers;
  #runs = 0;
  #info: SourceInfo | null = null;
  #firstPtsMs: number | null = null;
  #attempt: Attempt | null = null;
  #active: { readonly source: string; readonly decoder: string } | null = null;
  #running: Promise<void> = Promise.resolve();
  #wait: RetryWait | null = null;
  #retryAtMs: number | null = null;
  #closing: Promise<void> | null = null;

  constructor(options: VideoSourceOptions, events: VideoSourceEvents) {
    if (options.fps !== null && !(options.fps > 0)) throw new RangeError(`Expected \`fps\` to be > 0, got ${String(options.fps)}`);
    const { source, detectSource, hwaccel } = options;
    this.#options = options;
    this.#events = events;
    this.#numbers = options.numbers ?? new FrameNumbers();
    this.#teller = new StatusTeller(events);
    this.#modelInputSize = options.modelInputSize;
    this.#pools = new FramePools(options.maxHeldFrames ?? DEFAULT_MAX_HELD_FRAMES, options.budget);
    this.#way = new SourceWay(options);
    this.#choice = new RunChoice({ source, detectSource: detectSource ?? null, hwaccel: hwaccel ?? null });
    this.#loop = options.loop || source === DEMO_SOURCE;
  }

  get status(): SourceStatus {
    return {
      ...infoStatus(this.#info, { widthPx: this.#options.widthPx, firstPtsMs: this.#firstPtsMs }),
      state: this.#machine.state.status,
      error: statusError(this.#machine.state.error),
      retryAtMs: this.#retryAtMs,
      restarts: Math.max(0, this.#runs - 1),
      activeSource: this.#active?.source ?? null,
      decoder: this.#active?.decoder ?? null,
    };
  }

  get pid(): number | undefined {
    return this.#attempt?.run?.reader.pid;
  }

  start(): void {
    this.#machine.send({ type: 'start' });
  }

  /** Without effect: live frames come as they arrive. */
  request(): void {}

  pause(): void {
    this.#machine.send({ type: 'pause' });
  }

  play(): void {
    this.#machine.send({ type: 'play' });
  }

  seek(): never {
    throw new CommandNotSupportedError(`${this.#options.streamId} is live: it can only be paused and played`);
  }

  setModelInputSize(size: Size): void {
    if (size.widthPx === this.#modelInputSize.widthPx && size.heightPx === this.#modelInputSize.heightPx) return;
    this.#modelInputSize = size;
    this.#machine.send({ type: 'settings' });
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    this.#machine.send({ type: 'close' });
    await this.#running;
    this.#pools.close();
    await this.#way.close();
  }

  #perform(effect: SupervisorEffect): void {
    switch (effect.type) {
      case 'start-run':
        this.#retryAtMs = null;
        this.#runs += 1;
        this.#running = this.#runToEnd();
        return;
      case 'stop-run':
        this.#stop(effect.now);
        return;
      case 'arm-retry':
        this.#startWait(effect);
        return;
      case 'cancel-retry':
        this.#retryAtMs = null;
        this.#wait?.close();
    }
  }

  #startWait(reason: Extract<SupervisorEffect, { type: 'arm-retry' }>): void {
    const { address } = this.#choice;
    const wait = new RetryWait({
      reason,
      scale: this.#options.backoffScale ?? 1,
      resolve: resolveSource(address, this.#options),
      onDue: () => { this.#machine.send({ type: 'retry-due' }); },
      onReachable: () => { this.#machine.send({ type: 'reachable' }); },
    });
    this.#wait = wait;
    this.#retryAtMs = Math.round(clock.nowMs() + wait.delayMs);
    this.#options.log.warn({ stream: this.#options.streamId, attempt: reason.attempt, delayMs: Math.round(wait.delayMs), reason: this.#machine.state.error?.message }, 'source failed, trying again');
  }

  #stop(now: boolean): void {
    const attempt = this.#attempt;
    if (attempt === null) return;
    attempt.abort.abort();
    if (attempt.run === null) return;
    void attempt.run.close(now ? { graceMs: 0 } : {});
    // Nobody takes what waits: the run is not to wait for it.
    attempt.run.onEmpty?.();
  }

  #tellStatus(): void {
    this.#teller.tell(this.status);
  }

  async #runToEnd(): Promise<void> {
    const attempt: Attempt = { abort: new AbortController(), location: null, openingSinceMs: null, run: null, failure: null };
    this.#attempt = attempt;
    const lost = new LostTime(WATCH_INTERVAL_MS, performance.now());
    const watch = setInterval(() => { this.#watch(attempt, lost.look(performance.now())); }, WATCH_INTERVAL_MS);
    let outcome: RunOutcome;
    try {
      outcome = await this.#runOnce(attempt);
    } catch (error) {
      outcome = outcomeOfError(error, attempt.location);
    }
    clearInterval(watch);
    this.#attempt = null;
    this.#machine.send({ type: 'run-ended', outcome: this.#considered(attempt, outcome) });
  }

  async #runOnce(attempt: Attempt): Promise<RunOutcome> {
    const { signal } = attempt.abort;
    const { address } = this.#choice;
    const location = await locateSource(address, this.#options, signal);
    attempt.location = location;
    attempt.openingSinceMs = performance.now();
    this.#active = { source: this.#choice.displayAddress, decoder: this.#choice.decoder };
    const run = await openRun({
      source: this.#options,
      location,
      way: this.#way,
      pools: this.#pools,
      signal,
      plan: () => ({ modelInputSize: this.#modelInputSize, loop: this.#loop, hwaccel: this.#choice.hwaccel, gridStartMs: null, seekMs: null }),
      onReady: () => { this.#pump(); },
      onError: (error) => {
        attempt.failure = error;
        this.#stop(true);
      },
    });
    attempt.run = run;
    // Stopped in the very moment between the run's start and here.
    if (signal.aborted) this.#stop(true);
    this.#info = run.info;
    this.#tellStatus();
    try {
      const end = await run.reader.done;
      // What came last is still to be handed out, unless the run was stopped.
      if (run.reader.hasFrame && !signal.aborted) await new Promise<void>((resolve) => { run.onEmpty = resolve; });
      const failure = attempt.failure ?? run.failure;
      if (failure !== null) return outcomeOfError(failure, location);
      const { fps } = this.#options;
      return outcomeOfRun(end, { location, info: run.info, live: true, loop: this.#loop, fps, continued: false, firstPtsMs: this.#firstPtsMs, lastPtsMs: run.lastPtsMs });
    } finally {
      await run.close();
    }
  }

  /** What the end of a run means together with the choices that are left. */
  #considered({ run }: Attempt, outcome: RunOutcome): LiveOutcome {
    const { phase, next, error: stall } = this.#machine.state;
    const hung = phase === 'stopping' && (next === 'retry' || next === 'renew');
    if (phase !== 'active' && !hung) return outcome;
    const error = hung ? stall : 'error' in outcome ? outcome.error : null;
    if (error === null) return outcome;
    const hadFrame = run?.hadFrame ?? false;
    const decoderFailure = decoderFailureOf(run, hung ? { kind: 'retry', error } : outcome);
    if (!this.#choice.runEnded({ hadFrame, decoderFailure })) return outcome;
    this.#options.log.warn({ stream: this.#options.streamId, reason: decoderFailure }, 'hardware decoding gave no frame, going on in software');
    return { kind: 'fallback' };
  }

  /** Hands out what may go now. */
  #pump(): void {
    const run = this.#attempt?.run ?? null;
    // A receiver that closes the source from within onFrame is served by the loop that is on already.
    if (run === null || this.#pumping) return;
    this.#pumping = true;
    try {
      while (run.reader.hasFrame && this.#machine.state.phase === 'active') this.#handOut(run);
    } finally {
      this.#pumping = false;
    }
    if (!run.reader.hasFrame) run.onEmpty?.();
  }

  #handOut(run: SourceRun): void {
    const frame = run.take(this.#numbers.next);
    if (frame === undefined) return;
    this.#numbers.advance();
    this.#firstPtsMs ??= frame.ptsMs;
    this.#machine.send({ type: 'frame' });
    this.#events.onFrame(frame);
  }

  /** @param lostMs how long this process stood still since the last look */
  #watch(attempt: Attempt, lostMs: number): void {
    if (attempt.openingSinceMs !== null) attempt.openingSinceMs += lostMs;
    attempt.run?.reader.forgive(lostMs);
    const { run, location, openingSinceMs } = attempt;
    if (this.#machine.state.phase !== 'active' || location === null || openingSinceMs === null) return;
    const nowMs = performance.now();
    if (run === null) {
      const limitMs = Math.max(OPEN_LIMIT_MS, this.#options.timeoutMs);
      if (nowMs - openingSinceMs > limitMs) this.#machine.send({ type: 'stalled', error: new SourceStalledError(`${location.displayName}: no answer in ${String(limitMs / 1000)} s`) });
      return;
    }
    if (this.#machine.state.attempt + this.#machine.state.early > 0 && run.healthyMs >= HEALTHY_AFTER_MS) this.#machine.send({ type: 'healthy' });
    const trouble = run.trouble(nowMs);
    if (trouble !== null) this.#machine.send({ type: trouble.type, error: run.failure ?? trouble.error });
  }
}
