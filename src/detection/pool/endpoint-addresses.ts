import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { splitEndpoint } from '../../serving/probe-endpoint.js';

/** Looks up a host name.
 * @returns IP addresses, at least one
 * @throws when it has none or nobody can say */
export type ResolveHost = (host: string) => Promise<readonly string[]>;

export type EndpointAddressesOptions = {
  /** `host:port`; a host name may stand for several servers. */
  readonly endpoint: string;
  readonly resolve: ResolveHost;
  /** Called when the addresses have changed, with all of them as `ip:port`; never with none. */
  readonly onAddresses: (addresses: readonly string[]) => void;
  /** The name could not be looked up; what was known of it stays. */
  readonly onProblem: (message: string) => void;
};

/** How often a name is looked up; together with the time until a new server has answered far below 35 s. */
const INTERVAL_MS = 10_000;
/** How often at most, when a server is missed, and while the name is not known at all. */
const SOONEST_MS = 1_000;

/** Knows which servers stand behind an endpoint, and looks again: replicas come and go. */
export class EndpointAddresses {
  readonly #options: EndpointAddressesOptions;
  readonly #host: string;
  readonly #port: number;
  #known = '';
  #lastLookMs = -Infinity;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;

  /** @throws {RangeError} when the endpoint is not `host:port` */
  constructor(options: EndpointAddressesOptions) {
    this.#options = options;
    const { host, port } = splitEndpoint(options.endpoint);
    this.#host = host;
    this.#port = port;
  }

  /** Tells an IP address at once, and begins to look up a name. */
  start(): void {
    if (isIP(this.#host) !== 0) this.#tell([this.#host]);
    else void this.#look();
  }

  /** A server is missed: looks soon, unless that was just done. */
  refresh(): void {
    if (this.#known === '' || isIP(this.#host) !== 0) return;
    this.#later(Math.max(0, this.#lastLookMs + SOONEST_MS - performance.now()));
  }

  /** Idempotent. */
  close(): void {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    this.#lastLookMs = performance.now();
    try {
      const addresses = await this.#options.resolve(this.#host);
      if (this.#closed) return;
      this.#tell(sameFamily(addresses));
    } catch (error) {
      if (this.#closed) return;
      this.#options.onProblem(`backend ${this.#options.endpoint} cannot be found: its host name does not resolve (${codeOf(error)})`);
    }
    this.#later(this.#known === '' ? SOONEST_MS : INTERVAL_MS);
  }

  #tell(hosts: readonly string[]): void {
    const addresses = [...new Set(hosts)].sort().map((host) => (isIP(host) === 6 ? `[${host}]:${String(this.#port)}` : `${host}:${String(this.#port)}`));
    const known = addresses.join(' ');
    if (known === this.#known || addresses.length === 0) return;
    this.#known = known;
    this.#options.onAddresses(addresses);
  }

  #later(delayMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.#look();
    }, delayMs);
  }
}

/** As the system looks names up: /etc/hosts, then DNS. */
export async function resolveHost(host: string): Promise<readonly string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** A server with both kinds of address is one server: IPv4 where there is any. */
function sameFamily(addresses: readonly string[]): readonly string[] {
  const v4 = addresses.filter((address) => isIP(address) === 4);
  return v4.length > 0 ? v4 : addresses;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
