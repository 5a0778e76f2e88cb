import { createServer, type Server, type ServerOptions } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { ConfigError, PortInUseError } from '../core/errors.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import { Access, toUrlHost } from './access.js';
import { FrameHub } from './frame-hub.js';
import { createHttpRoutes } from './http-routes.js';
import { LogLimiter } from './log-limiter.js';
import type { MjpegResponse } from './mjpeg.js';
import { RenditionCache } from './rendition.js';
import type { StreamAdmin, StreamDirectory } from './stream-directory.js';
import { TokenGate, type Token } from './tokens.js';
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
  /** Empty: everybody may see everything. */
  readonly tokens: readonly Token[];
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
  /** Refuses new clients, says goodbye to all, cuts off after 2 s who does not go; idempotent. */
  close(): Promise<void>;
}

/** Node's defaults (60 s, 300 s, 30 s) let a client hold a connection for minutes without saying anything. */
const HTTP_LIMITS: ServerOptions = {
  headersTimeout: 10_000,
  requestTimeout: 15_000,
  connectionsCheckingInterval: 1000,
  // A request without Host is no danger: nobody's browser sends one.
  requireHostHeader: false,
};
const CLOSE_GOING_AWAY = 1001;
const HANG_UP_INTERVAL_MS = 50;
const REFUSING_CODES: readonly unknown[] = ['EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'];

/**
 * Starts the HTTP and WebSocket server that viewers talk to.
 * @throws {PortInUseError} when the address is taken
 * @throws {ConfigError} when the host or port cannot be listened on
 */
export async function startViewerServer(options: ViewerServerOptions): Promise<ViewerServer> {
  const { host, directory, log, metrics } = options;
  const tokens = new TokenGate(options.tokens);
  const server = createServer(HTTP_LIMITS);
  const port = await listen(server, host, options.port);
  server.on('error', (error) => log.error({ err: error }, 'a connection could not be accepted'));
  const access = new Access({ host, port }, tokens);
  const limits = { ...DEFAULT_VIEWER_LIMITS, ...options.limits };
  const hub = new FrameHub(directory);
  const viewers = new Set<ViewerSocket>();
  const openResponses = new Set<MjpegResponse>();
  const connections = trackConnections(server);
  const renderErrors = new LogLimiter();
  const context = {
    directory,
    hub,
    renditions: new RenditionCache(),
    limits,
    log,
    onRenderError: (streamId: string, error: unknown): void =>
      renderErrors.log((suppressed) => log.warn({ err: error, stream: streamId, suppressed }, 'a frame could not be drawn for a viewer')),
    onFrameSent: (tookMs: number): void => {
      metrics.stageSeconds.observe({ stage: 'send' }, tookMs / 1000);
    },
  };
  const routes = createHttpRoutes({ ...context, access, metrics, openResponses, webRoot: options.webRoot, readiness: options.readiness, backends: options.backends ?? (() => []), admin: options.admin ?? null, embedOrigins: options.embedOrigins ?? [] });
  const listener = getRequestListener((request, env) => routes.fetch(request, env), { hostname: 'localhost', overrideGlobalObjects: false });
  server.on('request', (request, response) => void listener(request, response));
  let closing: Promise<void> | undefined;
  const onUpgrade = createUpgradeHandler({
    access,
    hasRoom: () => closing === undefined && viewers.size < limits.maxViewers,
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
  const ticker = setInterval(() => {
    for (const viewer of viewers) viewer.tick(performance.now());
  }, limits.tickMs);

  const closeOnce = async (): Promise<void> => {
    clearInterval(ticker);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    hub.close();
    for (const response of openResponses) response.end();
    for (const viewer of viewers) viewer.close(CLOSE_GOING_AWAY, 'server is closing');
    // Browsers open connections ahead of need; Node does not count those among the idle ones.
    for (const connection of connections) if (connection.bytesRead === 0) connection.destroy();
    // Connections that are kept alive end when they fall idle.
    const hangUp = setInterval(() => server.closeIdleConnections(), HANG_UP_INTERVAL_MS);
    const cutOff = setTimeout(() => {
      for (const viewer of viewers) viewer.terminate();
      for (const connection of connections) connection.destroy();
    }, limits.closeWaitMs);
    await closed;
    clearInterval(hangUp);
    clearTimeout(cutOff);
  };
  return { url: `http://${toDisplayHost(host)}:${String(port)}/`, port, close: () => (closing ??= closeOnce()) };
}

async function listen(server: Server, host: string, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => reject(toListenError(error, host, port));
    server.once('error', onError);
    server.listen({ host, port }, () => {
      server.off('error', onError);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
}

function toListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') return new PortInUseError(host, port, { cause: error });
  if (!REFUSING_CODES.includes(error.code)) return error;
  return new ConfigError([{ file: null, path: 'server', message: `cannot listen on ${host}:${String(port)} (${String(error.code)}): choose another host or port` }]);
}

function trackConnections(server: Server): ReadonlySet<Socket> {
  const connections = new Set<Socket>();
  server.on('connection', (socket) => {
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  });
  return connections;
}

/** An address that a browser on this machine can open. */
function toDisplayHost(host: string): string {
  if (host === '0.0.0.0' || host === '') return '127.0.0.1';
  return host === '::' ? '[::1]' : toUrlHost(host);
}
