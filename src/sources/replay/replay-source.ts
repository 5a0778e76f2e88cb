import type { SightlineError } from '../../core/errors.js';
import { FrameNumbers } from '../../core/frame-numbers.js';
import type { Size } from '../../core/geometry.js';
import { FramePools } from '../frames/frame-pools.js';
import type { FrameSearch } from './frame-search.js';
import { MachineDriver } from '../machine-driver.js';
import { LostTime } from '../run/lost-time.js';
import { locateSource, openRun } from '../run/open-run.js';
import type { SourceInfo } from '../opening/probe-source.js';
import { REPLAY_INITIAL_STATE, stepReplay, type ReplayEffect, type ReplayEvent, type ReplayState } from './replay-machine.js';
import { ReplayPosition } from './replay-position.js';
import { decoderFailureOf, RunChoice } from '../run/run-choice.js';
import { outcomeOfError, outcomeOfRun, type RunOutcome } from '../run/run-outcome.js';
import type { SourceLocation } from '../opening/source-location.js';
import type { RunPlan, SourceRun } from '../run/source-run.js';
import { infoStatus, statusError, StatusTeller } from '../source-status.js';
import { SourceWay } from '../opening/source-way.js';
import type { SeekTarget, SourceStatus, VideoSource, VideoSourceEvents, VideoSourceOptions } from '../video-source-contract.js';

const DEFAULT_MAX_HELD_FRAMES = 96;
const WATCH_INTERVAL_MS = 250;
/** One run from its opening to its end. */
type Attempt = { readonly abort: AbortController; continued: boolean; search: FrameSearch | null; run: SourceRun | null; ended: boolean; failure: SightlineError | null; hadFrame: boolean };

/** The {@link VideoSource} of a recording: hands out frames in their order, as fast as they are asked for, from wherever it was told to go. */
export class ReplaySource implements VideoSource {
  readonly #options: VideoSourceOptions;
  readonly #events: VideoSourceEvents;
  readonly #pools: FramePools;
  readonly #way: SourceWay;
  readonly #choice: RunChoice;
  readonly #position = new ReplayPosition();
  readonly #teller: StatusTeller;
  readonly #machine = new MachineDriver<ReplayState, ReplayEvent, ReplayEffect>({
    initial: REPLAY_INITIAL_STATE,
    step: stepReplay,
    perform: (effect) => { this.#perform(effect); },
    onChange: () => { this.#tellStatus(); },
  });
  #pumping = false;
  #modelInputSize: Size;
  readonly #numbers: FrameNumbers;
  #demand = 0;
  #runs = 0;
  #info: SourceInfo | null = null;
  #attempt: Attempt | null = null;
  #running: Promise<void> = Promise.resolve();
  #closing: Promise<void> | null = null;

  constructor(options: VideoSourceOptions, events: VideoSourceEvents) {
    if (options.fps !== null && !(options.fps > 0)) throw new RangeError(`Expected \`fps\` to be > 0, got ${String(options.fps)}`);
    this.#options = options;
    this.#events = events;
    this.#numbers = options.numbers ?? new FrameNumbers();
    this.#teller = new StatusTeller(events);
    this.#modelInputSize = options.modelInputSize;
    this.#choice = new RunChoice({ source: options.source, detectSource: null, hwaccel: options.hwaccel ?? null });
    this.#pools = new FramePools(options.maxHeldFrames ?? DEFAULT_MAX_HELD_FRAMES, options.budget);
    this.#way = new SourceWay(options);
  }

