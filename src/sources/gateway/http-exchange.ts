import { request as sendRequest, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { ClosedError, SightlineError, SourceNotAllowedError, SourceOpenError } from '../../core/errors.js';
import { connectUpstream } from './connect-upstream.js';
import type { UpstreamLogin } from './digest-auth.js';
import { PlaylistFilter } from './playlist-filter.js';
import { resolveAllowed } from './resolve-host.js';
import { errorForConnection, errorForStatus, type RouteFailure } from './route-failure.js';
import type { RouteOptions } from './route.js';
import type { SecureOrigins } from './secure-origins.js';
import { authorityOf } from './upstream-url.js';

/** A server and what is wanted of it. */
export type HttpTarget = {
  readonly host: string;
  readonly port: number;
  readonly secure: boolean;
  /** Path and query. */
  readonly target: string;
  readonly login: UpstreamLogin;
  readonly displayName: string;
};

export type ExchangeOptions = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: HttpTarget;
  readonly failure: RouteFailure;
  /** Ends the exchange with the route. */
  readonly signal: AbortSignal;
  readonly options: RouteOptions;
  readonly secureOrigins: SecureOrigins;
  /** Told of the target duration of each HLS playlist that goes by, ms. */
  readonly onTargetDuration: (ms: number) => void;
};

/** Headers that are between two neighbours only (RFC 9110, 7.6.1), or between us and the server: the login is ours to give. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'te', 'trailer', 'transfer-encoding', 'upgrade',
  'expect', 'host', 'authorization', 'www-authenticate', 'authentication-info',
  // ffmpeg would unpack what we have not looked into.
  'accept-encoding', 'content-encoding',
]);
const MAX_HEADER_BYTES = 32 * 1024;

/** One request of ffmpeg, passed on to the server that it is for, and the answer passed back. */
export class HttpExchange {
  readonly #given: ExchangeOptions;
  readonly #ended = new AbortController();
  /** How the server broke off, if it did before ffmpeg had enough. */
  #broken: Error | null = null;

  constructor(options: ExchangeOptions) {
    this.#given = options;
  }

  /** Resolves when the exchange is over, however it went. */
  async run(): Promise<void> {
    const { response, failure, signal } = this.#given;
    const onEnd = (): void => { this.#ended.abort(); };
    response.once('close', onEnd);
    signal.addEventListener('abort', onEnd, { once: true });
    try {
      await this.#pass();
    } catch (error) {
      if (!(error instanceof SightlineError)) throw error;
      if (!(error instanceof ClosedError)) failure.note(error);
      if (response.headersSent) response.destroy();
      else response.writeHead(error instanceof SourceNotAllowedError ? 403 : 502, { 'content-length': 0, connection: 'close' }).end();
    } finally {
      response.off('close', onEnd);
      signal.removeEventListener('abort', onEnd);
    }
  }

  async #pass(): Promise<void> {
    const { response, target, failure } = this.#given;
    for (let answered = 0; ; answered += 1) {
      const socket = await this.#connect();
      try {
        const answer = await this.#ask(socket);
        const status = answer.statusCode ?? 502;
        if (status === 401 && target.login.accept(headerValues(answer.headers, 'www-authenticate'), answered)) continue;
        if (status >= 400) failure.note(errorForStatus(target.displayName, status));
        else if (status < 300) failure.noteSuccess();
        await pipeline(answer, this.#filter(answer, status), response);
        return;
      } catch (error) {
        // Whichever side broke off, pipeline has ended the other.
        throw this.#reason(error);
      } finally {
        socket.destroy();
      }
    }
  }

  #reason(error: unknown): SightlineError {
    const { displayName } = this.#given.target;
    const cause = this.#broken ?? error;
    if (cause instanceof SightlineError) return cause;
    return this.#broken === null && this.#ended.signal.aborted ? new ClosedError(displayName) : errorForConnection(displayName, cause as NodeJS.ErrnoException);
  }

