import { closeSync, openSync } from 'node:fs';
import type { Logger } from './logger.js';
import type { Metrics } from './metrics.js';

/** How often it is tried whether one more file could be opened. */
const TICK_MS = 1000;
const EXHAUSTED_CODES: readonly unknown[] = ['EMFILE', 'ENFILE'];

export type DescriptorWatchOptions = {
  readonly metrics: Pick<Metrics, 'descriptorShortages'>;
  readonly log: Pick<Logger, 'error' | 'info'>;
  /** Opens one more descriptor and closes it again, or throws what the system says. For tests; default: `/dev/null`. */
  readonly tryOne?: () => void;
};

export type DescriptorWatch = {
  /** Idempotent. */
  close(): void;
};

/** Watches whether file descriptors are left. Without any the system closes every new connection by itself and tells the process nothing (libuv accepts and closes them, so
 * that they do not wait for ever): people would see a service that neither answers nor says why. */
export function startDescriptorWatch({ metrics, log, tryOne = openNothing }: DescriptorWatchOptions): DescriptorWatch {
  let isShort = false;
  const timer = setInterval(() => {
    const code = problemOf(tryOne);
    if (code !== null && !isShort) {
      metrics.descriptorShortages.inc();
      log.error({ code }, 'no file descriptor is left: new connections are turned away and sources cannot be opened; raise the limit (ulimit -n)');
    } else if (code === null && isShort) {
      log.info('there are file descriptors again');
    }
    isShort = code !== null;
  }, TICK_MS);
  return {
    close: () => { clearInterval(timer); },
  };
}

function problemOf(tryOne: () => void): string | null {
  try {
    tryOne();
    return null;
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // A system without the file is no shortage.
    return EXHAUSTED_CODES.includes(code) ? String(code) : null;
  }
}

function openNothing(): void {
  closeSync(openSync('/dev/null', 'r'));
}
