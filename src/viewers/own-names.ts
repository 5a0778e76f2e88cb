import { isIP } from 'node:net';

/** Where the server listens, and what else it is called. */
export type BoundAddress = {
  readonly host: string;
  readonly port: number;
  /** Whether it speaks TLS itself. */
  readonly isTls: boolean;
  /** Names that it is reached under beside its own, `name` or `name:port`. */
  readonly hosts: readonly string[];
};

const WILDCARD_HOSTS = new Set(['0.0.0.0', '::', '']);
/** What clients leave out. */
const DEFAULT_PORTS = ['80', '443'];

/** Tells which names are this server's: a Host that is not means DNS rebinding, an Origin that is not another site's page. */
export class OwnNames {
  readonly #names: ReadonlySet<string>;
  readonly #isWildcard: boolean;
  readonly #isTls: boolean;

  constructor({ host, port, isTls, hosts }: BoundAddress) {
    this.#isTls = isTls;
    this.#isWildcard = WILDCARD_HOSTS.has(host);
    const own = ['localhost', '127.0.0.1', '[::1]', ...(this.#isWildcard ? [] : [toUrlHost(host)])];
    const isDefaultPort = port === (isTls ? 443 : 80);
    this.#names = new Set([...own.flatMap((name) => [`${name}:${String(port)}`, ...(isDefaultPort ? [name] : [])]), ...hosts.flatMap((name) => spellings(name.toLowerCase(), port))]);
  }

  /** Listening on all addresses, behind mapped ports too, any literal address is ours: only names can be rebound. */
  isOwnHost(host: string): boolean {
    const normalized = host.toLowerCase();
    return this.#names.has(normalized) || (this.#isWildcard && isLiteralHost(normalized));
  }

  /** Without TLS of our own `https:` is fine too: a proxy before us may speak it.
   * @param host the request's Host, own already */
  isOwnOrigin(origin: string, host: string | undefined): boolean {
    const [, scheme = '', name] = /^(https?):\/\/([^/?#@\s]+)$/i.exec(origin) ?? [];
    if (name === undefined || (this.#isTls && scheme.toLowerCase() !== 'https')) return false;
    return this.#names.has(name.toLowerCase()) || (host !== undefined && name.toLowerCase() === host.toLowerCase());
  }
}

/** A host as it stands in a URL: IPv6 in brackets. */
export function toUrlHost(host: string): string {
  return isIP(host) === 6 ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

/** How a configured name may be written in a Host or an Origin. @throws {RangeError} when it is no name; configuration checks that first */
function spellings(name: string, boundPort: number): readonly string[] {
  const match = /^(\[[^\]]+\]|[^:]+)(?::(\d{1,5}))?$/.exec(name);
  if (match === null) throw new RangeError(`Expected \`hosts\` to hold names, got ${name}`);
  const [, stem = '', port] = match;
  if (port === undefined) return [stem, ...[...DEFAULT_PORTS, String(boundPort)].map((each) => `${stem}:${each}`)];
  return DEFAULT_PORTS.includes(port) ? [name, stem] : [name];
}

function isLiteralHost(host: string): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)|(localhost))(?::\d{1,5})?$/.exec(host);
  if (match === null) return false;
  return match[3] !== undefined || isIP(match[1] ?? match[2] ?? '') !== 0;
}
