import { ConfigError, SightlineError } from '../core/errors.js';

/** Exit codes, as DESIGN.md part 4 fixes them. */
export const EXIT_OK = 0;
/** Failed while running: port in use, backend unreachable, a problem found by `check`. */
export const EXIT_FAILED = 1;
/** Wrong usage or configuration, bad or missing input. */
export const EXIT_USAGE = 2;

/** The exit code that an error ends a command with. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof ConfigError) return EXIT_USAGE;
  if (error instanceof SightlineError && error.code === 'source-open') return EXIT_USAGE;
  return EXIT_FAILED;
}

/** What a person reads when a command fails: one line a problem, no stack trace for what the world did wrong. */
export function describeError(error: unknown): string {
  if (error instanceof SightlineError) return error.message;
  if (error instanceof Error && 'syscall' in error) return error.message;
  if (error instanceof Error) return `unexpected error: ${error.stack ?? error.message}`;
  return `unexpected error: ${String(error)}`;
}
