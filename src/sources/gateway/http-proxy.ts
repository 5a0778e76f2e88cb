import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { SourceNotAllowedError, type SightlineError } from '../../core/errors.js';
import { parseAuthority } from '../../core/source-kind.js';
import { UpstreamLogin } from './digest-auth.js';
import { HttpAddresses } from './http-addresses.js';
import { HttpExchange, type HttpTarget } from './http-exchange.js';
import { RouteFailure } from './route-failure.js';
import type { InputRoute, RouteOptions } from './route.js';
import { SecureOrigins } from './secure-origins.js';
import { httpTarget, type Upstream } from './upstream-url.js';

/** Connections of one ffmpeg at a time; a playlist with sound, subtitles and keys needs a handful. */
const MAX_CONNECTIONS = 32;
const MAX_HEADER_BYTES = 32 * 1024;
/** How long a connection may take to say who it is. */
const HEADERS_TIMEOUT_MS = 10_000;

/** A forward proxy on loopback for one run of ffmpeg: whatever URL a redirect or a playlist leads to comes by here, is checked, and is connected to from here.
 *
 * ffmpeg is given an `http:` URL without login, query and secrets in the path (see {@link HttpAddresses}), for an `https:` source too: the proxy speaks TLS for it and
 * adds what was left out, so that nothing of it shows up in `ps`. Other `https:` servers that a redirect or a playlist names are given to it as `http:` ones as well, and no tunnel is made (CONNECT):
 * a playlist that we could not read might lead ffmpeg past us. Certificates are not verified. */
export class HttpProxy implements InputRoute {
  readonly input: string;
  readonly environment: Readonly<Record<string, string | null>>;
  readonly #upstream: Upstream;
  readonly #addresses: HttpAddresses;
  readonly #options: RouteOptions;
  readonly #server: Server;
  readonly #login: UpstreamLogin;
  readonly #expected: Buffer;
  readonly #failure = new RouteFailure();
  readonly #closing = new AbortController();
  readonly #sockets = new Set<Duplex>();
  readonly #secureOrigins = new SecureOrigins();
  #targetDurationMs: number | null = null;
  #closed: Promise<void> | null = null;

  private constructor(upstream: Upstream, options: RouteOptions, server: Server, secret: string) {
    this.#upstream = upstream;
    this.#options = options;
    this.#server = server;
    this.#login = new UpstreamLogin(upstream.credentials);
    this.#expected = Buffer.from(`Basic ${Buffer.from(`sightline:${secret}`).toString('base64')}`);
    if (upstream.secure) this.#secureOrigins.add(upstream.host, upstream.port);
    this.#addresses = new HttpAddresses(upstream, [randomBytes(12).toString('hex'), randomBytes(12).toString('hex')]);
    this.input = this.#addresses.input;
    // ffmpeg reads these two names only (5.1 and 7.1); a host listed in no_proxy would go past us.
    this.environment = { http_proxy: `http://sightline:${secret}@127.0.0.1:${String((server.address() as AddressInfo).port)}/`, no_proxy: null, NO_PROXY: null };
    server.on('request', (request, response) => { void this.#serve(request, response); });
    server.on('connect', (request: IncomingMessage, client: Duplex) => { this.#refuseTunnel(request, client); });
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => { this.#sockets.delete(socket); });
    });
    server.on('clientError', (_error, socket) => { socket.destroy(); });
  }

  /** @param upstream an HTTP one, whose address was checked */
  static async open(upstream: Upstream, options: RouteOptions): Promise<HttpProxy> {
    const server = createServer({ maxHeaderSize: MAX_HEADER_BYTES, headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: HEADERS_TIMEOUT_MS });
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      // For good: a connection that cannot be taken later on (no descriptor is left) must not end the process.
      server.on('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new HttpProxy(upstream, options, server, randomBytes(18).toString('base64url'));
  }

  readonly failure = (): SightlineError | null => this.#failure.newest;
  readonly targetDurationMs = (): number | null => this.#targetDurationMs;

  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => {
      this.#closing.abort();
      this.#server.close(() => { resolve(); });
      for (const socket of this.#sockets) socket.destroy();
    });
    return this.#closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!this.#isOurs(request)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="sightline"', 'content-length': 0 }).end();
      return;
    }
    const target = this.#targetOf(request.url ?? '');
    if (target === null || (request.method !== 'GET' && request.method !== 'HEAD')) {
      if (target === null) this.#failure.note(this.#notAllowed('leads to something that is not http:// or https://'));
      refuse(response, target === null ? 403 : 405);
      return;
    }
    await new HttpExchange({
      request, response, target, failure: this.#failure, signal: this.#closing.signal, options: this.#options, secureOrigins: this.#secureOrigins,
      onTargetDuration: (ms) => { this.#targetDurationMs = ms; },
    }).run();
  }

  /** Where a request is to go; `null` when it is not for an HTTP server. */
  #targetOf(url: string): HttpTarget | null {
    const [, authority = '', path = ''] = /^http:\/\/(?:[^/?#]*@)?([^/?#]*)(.*)$/iu.exec(url) ?? [];
    const parsed = parseAuthority(authority);
    if (parsed === null) return null;
    const { host, port = 80 } = { host: parsed.host, port: parsed.port ?? 80 };
    const target = httpTarget(path);
    const upstream = this.#upstream;
    const secure = this.#secureOrigins.has(host, port);
    if (host !== upstream.host || port !== upstream.port) return { host, port, secure, target, login: new UpstreamLogin(null), displayName: `${upstream.displayName}: ${host}` };
    return { host, port, secure, target: this.#addresses.toUpstream(target), login: this.#login, displayName: upstream.displayName };
  }

  #refuseTunnel(request: IncomingMessage, client: Duplex): void {
    const isOurs = this.#isOurs(request);
    if (isOurs) this.#failure.note(this.#notAllowed('leads to an https:// address in a way that is not understood'));
    const status = isOurs ? '403 Forbidden' : '407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm="sightline"';
    client.on('error', () => { client.destroy(); });
    client.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`, () => { client.destroy(); });
  }

  #isOurs(request: IncomingMessage): boolean {
    const given = Buffer.from(request.headers['proxy-authorization'] ?? '');
    return given.length === this.#expected.length && timingSafeEqual(given, this.#expected);
  }

  #notAllowed(what: string): SourceNotAllowedError {
    return new SourceNotAllowedError(`${this.#upstream.displayName}: ${what}, which no source may reach`);
  }
}

/** Answers with nothing but a status and ends the connection, as what else was sent on it is not read. */
export function refuse(response: ServerResponse, status: number): void {
  if (response.headersSent) response.destroy();
  else response.writeHead(status, { 'content-length': 0, connection: 'close' }).end();
}
