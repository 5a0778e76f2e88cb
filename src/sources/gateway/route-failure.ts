import { SourceNotAllowedError, SourceOpenError, SourceUnauthorizedError, type SightlineError } from '../../core/errors.js';

/** What went wrong last on a route, as the gateway saw it. A refusal by the policy stays, as nothing makes it good. */
export class RouteFailure {
  #newest: SightlineError | null = null;

  get newest(): SightlineError | null {
    return this.#newest;
  }

  note(error: SightlineError): void {
    if (!(this.#newest instanceof SourceNotAllowedError)) this.#newest = error;
  }

  /** The upstream answered well: what went wrong before is over. */
  noteSuccess(): void {
    if (!(this.#newest instanceof SourceNotAllowedError)) this.#newest = null;
  }
}

/** The error for a status (of HTTP or RTSP) from 400 on. */
export function errorForStatus(displayName: string, status: number): SightlineError {
  if (status === 401) return new SourceUnauthorizedError(`${displayName}: user or password refused (401)`, { retryable: true });
  if (status === 403) return new SourceUnauthorizedError(`${displayName}: access refused (403)`, { retryable: true });
  const reason = status === 404 ? 'not found on the server (404)' : `the server answered with ${String(status)}`;
  return new SourceOpenError(`${displayName}: ${reason}`, { retryable: true });
}

/** The error for a connection that could not be made or that broke. */
export function errorForConnection(displayName: string, cause: NodeJS.ErrnoException): SourceOpenError {
  return new SourceOpenError(`${displayName}: ${CONNECTION_REASONS[cause.code ?? ''] ?? `the connection failed (${cause.code ?? cause.message})`}`, { retryable: true, cause });
}

const CONNECTION_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused: is the address right and the camera on?',
  EHOSTUNREACH: 'host not reachable',
  ENETUNREACH: 'host not reachable',
  ETIMEDOUT: 'no answer in time',
  ECONNRESET: 'the connection was reset',
  EPIPE: 'the connection was reset',
};
