import { redactUrl } from '../../core/redact.js';
import type { SourceRun } from './source-run.js';
import type { RunOutcome } from './run-outcome.js';

export type RunChoiceOptions = {
  readonly source: string;
  readonly detectSource: string | null;
  /** ffmpeg's name of the hardware decoder; `null`: software. */
  readonly hwaccel: string | null;
};

/** How a run went, as far as it decides how the next is made. */
export type RunResult = {
  readonly hadFrame: boolean;
  /** Why the decoder may be to blame, one line; `null` when it is not: it was not reached, or something else failed. */
  readonly decoderFailure: string | null;
};

/** Why the decoder of a run may be to blame for how it ended; `null` when it is not: the source was not reached, the login was refused, or nothing went wrong.
 * @param run `null` when it could not be opened */
export function decoderFailureOf(run: Pick<SourceRun, 'failure'> | null, outcome: RunOutcome): string | null {
  if (run === null || run.failure !== null || outcome.kind === 'unauthorized' || outcome.kind === 'again') return null;
  return outcome.error === null ? null : (outcome.error.log.at(-1) ?? outcome.error.message);
}

/** Chooses, run by run, the address and the decoder of a live source.
 * - `detectSource` is taken where there is one; when it gives no frame, the next try takes `source`, the one after that `detectSource` again.
 * - Hardware that gives no frame is followed by software. Once that gives one it stays; gives it none either, the hardware was not to blame. */
export class RunChoice {
  readonly #options: RunChoiceOptions;
  #onMain: boolean;
  #hardwareFailure: string | null = null;
  #fellBack = false;

  constructor(options: RunChoiceOptions) {
    this.#options = options;
    this.#onMain = options.detectSource === null;
  }

  get address(): string {
    const { source, detectSource } = this.#options;
    return this.#onMain ? source : (detectSource ?? source);
  }

  /** The address without secrets. */
  get displayAddress(): string {
    return redactUrl(this.address);
  }

  get hwaccel(): string | null {
    return this.#hardwareFailure === null ? this.#options.hwaccel : null;
  }

  /** For people: `software`, `cuda`, `software (cuda failed: …)`. */
  get decoder(): string {
    const { hwaccel } = this.#options;
    if (this.#hardwareFailure !== null) return `software (${String(hwaccel)} failed: ${this.#hardwareFailure})`;
    return hwaccel ?? 'software';
  }

  /** Takes note of how a run went that ended by itself or hung.
   * @returns whether the next is worth trying at once; at most once in the life of this object */
  runEnded({ hadFrame, decoderFailure }: RunResult): boolean {
    if (!hadFrame && this.hwaccel !== null && decoderFailure !== null) {
      this.#hardwareFailure = decoderFailure;
      const isFirst = !this.#fellBack;
      this.#fellBack = true;
      return isFirst;
    }
    if (!hadFrame) this.#hardwareFailure = null;
    this.#onMain = this.#options.detectSource === null || (!this.#onMain && !hadFrame);
    return false;
  }
}
