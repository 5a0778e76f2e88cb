/** Stable codes of everything that can go wrong outside the program itself; the API and the logs carry them. */
export type ErrorCode =
  | 'config'
  | 'source-open'
  | 'source-stalled'
  | 'source-exited'
  | 'source-unauthorized'
  | 'source-not-allowed'
  | 'stream-exists'
  | 'not-writable'
  | 'too-many-tests'
  | 'not-supported'
  | 'serving-unavailable'
  | 'serving-overloaded'
  | 'serving-deadline'
  | 'serving-rejected'
  | 'model-mismatch'
  | 'model-output'
  | 'annotation'
  | 'output'
  | 'missing-program'
  | 'port-in-use'
  | 'closed';

/** What an error may carry beside its message. `retryable` is decided where the error is born; `log` is what a program said before it failed, redacted. */
export type SightlineErrorOptions = { readonly cause?: unknown; readonly retryable?: boolean; readonly log?: readonly string[] };

/** Base of all errors caused by the world (input, network, programs), as opposed to programmer errors. */
export class SightlineError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** Last lines of the program that failed (redacted), oldest first; empty where none ran. */
  readonly log: readonly string[];

  constructor(code: ErrorCode, message: string, options: SightlineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.log = options.log ?? [];
  }
}

/** One problem of a configuration: where it stands and what is expected there. */
export type ConfigIssue = {
  /** File the problem stands in, or `null` for flags and environment. */
  readonly file: string | null;
  /** Path inside the file (`batching.maxBatchSize`), the flag (`--port`) or the variable; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong and what was expected, one line. */
  readonly message: string;
};

/** The configuration cannot be used; carries every problem found, not just the first. */
export class ConfigError extends SightlineError {
  readonly issues: readonly ConfigIssue[];

  constructor(issues: readonly ConfigIssue[]) {
    super('config', issues.map(formatConfigIssue).join('\n'));
    this.issues = issues;
  }
}

/** Formats an issue as `file: path: message`, leaving out what is unknown. */
export function formatConfigIssue(issue: ConfigIssue): string {
  return [issue.file, issue.path, issue.message].filter((part) => part !== null && part !== '').join(': ');
}

/** A file or standard output does not take what is written to it. */
export class OutputError extends SightlineError {
  /** Whether the program that read it has ended (`| head -1`): nobody misses what was not written. */
  readonly readerGone: boolean;

  /** @param name of the output @param cause what the system said */
  constructor(name: string, cause: Error) {
    super('output', `${name}: cannot be written: ${cause.message}`, { cause });
    this.readerGone = (cause as NodeJS.ErrnoException).code === 'EPIPE';
  }
}

/** The source cannot be opened: missing, not a video, refused, unauthorised. */
export class SourceOpenError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('source-open', message, options);
  }
}

/** The source is open but stopped giving frames. */
export class SourceStalledError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('source-stalled', message, { retryable: true, ...options });
  }
}

/** The source asks for a login that it was not given, or refuses the one it was given. */
export class SourceUnauthorizedError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('source-unauthorized', message, options);
  }
}

/** The policy for sources refuses where it leads: a host, a folder or a scheme. */
export class SourceNotAllowedError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('source-not-allowed', message, options);
  }
}

/** The id of a stream that is to be added is taken. */
export class StreamExistsError extends SightlineError {
  constructor(streamId: string, options?: SightlineErrorOptions) {
    super('stream-exists', `there is a stream ${streamId} already: choose another id or remove that one first`, options);
  }
}

/** A stream cannot be written back to the streams folder: there is none, it is read-only, the disk is full. */
export class NotWritableError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('not-writable', message, options);
  }
}

/** As many sources are being tested as may be at a time. */
export class TooManyTestsError extends SightlineError {
  constructor(most: number) {
    super('too-many-tests', `${String(most)} sources are being tested already: try again in a few seconds`, { retryable: true });
  }
}

/** The stream cannot do what it is asked: a live stream cannot seek. */
export class CommandNotSupportedError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('not-supported', message, options);
  }
}

/** The process that decodes a source ended although the source did not. */
export class SourceExitedError extends SightlineError {
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Last lines that ffmpeg wrote, redacted. */
  readonly stderrTail: string;

  constructor(message: string, details: { exitCode: number | null; signal: string | null; stderrTail: string }, options?: SightlineErrorOptions) {
    super('source-exited', message, { retryable: true, ...options });
    this.exitCode = details.exitCode;
    this.signal = details.signal;
    this.stderrTail = details.stderrTail;
  }
}

/** No backend can be reached, or the connection broke before the answer. */
export class ServingUnavailableError extends SightlineError {
  /** Whether the request may have reached a server; `false`: sending it elsewhere does no work twice. */
  readonly reached: boolean;

  constructor(message: string, options: SightlineErrorOptions & { readonly reached?: boolean } = {}) {
    super('serving-unavailable', message, { retryable: true, ...options });
    this.reached = options.reached ?? false;
  }
}

/** The backend answers and has no room now: its queue is full (UNAVAILABLE over a standing connection) or a resource of its is used up (RESOURCE_EXHAUSTED).
 * It is alive: it is to be asked less, not to be given up. */
export class ServingOverloadedError extends SightlineError {
  /** Whether fewer calls at a time would do (a full queue); `false`: this call itself asked for too much, smaller batches would. */
  readonly isQueueFull: boolean;

  constructor(message: string, options: SightlineErrorOptions & { readonly isQueueFull: boolean }) {
    super('serving-overloaded', message, { retryable: true, ...options });
    this.isQueueFull = options.isQueueFull;
  }
}

/** The backend did not answer within the deadline. */
export class ServingDeadlineError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('serving-deadline', message, { retryable: true, ...options });
  }
}

/** The backend answered with an error of its own (INTERNAL, UNKNOWN, RESOURCE_EXHAUSTED, …). */
export class ServingRejectedError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('serving-rejected', message, { retryable: true, ...options });
  }
}

/** The model that is served does not take what we send or does not answer what we read. */
export class ModelMismatchError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('model-mismatch', message, options);
  }
}

/** An answer does not have the dtype, shape or values that its contract promises. */
export class ModelOutputError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('model-output', message, options);
  }
}

/** A frame could not be drawn or encoded. */
export class AnnotationError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('annotation', message, options);
  }
}

/** A program that Sightline needs (ffmpeg, ffprobe) is not installed or does not run. */
export class MissingProgramError extends SightlineError {
  constructor(message: string, options?: SightlineErrorOptions) {
    super('missing-program', message, options);
  }
}

/** The address to listen on is taken. */
export class PortInUseError extends SightlineError {
  constructor(host: string, port: number, options?: SightlineErrorOptions) {
    super('port-in-use', `${host}:${String(port)} is in use by another program: stop it, or choose another port with --port`, options);
  }
}

/** The object was closed before or while the call ran. */
export class ClosedError extends SightlineError {
  constructor(what: string, options?: SightlineErrorOptions) {
    super('closed', `${what} is closed`, options);
  }
}
