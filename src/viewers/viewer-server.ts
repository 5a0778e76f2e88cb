import { getRequestListener } from '@hono/node-server';
import { ConfigError } from '../core/errors.js';
import { isLoopbackHost } from '../core/loopback.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Access } from './access.js';
import { Connections } from './connections.js';
import { FrameHub } from './frame-hub.js';
import { createHttpRoutes } from './http-routes.js';
import { createListener, listen, toUrl, type Listener } from './listener.js';
import { LogLimiter } from './log-limiter.js';
import type { MjpegResponse } from './mjpeg.js';
import { RenditionCache } from './rendition.js';
import type { ReloadResult, StreamAdmin, StreamDirectory } from './stream-directory.js';
import { Tickets } from './tickets.js';
import { readTlsFiles, type TlsFiles } from './tls-files.js';
import { TokenGate, type Principal, type Token } from './tokens.js';
import { createUpgradeHandler } from './upgrade.js';
import { DEFAULT_VIEWER_LIMITS, type ViewerLimits } from './viewer-limits.js';
import { ViewerSocket } from './viewer-socket.js';

export type ViewerServerOptions = {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly directory: StreamDirectory;
  /** Folder of the built page. */
  readonly webRoot: string;
  readonly metrics: Metrics;
  readonly readiness: () => { readonly ready: boolean; readonly message: string };
  /** What `GET /api/backends` lists; default: none. */
  readonly backends?: () => readonly object[];
  /** Adds and removes streams at run time; default: nobody can. */
  readonly admin?: StreamAdmin;
  /** JSON schema of a stream's definition, for `GET /api/openapi.json`; default: any object. */
  readonly definitionSchema?: { readonly [key: string]: unknown };
  /** Reads the configuration anew; default: nobody can ask for it. @throws {ConfigError} it is refused */
  readonly reload?: () => Promise<ReloadResult>;
  /** Empty: everybody may do everything; only on loopback. */
  readonly tokens: readonly Token[];
  /** Names that the server is reached under beside its own, `name` or `name:port`, behind a proxy for one; default: none. */
  readonly hosts?: readonly string[];
  /** `null` or absent: plain HTTP. */
  readonly tls?: TlsFiles | null;
  /** Origins whose pages may frame a stream's tile; `*`: all. Default: nobody's. */
  readonly embedOrigins?: readonly string[];
  readonly log: Logger;
  /** For tests that cannot wait. */
  readonly limits?: Partial<ViewerLimits>;
};

export interface ViewerServer {
  /** Where the page is, with a slash at its end. */
  readonly url: string;
  readonly port: number;
  /** Replaces all tokens at once. Viewers whose token went, changed or expired are closed with 4401; the others stay.
   * @throws {RangeError} a token is malformed; all stays as it was
   * @throws {ConfigError} there would be none although other machines reach the server; all stays as it was */
  setTokens(tokens: readonly Token[]): void;
  /** Reads certificate and key anew; connections that are open keep what they have.
   * @throws {ConfigError} they cannot be used, or the server speaks no TLS; all stays as it was */
  setTls(files: TlsFiles): Promise<void>;
  /** Refuses new clients, says goodbye to all, cuts off after 2 s who does not go; idempotent. */
  close(): Promise<void>;
}

const CLOSE_GOING_AWAY = 1001;
const HANG_UP_INTERVAL_MS = 50;

/**
 * Starts the HTTP and WebSocket server that viewers talk to.
 * @throws {PortInUseError} when the address is taken
 * @throws {ConfigError} when the host or port cannot be listened on, TLS files cannot be used, or other machines would have access without a token
 * @throws {RangeError} when a token is malformed
 */
