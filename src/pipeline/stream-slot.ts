import { FrameNumbers } from '../core/frame-numbers.js';
import type { OfferedFrame } from '../core/frames.js';
import { classifySource } from '../core/source-kind.js';
import type { StreamCommand } from '../core/stream-control.js';
import type { StreamStatus } from '../core/stream-status.js';
import type { StreamTimeline } from '../core/stream-timeline.js';
import { FrameLedger } from './frame-ledger.js';
import { StreamRunner } from './stream-runner.js';
import type { StreamRunnerOptions } from './stream-runner-options.js';

export type StreamSlotEvents = Pick<StreamRunnerOptions, 'onFrame' | 'onStateChange'>;
/** What can change without a new start. */
export type StreamStyle = Pick<StreamRunnerOptions, 'name' | 'thresholds'>;
export type StreamSlotOptions = Omit<StreamRunnerOptions, keyof StreamSlotEvents | 'ledger' | 'onFirstFrame'>;

/** One stream for as long as it has its id: the runner that shows it, and, while its settings change, the one that is to replace it. Numbers, books and viewers are
 * the slot's, so that none of them begins anew with a runner. */
export class StreamSlot {
  readonly id: string;
  readonly #events: StreamSlotEvents;
  readonly #numbers = new FrameNumbers();
  readonly #ledger: FrameLedger;
  #options: StreamSlotOptions;
  #runner: StreamRunner;
  /** Opens its source while the one before it is still shown. */
  #incoming: StreamRunner | null = null;
  readonly #leaving = new Set<Promise<void>>();
  #watchers = 0;
  #stopWatching: (() => void)[] = [];
  #closing: Promise<void> | null = null;

  constructor(options: StreamSlotOptions, events: StreamSlotEvents) {
    this.id = options.id;
    this.#options = options;
    this.#events = events;
    this.#ledger = new FrameLedger(options.id, options.metrics);
    this.#runner = this.#createRunner(options);
  }

  start(): void {
    this.#runner.start();
  }

  /** Changes what needs no new start: frames, counters and viewers go on as they are. */
  restyle({ name, thresholds }: StreamStyle): void {
    const changes = { name, thresholds };
    this.#options = { ...this.#options, ...changes };
    this.#runner.restyle(changes);
    this.#incoming?.restyle(changes);
    this.#events.onStateChange();
  }

  /** Lets the stream run with other settings. Where both can run at a time, the old source is shown until the new one has its first frame, or has failed. */
  replace(options: StreamSlotOptions): void {
    const before = this.#options;
    this.#options = options;
    if (this.#incoming !== null) void this.#end(this.#incoming);
    this.#incoming = null;
    const current = this.#runner;
    const { standing } = current;
    const next = this.#createRunner(options);
    if (this.#watchers > 0) this.#stopWatching.push(next.watch());
    if (this.#canOverlap(before, options)) {
      this.#incoming = next;
      next.start();
      next.continueFrom(standing);
    } else {
      this.#runner = next;
      // A device can be opened once; a camera, or memory, may not do for two.
      void this.#end(current).then(() => {
        next.start();
        next.continueFrom(standing);
      });
    }
    this.#events.onStateChange();
  }

  status(): StreamStatus {
    const status = this.#runner.status();
    return this.#incoming === null ? status : { ...status, name: this.#options.name, source: this.#options.redactedSource };
  }

  /** What was found where in a replay; `null` of a live stream. */
  timeline(): StreamTimeline | null {
    return this.#runner.timeline();
  }

  latest(): OfferedFrame | undefined {
    return this.#runner.latest();
  }

  /** @throws {CommandNotSupportedError} of a live stream, for anything but pause and play */
  control(command: StreamCommand): void {
    this.#runner.control(command);
    this.#incoming?.control(command);
  }

  /** A replay begins to play with its first viewer. */
  watch(): () => void {
    this.#watchers += 1;
    if (this.#watchers === 1) this.#stopWatching = [this.#runner, this.#incoming].flatMap((runner) => (runner === null ? [] : [runner.watch()]));
    let watching = true;
    return () => {
      if (!watching) return;
      watching = false;
      this.#watchers -= 1;
      if (this.#watchers === 0) for (const stop of this.#stopWatching.splice(0)) stop();
    };
  }

  addViewerSkipped(count: number): void {
    this.#ledger.viewerSkipped(count);
  }

  /** Ends the stream; resolves when nothing of it runs any more. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#ledger.withdraw();
    if (this.#incoming !== null) void this.#end(this.#incoming);
    this.#incoming = null;
    void this.#end(this.#runner);
    await Promise.all(this.#leaving);
  }

  #createRunner(options: StreamSlotOptions): StreamRunner {
    const runner: StreamRunner = new StreamRunner({
      ...options,
      source: { ...options.source, numbers: this.#numbers },
      ledger: this.#ledger,
      onFirstFrame: () => {
        if (this.#incoming === runner) this.#switchTo(runner, true);
      },
      onFrame: this.#events.onFrame,
      onStateChange: () => {
        // Also paused: by a hand on the stream while it changed.
        if (this.#incoming === runner && !['starting', 'running'].includes(runner.sourceState)) this.#switchTo(runner, false);
        else if (this.#runner === runner) this.#events.onStateChange();
      },
    });
    return runner;
  }

  /** From here on the old runner takes no frame any more: every number that the new one shows is higher. */
  #switchTo(runner: StreamRunner, hasFrame: boolean): void {
    const old = this.#runner;
    this.#incoming = null;
    this.#runner = runner;
    if (hasFrame) runner.inheritPicture(old);
    void this.#end(old);
    this.#events.onStateChange();
  }

  /** Whether the old source goes on while the new one opens: worth it while there is something to see, impossible where only one can be open. */
  #canOverlap(before: StreamSlotOptions, after: StreamSlotOptions): boolean {
    const isDevice = [before, after].some(({ source }) => classifySource(source.source)?.kind === 'device');
    return !isDevice && before.mode === after.mode && this.#runner.hasPicture && (before.mode === 'replay' || this.#runner.sourceState === 'running');
  }

  async #end(runner: StreamRunner): Promise<void> {
    const leaving = runner.close();
    this.#leaving.add(leaving);
    await leaving;
    this.#leaving.delete(leaving);
  }
}
