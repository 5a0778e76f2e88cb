import { request as sendRequest, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { ClosedError, SightlineError, SourceNotAllowedError, SourceOpenError } from '../../core/errors.js';
import { connectUpstream } from './connect-upstream.js';
import type { UpstreamLogin } from './digest-auth.js';
import { mayBePlaylist, PlaylistTap } from './playlist-tap.js';
import { resolveAllowed } from './resolve-host.js';
import { errorForConnection, errorForStatus, type RouteFailure } from './route-failure.js';
import type { RouteOptions } from './route.js';
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
  /** How ffmpeg knows the configured server, `http://host:port`. */
  readonly ownOrigin: string;
  /** Told of the target duration of each HLS playlist that goes by, ms. */
  readonly onTargetDuration: (ms: number) => void;
};

/** Headers that are between two neighbours only (RFC 9110, 7.6.1), or between us and the server: the login is ours to give. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'proxy-authentication-info', 'te', 'trailer', 'transfer-encoding', 'upgrade',
  'expect', 'host', 'authorization', 'www-authenticate', 'authentication-info',
]);
const MAX_HEADER_BYTES = 32 * 1024;

/** One request of ffmpeg, passed on to the server that it is for, and the answer passed back. */
export class HttpExchange {
  readonly #given: ExchangeOptions;
  readonly #ended = new AbortController();

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
        response.writeHead(status, this.#answerHeaders(answer));
        if (mayBePlaylist(answer.headers['content-type'], target.target)) await pipeline(answer, new PlaylistTap(this.#given.onTargetDuration), response);
        else await pipeline(answer, response);
        return;
      } catch (error) {
        // Whichever side broke off, pipeline has ended the other.
        throw this.#ended.signal.aborted ? new ClosedError(target.displayName) : error instanceof SightlineError ? error : errorForConnection(target.displayName, error as NodeJS.ErrnoException);
      } finally {
        socket.destroy();
      }
    }
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
      host: authorityOf(target.host, target.port, target.secure ? 443 : 80),
      ...(authorization === null ? {} : { authorization }),
      connection: 'close',
    };
    return new Promise((resolve, reject) => {
      // Cameras write headers that strict parsers refuse; nothing is decided by them here.
      const sent = sendRequest({ createConnection: () => socket, method, path: target.target, headers, setHost: false, insecureHTTPParser: true, maxHeaderSize: MAX_HEADER_BYTES });
      sent.on('error', reject);
      sent.once('response', resolve);
      // A stream that is paused waits for ffmpeg, not for the server: that is no silence.
      const onSilence = (): void => {
        if (response.writableNeedDrain) socket.setTimeout(timeoutMs);
        else socket.destroy(new SourceOpenError(`${target.displayName}: the server fell silent`, { retryable: true }));
      };
      socket.setTimeout(timeoutMs);
      socket.on('timeout', onSilence);
      socket.on('error', reject);
      if (this.#ended.signal.aborted) socket.destroy();
      this.#ended.signal.addEventListener('abort', () => { socket.destroy(); }, { once: true });
      sent.end();
    });
  }

  #answerHeaders(answer: IncomingMessage): OutgoingHttpHeaders {
    const headers = passedOn(answer.headers);
    // The body goes on in pieces of ours, so a length beside them would contradict.
    if (answer.headers['transfer-encoding'] !== undefined) delete headers['content-length'];
    const { location } = answer.headers;
    const { target, ownOrigin } = this.#given;
    // ffmpeg knows the configured https server as an http one, whose TLS is made here; so it does after a redirect.
    if (location !== undefined && target.secure && URL.canParse(location)) {
      const to = new URL(location);
      const port = to.port === '' ? 443 : Number(to.port);
      if (to.protocol === 'https:' && `http://${authorityOf(to.hostname.replace(/^\[|\]$/gu, ''), port)}` === ownOrigin) headers['location'] = `${ownOrigin}${to.pathname}${to.search}`;
    }
    return headers;
  }
}

/** The headers that go through, without those that the `Connection` header names. */
function passedOn(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').toLowerCase().split(/[\s,]+/u));
  const clean = (value: string): string => value.replace(/[^\t\u0020-\u007e\u0080-\u00ff]/gu, '');
  return Object.fromEntries(Object.entries(headers).flatMap(([name, value]) => (value === undefined || NOT_PASSED.has(name) || named.has(name) ? [] : [[name, Array.isArray(value) ? value.map(clean) : clean(value)]])));
}

function headerValues(headers: IncomingHttpHeaders, name: string): readonly string[] {
  const value = headers[name];
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}