  get status(): SourceStatus {
    return {
      ...infoStatus(this.#info, { widthPx: this.#options.widthPx, firstPtsMs: this.#position.firstPtsMs }),
      state: this.#machine.state.status,
      error: statusError(this.#machine.state.error),
      retryAtMs: null,
      restarts: Math.max(0, this.#runs - 1),
      activeSource: null,
      decoder: this.#choice.decoder,
    };
  }

  get pid(): number | undefined {
    return this.#attempt?.run?.reader.pid;
  }

  start(): void {
    this.#machine.send({ type: 'start' });
  }

  request(count: number): void {
    if (!(count >= 0)) throw new RangeError(`Expected \`count\` to be >= 0, got ${String(count)}`);
    this.#demand += count;
    this.#pump();
  }

  /** Without effect: who does not want frames does not ask for them. */
  pause(): void {}

  /** Without effect. */
  play(): void {}

  seek(target: SeekTarget): number {
    const goes = this.#position.goTo(target, this.#info?.durationMs ?? null);
    if (goes || this.#machine.state.phase === 'resting') this.#machine.send({ type: 'restart' });
    return this.#numbers.next;
  }

  setModelInputSize(size: Size): void {
    if (size.widthPx === this.#modelInputSize.widthPx && size.heightPx === this.#modelInputSize.heightPx) return;
    this.#modelInputSize = size;
    if (this.#machine.state.phase === 'active') this.#machine.send({ type: 'restart' });
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

  #perform(effect: ReplayEffect): void {
    if (effect === 'start-run') {
      this.#runs += 1;
      this.#running = this.#runToEnd();
    } else {
      this.#stop();
    }
  }

  #stop(): void {
    const attempt = this.#attempt;
    attempt?.abort.abort();
    // What it still has to give is not wanted: it is not asked kindly.
    void attempt?.run?.close({ graceMs: 0 });
    attempt?.run?.onEmpty?.();
  }

  #tellStatus(): void {
    this.#teller.tell(this.status);
  }

  async #runToEnd(): Promise<void> {
    const attempt: Attempt = { abort: new AbortController(), continued: false, search: null, run: null, ended: false, failure: null, hadFrame: false };
    this.#attempt = attempt;
    let location: SourceLocation | null = null;
    let outcome: RunOutcome;
    try {
      location = await locateSource(this.#options.source, this.#options, attempt.abort.signal);
      outcome = await this.#runOnce(attempt, location);
    } catch (error) {
      outcome = outcomeOfError(error, location);
    }
    this.#attempt = null;
    this.#machine.send({ type: 'run-ended', outcome: this.#considered(attempt, outcome) });
  }

  async #runOnce(attempt: Attempt, location: SourceLocation): Promise<RunOutcome> {
    const { signal } = attempt.abort;
    const run = await openRun({
      source: this.#options,
      location,
      way: this.#way,
      pools: this.#pools,
      signal,
      plan: (info) => this.#plan(info, attempt),
      onReady: () => { this.#pump(); },
      onError: (error) => {
        attempt.failure = error;
        this.#stop();
      },
    });
    attempt.run = run;
    if (signal.aborted) this.#stop();
    this.#info = run.info;
    this.#tellStatus();
    const lost = new LostTime(WATCH_INTERVAL_MS, performance.now());
    const watch = setInterval(() => {
      const nowMs = performance.now();
      run.reader.forgive(lost.look(nowMs));
      const trouble = run.trouble(nowMs);
      if (trouble !== null) this.#machine.send({ type: 'stalled', error: trouble.error });
    }, WATCH_INTERVAL_MS);
    try {
      const end = await run.reader.done;
      attempt.ended = true;
      this.#pump();
      // What came last is still to be asked for, unless the run was stopped.
      if (run.reader.hasFrame && !signal.aborted) await new Promise<void>((resolve) => { run.onEmpty = resolve; });
      const failure = attempt.failure ?? run.failure;
      if (failure !== null) return outcomeOfError(failure, location);
      const { fps, loop } = this.#options;
      return outcomeOfRun(end, { location, info: run.info, live: false, loop, fps, continued: attempt.continued, firstPtsMs: this.#position.firstPtsMs, lastPtsMs: run.lastPtsMs });
    } finally {
      clearInterval(watch);
      await run.close();
    }
  }

  /** What the end of a run means for one that was looking for a frame, and for a decoder that gave none. */
  #considered({ search, hadFrame, run, abort }: Attempt, outcome: RunOutcome): RunOutcome {
    if (abort.signal.aborted) return outcome;
    const decoderFailure = decoderFailureOf(run, outcome);
    if (this.#choice.runEnded({ hadFrame, decoderFailure })) {
      this.#options.log.warn({ stream: this.#options.streamId, reason: decoderFailure }, 'hardware decoding gave no frame, going on in software');
      return { kind: 'again' };
    }
    if (outcome.kind === 'retry') return outcome;
    const found = search?.atEnd() ?? null;
    if (found !== null && outcome.kind !== 'failed') {
      this.#position.lookElsewhere(found);
      return { kind: 'again' };
    }
    if (outcome.kind === 'again') this.#position.loop();
    return outcome;
  }

  #plan(info: SourceInfo, attempt: Attempt): RunPlan {
    const { search, seekMs, continued } = this.#position.start(info, this.#options.fps);
    attempt.continued = continued;
    attempt.search = search;
    return { modelInputSize: this.#modelInputSize, hwaccel: this.#choice.hwaccel, loop: false, gridStartMs: this.#position.firstPtsMs, seekMs };
  }

  /** Hands out what was asked for and may go now. */
  #pump(): void {
    const attempt = this.#attempt;
    // A receiver that requests more from within onFrame is served by the loop that is on already.
    if (attempt?.run == null || this.#pumping) return;
    const { run } = attempt;
    this.#pumping = true;
    try {
      while (run.reader.hasFrame && this.#machine.state.phase === 'active' && this.#attempt === attempt && this.#handleNext(attempt, run));
    } finally {
      this.#pumping = false;
    }
    if (!run.reader.hasFrame) run.onEmpty?.();
  }

  /** @returns whether to go on */
  #handleNext(attempt: Attempt, run: SourceRun): boolean {
    const { search } = attempt;
    if (search === null) return this.#handOut(attempt, run);
    // Nothing is looked at that could not be handed out: a step of the search is not taken twice.
    if (this.#demand < 1) return false;
    const found = search.next(run.reader.readyTimesMs, attempt.ended);
    switch (found) {
      case 'skip':
        run.skip();
        return true;
      case 'wait':
        return false;
      case 'take':
        attempt.search = null;
        return this.#handOut(attempt, run);
      default:
        attempt.search = null;
        this.#position.lookElsewhere(found);
        this.#machine.send({ type: 'restart' });
        return false;
    }
  }

  /** @returns whether to go on */
  #handOut(attempt: Attempt, run: SourceRun): boolean {
    if (this.#demand < 1) return false;
    if (this.#position.takeFirst(run.reader.readyTimesMs[0] ?? 0, run.info.durationMs)) {
      this.#machine.send({ type: 'restart' });
      return false;
    }
    const frame = run.take(this.#numbers.next);
    if (frame === undefined) return false;
    this.#numbers.advance();
    this.#demand -= 1;
    attempt.hadFrame = true;
    this.#position.passed(frame.ptsMs);
    this.#machine.send({ type: 'frame' });
    this.#events.onFrame(frame);
    return true;
  }
}
