import { totalmem } from 'node:os';

/** Part of this machine's (or container's) memory that frames and decoders may take; the rest is for the program, the model server and the system. */
const SHARE = 0.6;
/** What a container without a limit reports is beyond any machine's memory. */
const MB = 1024 * 1024;

/** One holder's part of a budget. */
export type FrameAccount = {
  /** What it holds now. */
  readonly bytes: number;
  /** Changes what it holds; less always succeeds.
   * @returns `false`, with nothing changed, where there is not enough left */
  tryResize(bytes: number): boolean;
};

/** How much memory the frames of all streams may take together, those being decoded included. One a service: a stream that does not fit any more is refused,
 * which ends in a message; memory that runs out ends in the kernel killing the service. */
export class FrameBudget {
  readonly limitBytes: number;
  #usedBytes = 0;

  /** @param limitBytes > 0, `Infinity` for no limit */
  constructor(limitBytes: number) {
    if (!(limitBytes > 0)) throw new RangeError(`Expected \`limitBytes\` to be > 0, got ${String(limitBytes)}`);
    this.limitBytes = limitBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get leftBytes(): number {
    return this.limitBytes - this.#usedBytes;
  }

  /** Opens an account that holds nothing. What it holds is given back by `tryResize(0)`. */
  open(): FrameAccount {
    let held = 0;
    return {
      get bytes() {
        return held;
      },
      tryResize: (bytes) => {
        if (!(bytes >= 0)) throw new RangeError(`Expected \`bytes\` to be >= 0, got ${String(bytes)}`);
        if (bytes > held && bytes - held > this.leftBytes) return false;
        this.#usedBytes += bytes - held;
        held = bytes;
        return true;
      },
    };
  }
}

/** Opens the budget of a service.
 * @param maxMb megabytes; `null`: {@link defaultBudgetBytes} */
export function openBudget(maxMb: number | null): FrameBudget {
  return new FrameBudget(maxMb === null ? defaultBudgetBytes() : maxMb * MB);
}

/** The budget of a service that was told no other: 60 % of the memory that it may use (the container's limit or the machine's, whichever is less).
 * @param constrainedBytes limit of the container; 0 and what exceeds the machine mean that there is none */
export function defaultBudgetBytes(totalBytes: number = totalmem(), constrainedBytes: number = process.constrainedMemory()): number {
  return SHARE * (constrainedBytes > 0 ? Math.min(constrainedBytes, totalBytes) : totalBytes);
}

/** Whole megabytes, for people. */
export function megabytes(bytes: number): string {
  return Number.isFinite(bytes) ? String(Math.ceil(bytes / MB)) : 'any number of';
}
