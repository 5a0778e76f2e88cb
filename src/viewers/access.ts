import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Principal, TokenGate } from './tokens.js';

/** Where the server listens. */
export type BoundAddress = { readonly host: string; readonly port: number };

/** Why a request is turned away. */
export type Refusal = { readonly status: 401 | 403; readonly code: 'foreign-host' | 'foreign-origin' | 'unauthorized'; readonly message: string };

export type Admission = { readonly refused: null; readonly principal: Principal } | { readonly refused: Refusal };

const WILDCARD_HOSTS = new Set(['0.0.0.0', '::', '']);

/**
 * Decides about every request, HTTP and upgrade alike, before anything else looks at it. A Host that is not ours means DNS
 * rebinding, an Origin that is not ours another site's page; programs that send neither are fine.
 */
export class Access {
  readonly #tokens: TokenGate;
  readonly #hosts: ReadonlySet<string>;
  readonly #isWildcard: boolean;

  constructor(bound: BoundAddress, tokens: TokenGate) {
    this.#tokens = tokens;
    this.#isWildcard = WILDCARD_HOSTS.has(bound.host);
    const names = ['localhost', '127.0.0.1', '[::1]', ...(this.#isWildcard ? [] : [toUrlHost(bound.host)])];
    // Clients leave the default port out.
    this.#hosts = new Set(names.flatMap((name) => (bound.port === 80 ? [name, `${name}:80`] : [`${name}:${String(bound.port)}`])));
  }

  /** @param isOpen whether the route needs no token */
  admit(request: IncomingMessage, isOpen = false): Admission {
    const { host, origin, authorization } = request.headers;
    if (host !== undefined && host !== '' && !this.#isOwnHost(host)) {
      return refuse(403, 'foreign-host', 'This server does not answer under that name');
    }
    if (origin !== undefined && !this.#isOwnOrigin(origin, host)) {
      return refuse(403, 'foreign-origin', 'Pages of other sites have no access');
    }
    const principal = this.#tokens.identify(authorization, Date.now());
    if (principal !== null) return { refused: null, principal };
    if (isOpen) return { refused: null, principal: NOBODY };
    return refuse(401, 'unauthorized', 'A valid token is needed: Authorization: Bearer …');
  }

  /** Listening on all addresses, behind mapped ports too, any literal address is ours: only names can be rebound. */
  #isOwnHost(host: string): boolean {
    const normalized = host.toLowerCase();
    return this.#hosts.has(normalized) || (this.#isWildcard && isLiteralHost(normalized));
  }

  #isOwnOrigin(origin: string, host: string | undefined): boolean {
    const match = /^https?:\/\/([^/?#@\s]+)$/i.exec(origin)?.[1]?.toLowerCase();
    return match !== undefined && (this.#hosts.has(match) || (host !== undefined && match === host.toLowerCase()));
  }
}

const NOBODY: Principal = { name: 'nobody', role: 'viewer', streams: new Set(), expiresAtMs: null };

/** A host as it stands in a URL: IPv6 in brackets. */
export function toUrlHost(host: string): string {
  return isIP(host) === 6 ? `[${host.toLowerCase()}]` : host.toLowerCase();
}

function isLiteralHost(host: string): boolean {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)|(localhost))(?::\d{1,5})?$/.exec(host);
  if (match === null) return false;
  return match[3] !== undefined || isIP(match[1] ?? match[2] ?? '') !== 0;
}

function refuse(status: Refusal['status'], code: Refusal['code'], message: string): Admission {
  return { refused: { status, code, message } };
}
