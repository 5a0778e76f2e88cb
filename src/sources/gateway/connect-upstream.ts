import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ClosedError, SourceOpenError } from '../../core/errors.js';
import { errorForConnection } from './route-failure.js';

export type ConnectOptions = {
  /** Checked addresses, tried in turn; at least one. */
  readonly addresses: readonly string[];
  readonly port: number;
  /** Name that a TLS server is asked for; `null` for a bare connection. */
  readonly tlsHost: string | null;
  /** Limit for all addresses together, ms, the TLS handshake included. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /** For errors: without secrets. */
  readonly displayName: string;
};

/** Connects to the first address that answers. Certificates are not verified, as with ffmpeg's own default: cameras sign their own, and old ones speak old
 * TLS. The connection keeps listeners from reading the traffic, not an attacker in the middle from answering in the camera's place.
 * @throws {SourceOpenError} retryable, when none answers
 * @throws {ClosedError} when `signal` ended it */
export async function connectUpstream(options: ConnectOptions): Promise<Socket> {
  const endMs = performance.now() + options.timeoutMs;
  let failure: Error = new SourceOpenError(`${options.displayName}: no address to connect to`, { retryable: true });
  for (const [index, address] of options.addresses.entries()) {
    // What is left is shared, so that one address that swallows everything does not use up the time of the next.
    const shareMs = (endMs - performance.now()) / (options.addresses.length - index);
    try {
      return await connectTo(address, Math.max(1, shareMs), options);
    } catch (error) {
      if (error instanceof ClosedError || !(error instanceof Error)) throw error;
      failure = error;
    }
  }
  throw failure;
}

function connectTo(address: string, timeoutMs: number, { port, tlsHost, signal, displayName }: ConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(new ClosedError(displayName));
      return;
    }
    const socket = tlsHost === null
      ? connectTcp({ host: address, port, keepAlive: true, keepAliveInitialDelay: 15_000 })
      : connectTls({ host: address, port, rejectUnauthorized: false, minVersion: 'TLSv1', ciphers: 'DEFAULT:@SECLEVEL=0', ...(isIP(tlsHost) === 0 ? { servername: tlsHost } : {}) });
    const finish = (error: Error | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off('close', onClose);
      socket.off(tlsHost === null ? 'connect' : 'secureConnect', onReady);
      if (error === null) {
        socket.off('error', onError);
        socket.setNoDelay(true);
        resolve(socket);
      } else {
        socket.destroy(); // keeps its error listener: what it still has to say is of no interest
        reject(error);
      }
    };
    const onAbort = (): void => { finish(new ClosedError(displayName)); };
    const onError = (error: NodeJS.ErrnoException): void => { finish(errorForConnection(displayName, error)); };
    const onClose = (): void => { finish(new SourceOpenError(`${displayName}: the connection was closed`, { retryable: true })); };
    const onReady = (): void => { finish(null); };
    const timer = setTimeout(() => { finish(new SourceOpenError(`${displayName}: no answer in time`, { retryable: true })); }, timeoutMs);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.on('error', onError);
    socket.once('close', onClose);
    socket.once(tlsHost === null ? 'connect' : 'secureConnect', onReady);
  });
}