  async #connect(): Promise<Socket> {
    const { target: { host, port, secure, displayName }, options: { policy, timeoutMs } } = this.#given;
    const signal = this.#ended.signal;
    const addresses = await resolveAllowed(host, { policy, timeoutMs, signal, displayName });
    return connectUpstream({ addresses, port, tlsHost: secure ? host : null, timeoutMs, signal, displayName });
  }

  #ask(socket: Socket): Promise<IncomingMessage> {
    const { request, response, target, options: { timeoutMs } } = this.#given;
    const method = request.method ?? 'GET';
    const authorization = target.login.authorization(method, target.target);
    const headers: OutgoingHttpHeaders = {
      ...passedOn(request.headers),
      'accept-encoding': 'identity',
      host: authorityOf(target.host, target.port, target.secure ? 443 : 80),
      ...(authorization === null ? {} : { authorization }),
      connection: 'close',
    };
    // What ffmpeg asks for has no body.
    delete headers['content-length'];
    const breakOff = (error: Error): void => {
      if (!this.#ended.signal.aborted) this.#broken ??= error;
    };
    return new Promise((resolve, reject) => {
      // Cameras write headers that strict parsers refuse; nothing is decided by them here.
      const sent = sendRequest({ createConnection: () => socket, method, path: target.target, headers, setHost: false, insecureHTTPParser: true, maxHeaderSize: MAX_HEADER_BYTES });
      sent.on('error', reject);
      // An answer that changes the protocol (101) is neither an answer nor an error.
      sent.on('close', () => { reject(new SourceOpenError(`${target.displayName}: the server hung up`, { retryable: true })); });
      sent.once('response', (answer) => {
        answer.on('error', breakOff);
        resolve(answer);
      });
      // A stream that is paused waits for ffmpeg, not for the server: that is no silence, which begins anew once ffmpeg reads again.
      const listenAnew = (): void => { socket.setTimeout(timeoutMs); };
      const onSilence = (): void => {
        if (response.writableNeedDrain) listenAnew();
        else socket.destroy(new SourceOpenError(`${target.displayName}: the server fell silent`, { retryable: true }));
      };
      listenAnew();
      response.on('drain', listenAnew);
      socket.on('close', () => { response.off('drain', listenAnew); });
      socket.on('timeout', onSilence);
      socket.on('error', (error) => {
        breakOff(error);
        reject(error);
      });
      if (this.#ended.signal.aborted) socket.destroy();
      this.#ended.signal.addEventListener('abort', () => { socket.destroy(); }, { once: true });
      sent.end();
    });
  }

  /** What an answer goes through; it writes the head once it has seen whether its length will stay. */
  #filter(answer: IncomingMessage, status: number): PlaylistFilter {
    const { response, target, secureOrigins, onTargetDuration } = this.#given;
    const forFfmpeg = (address: string): string => secureOrigins.forFfmpeg(address, target);
    const headers = passedOn(answer.headers);
    const { location } = answer.headers;
    if (location !== undefined) headers['location'] = forFfmpeg(location.trim());
    return new PlaylistFilter({
      onStart: (isPlaylist) => {
        // The body goes on in pieces of ours, so a length beside them would contradict.
        if (isPlaylist || answer.headers['transfer-encoding'] !== undefined) delete headers['content-length'];
        if (isPlaylist) delete headers['content-range'];
        response.writeHead(isPlaylist && status === 206 ? 200 : status, headers);
      },
      onTargetDuration,
      forFfmpeg,
      displayName: target.displayName,
    });
  }
}

/** The headers that go through, without those that the `Connection` header names and those of internet radio, by which ffmpeg would take pieces out of an answer. */
function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/[\s,]+/u));
  const clean = (value: string): string => value.replace(/[^\t\u0020-\u007e\u0080-\u00ff]/gu, '');
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined || NOT_PASSED.has(name) || name.startsWith('icy-') || named.has(name) ? [] : [[name, Array.isArray(value) ? value.map(clean) : clean(value)]])));
}

function headerValues(headers: IncomingHttpHeaders, name: string): readonly string[] {
  const value = headers[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
