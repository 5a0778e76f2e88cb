import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { SightlineError } from '../../core/errors.js';
import { UpstreamLogin } from './digest-auth.js';
import { RouteFailure } from './route-failure.js';
import type { InputRoute, RouteOptions } from './route.js';
import { RtspAddresses } from './rtsp-addresses.js';
import { RtspSession } from './rtsp-session.js';
import type { Upstream } from './upstream-url.js';

/** ffprobe may still be leaving when ffmpeg comes. */
const MAX_CONNECTIONS = 2;

/** A relay on loopback between one run of ffmpeg and its camera. It connects to the address that was checked, logs in, follows redirects that the policy allows
 * and passes the rest through, so that ffmpeg is given neither the login nor the path, and cannot be led elsewhere.
 *
 * Interleaved media (TCP) comes through the relay, media over UDP goes directly from the camera's checked address to ffmpeg. RTSP over HTTP is not supported. */
export class RtspRelay implements InputRoute {
  readonly input: string;
  readonly environment = {};
  readonly #server: Server;
  readonly #failure = new RouteFailure();
  readonly #closing = new AbortController();
  readonly #sessions = new Set<Promise<void>>();
  #closed: Promise<void> | null = null;

  private constructor(upstream: Upstream, options: RouteOptions, server: Server) {
    this.#server = server;
    const { port } = server.address() as AddressInfo;
    const secrets = [secret(), secret()] as const;
    const login = new UpstreamLogin(upstream.credentials);
    const addresses = (): RtspAddresses => new RtspAddresses(upstream, `127.0.0.1:${String(port)}`, secrets);
    this.input = addresses().input;
    server.on('connection', (client: Socket) => {
      const session = new RtspSession({ client, upstream, addresses: addresses(), login, failure: this.#failure, options, signal: this.#closing.signal }).run();
      this.#sessions.add(session);
      void session.finally(() => this.#sessions.delete(session));
    });
  }

  /** @param upstream an RTSP one, whose address was checked */
  static async open(upstream: Upstream, options: RouteOptions): Promise<RtspRelay> {
    const server = createServer({ noDelay: true });
    server.maxConnections = MAX_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      // For good: a connection that cannot be taken later on (no descriptor is left) must not end the process.
      server.on('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    return new RtspRelay(upstream, options, server);
  }

  readonly failure = (): SightlineError | null => this.#failure.newest;
  readonly targetDurationMs = (): null => null;

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => { resolve(); });
    });
    this.#closing.abort();
    await Promise.all([closed, ...this.#sessions]);
  }
}

/** Only letters and digits, so that no part of a URL is special. */
function secret(): string {
  return randomBytes(12).toString('hex');
}
