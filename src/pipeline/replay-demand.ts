/** More frames than this are not asked for ahead of time, however large batches may be: each is held in memory until it is shown. */
export const MAX_LOOKAHEAD = 64;
/** Frames that lie ready while nothing plays: for a step, and for whoever lets it play. */
const PAUSED_LOOKAHEAD = 3;

export type ReplayDemandOptions = {
  /** Asks the source for more frames.
   * @returns whether there is one yet */
  readonly request: (count: number) => boolean;
  /** What the detector works at now. `maxInFlightBatches` 0: no detector. */
  readonly batching: () => { readonly maxBatchSize: number; readonly maxInFlightBatches: number };
  readonly isPlaying: () => boolean;
};

/** Asks for a replay's frames: one batch to form while the others are in flight, so that the detector always has work while it plays, and few while it is paused, as
 * every jump throws away what was looked at ahead of time. */
export class ReplayDemand {
  readonly #options: ReplayDemandOptions;
  /** Frames that were asked for and have not ended. */
  #outstanding = 0;

  constructor(options: ReplayDemandOptions) {
    this.#options = options;
  }

  /** Asks for what is missing; to be called whenever playing or batching may have changed. */
  topUp(): void {
    const { request, batching, isPlaying } = this.#options;
    const { maxBatchSize, maxInFlightBatches } = batching();
    const most = Math.min(MAX_LOOKAHEAD, maxBatchSize * (Math.max(1, maxInFlightBatches) + 1));
    const missing = (isPlaying() ? most : Math.min(most, PAUSED_LOOKAHEAD)) - this.#outstanding;
    if (missing <= 0) return;
    // Before the call: frames that lie ready come, and may end, within it.
    this.#outstanding += missing;
    if (!request(missing)) this.#outstanding -= missing;
  }

  /** A frame has ended: shown, dropped or failed. */
  ended(): void {
    this.#outstanding -= 1;
    this.topUp();
  }
}