export async function startViewerServer(options: ViewerServerOptions): Promise<ViewerServer> {
  const { host, directory, log, metrics } = options;
  const isTls = (options.tls ?? null) !== null;
  const limits = { ...DEFAULT_VIEWER_LIMITS, ...options.limits };
  assertLocked(host, options.tokens);
  const gate = new TokenGate(options.tokens);
  const server = createListener(options.tls ? (await readTlsFiles(options.tls)).options : null, limits);
  const port = await listen(server, host, options.port);
  server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
  const [renderErrors, wrongTokens, drops] = [new LogLimiter(), new LogLimiter(), new LogLimiter()];
  const connections = new Connections(server, isTls, limits, (address) => drops.log((suppressed) => log.warn({ address, suppressed }, 'too many connections, one was dropped')));
  const access = new Access({ host, port, isTls, hosts: options.hosts ?? [] }, gate, limits, (address) => wrongTokens.log((suppressed) => log.warn({ address, suppressed }, 'a wrong token was shown')));
  const tickets = new Tickets((principal, nowMs) => gate.isValid(principal, nowMs));
  const hub = new FrameHub(directory);
  const viewers = new Set<ViewerSocket>();
  const openResponses = new Set<MjpegResponse>();
  const context = {
    directory,
    hub,
    renditions: new RenditionCache(),
    limits,
    log,
    isValid: (principal: Principal): boolean => gate.isValid(principal),
    onRenderError: (streamId: string, error: unknown): void =>
      renderErrors.log((suppressed) => log.warn({ err: error, stream: streamId, suppressed }, 'a frame could not be drawn for a viewer')),
    onFrameSent: (tookMs: number): void => {
      metrics.stageSeconds.observe({ stage: 'send' }, tookMs / 1000);
    },
  };
  const routes = createHttpRoutes({ ...context, access, tickets, metrics, openResponses, webRoot: options.webRoot, readiness: options.readiness, backends: options.backends ?? (() => []), admin: options.admin ?? null, embedOrigins: options.embedOrigins ?? [], reload: options.reload ?? null, definitionSchema: options.definitionSchema ?? null });
  const listener = getRequestListener((request, env) => routes.fetch(request, env), { hostname: 'localhost', overrideGlobalObjects: false });
  server.on('request', (request, response) => void listener(request, response));
  let closing: Promise<void> | undefined;
  const onUpgrade = createUpgradeHandler({
    access,
    tickets,
    isClosing: () => closing !== undefined,
    hasRoom: () => viewers.size < limits.maxViewers,
    onViewer: (ws, socket, principal) => {
      const viewer = new ViewerSocket(ws, socket, principal, context, () => {
        viewers.delete(viewer);
        metrics.viewers.set(viewers.size);
      });
      viewers.add(viewer);
      metrics.viewers.set(viewers.size);
    },
  });
  server.on('upgrade', onUpgrade);
  const checkTokens = (): void => {
    for (const viewer of viewers) viewer.checkToken();
    for (const response of openResponses) response.checkToken();
  };
  const ticker = setInterval(() => {
    for (const viewer of viewers) viewer.tick(performance.now());
    for (const response of openResponses) response.checkToken();
  }, limits.tickMs);

  const closeOnce = async (): Promise<void> => {
    clearInterval(ticker);
    hub.close();
    for (const response of openResponses) response.end();
    for (const viewer of viewers) viewer.close(CLOSE_GOING_AWAY, 'server is closing');
    await closeListener(server, connections, limits.closeWaitMs, () => {
      for (const viewer of viewers) viewer.terminate();
    });
  };
  return {
    url: toUrl(host, port, isTls),
    port,
    setTokens: (tokens) => {
      assertLocked(host, tokens);
      gate.setTokens(tokens);
      checkTokens();
    },
    setTls: async (files) => {
      if (!('setSecureContext' in server)) throw new ConfigError([{ file: null, path: 'server.tls', message: 'the server was started without TLS: restart it' }]);
      server.setSecureContext((await readTlsFiles(files)).options);
    },
    close: () => (closing ??= closeOnce()),
  };
}

/** @throws {ConfigError} other machines reach the address, and there is no token */
function assertLocked(host: string, tokens: readonly Token[]): void {
  if (tokens.length > 0 || isLoopbackHost(host)) return;
  throw new ConfigError([{ file: null, path: 'server.tokens', message: `other machines can reach ${host}: at least one token is needed (sightline token makes one)` }]);
}

/** Stops accepting and waits until every connection has ended, those that do not in time being cut off. */
async function closeListener(server: Listener, connections: Connections, waitMs: number, onCutOff: () => void): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  connections.destroyUnused();
  // Connections that are kept alive end when they fall idle.
  const hangUp = setInterval(() => server.closeIdleConnections(), HANG_UP_INTERVAL_MS);
  const cutOff = setTimeout(() => {
    onCutOff();
    connections.destroyAll();
  }, waitMs);
  await closed;
  clearInterval(hangUp);
  clearTimeout(cutOff);
}
