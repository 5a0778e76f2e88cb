import { createServer as createHttpServer, type Server as HttpServer, type ServerOptions } from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { ConfigError, PortInUseError } from '../core/errors.js';
import { toUrlHost } from './own-names.js';
import type { ServerTls } from './tls-files.js';
import { MAX_HEADERS, type ViewerLimits } from './viewer-limits.js';

/** A server that speaks HTTP, over TLS or not. */
export type Listener = HttpServer | HttpsServer;

const MAX_HEADER_BYTES = 16 * 1024;
const KEEP_ALIVE_TIMEOUT_MS = 5000;
const CHECKING_INTERVAL_MS = 500;
const REFUSING_CODES: readonly unknown[] = ['EACCES', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EINVAL'];

/** Makes the server, with bounds on what a client may send and how slowly. @param tls `null`: plain HTTP */
export function createListener(tls: ServerTls | null, limits: ViewerLimits): Listener {
  const options: ServerOptions = {
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    connectionsCheckingInterval: CHECKING_INTERVAL_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    // A request without Host is no danger: nobody's browser sends one.
    requireHostHeader: false,
  };
  const server = tls === null ? createHttpServer(options) : createHttpsServer({ ...options, ...tls, handshakeTimeout: limits.headersTimeoutMs });
  server.maxHeadersCount = MAX_HEADERS + 1;
  server.timeout = limits.idleTimeoutMs;
  return server;
}

/** Starts to listen. @returns the port
 * @throws {PortInUseError} when the address is taken
 * @throws {ConfigError} when the host or port cannot be listened on */
export async function listen(server: Listener, host: string, port: number): Promise<number> {
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

/** The address of a server, such as a browser on this machine can open. */
export function toUrl(host: string, port: number, isTls: boolean): string {
  const shown = host === '0.0.0.0' || host === '' ? '127.0.0.1' : host === '::' ? '[::1]' : toUrlHost(host);
  return `${isTls ? 'https' : 'http'}://${shown}:${String(port)}/`;
}

function toListenError(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') return new PortInUseError(host, port, { cause: error });
  if (!REFUSING_CODES.includes(error.code)) return error;
  return new ConfigError([{ file: null, path: 'server', message: `cannot listen on ${host}:${String(port)} (${String(error.code)}): choose another host or port` }]);
}
