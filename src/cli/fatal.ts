import type { Logger } from '../telemetry/logger.js';
import { EXIT_FAILED } from './exit-code.js';

/** Ends the process with one line and exit code 1 when an error comes up that nobody expected: what state the service is in is not known any more, and whoever started it
 * starts it anew. Its children end with it. */
export function endOnUnexpectedError(log: Pick<Logger, 'fatal'>): void {
  const listener = (error: unknown): void => {
    log.fatal({ err: error }, 'unexpected error, the service ends: please report it');
    process.exit(EXIT_FAILED);
  };
  // Rejections that nobody handles come here too.
  process.on('uncaughtException', listener);
}
