import type { IncomingMessage } from 'node:http';
import { addressKey } from './client-address.js';
import { OwnNames, type BoundAddress } from './own-names.js';
import { RateLimiter } from './rate-limiter.js';
import { SessionCookie } from './session-cookie.js';
import type { Principal, TokenGate } from './tokens.js';
import { MAX_HEADERS, type ViewerLimits } from './viewer-limits.js';
import { WrongTries } from './wrong-tries.js';

/** Why a request is turned away. */
export type Refusal = {
  readonly status: 401 | 403 | 429 | 431;
  readonly code: 'foreign-host' | 'foreign-origin' | 'unauthorized' | 'too-many-requests' | 'too-many-tries' | 'too-many-headers';
  readonly message: string;
  /** What the answer says beside it. */
  readonly headers: Readonly<Record<string, string>>;
};

export type Admission = { readonly refused: null; readonly principal: Principal } | { readonly refused: Refusal };

/** Who comes to a door that is open to all. */
const NOBODY: Principal = { name: 'nobody', role: 'viewer', streams: new Set(), expiresAtMs: null };
/** What a browser loads a page into that stands within another. */
const FRAME_DESTINATIONS: readonly unknown[] = ['iframe', 'frame'];
/** Pages that are made to be framed; by whom, their headers say. */
const FRAMED_PATHS = '/embed/';
/** Addresses whose rate is remembered. */
const MAX_ADDRESSES = 10_000;

export type AccessLimits = Pick<ViewerLimits, 'requestsPerSecond' | 'requestBurst' | 'wrongTriesPerMinute' | 'wrongTriesPerMinuteInAll'>;

/** Decides about every request, HTTP and upgrade alike, before anything else looks at it. Programs that send neither Host nor Origin are fine. */
export class Access {
  readonly cookie: SessionCookie;
  readonly #names: OwnNames;
  readonly #tokens: TokenGate;
  readonly #requests: RateLimiter;
  readonly #wrongTries: WrongTries;
  readonly #onWrongToken: (address: string) => void;

  /** @param onWrongToken told each time that a wrong token is shown */
  constructor(bound: BoundAddress, tokens: TokenGate, limits: AccessLimits, onWrongToken: (address: string) => void) {
    this.cookie = new SessionCookie(bound.port, bound.isTls);
    this.#names = new OwnNames(bound);
    this.#tokens = tokens;
    this.#requests = new RateLimiter({ perSecond: limits.requestsPerSecond, burst: limits.requestBurst, maxKeys: MAX_ADDRESSES });
    this.#wrongTries = new WrongTries(limits);
    this.#onWrongToken = onWrongToken;
  }

  /** Whether tokens are configured. */
  get isTokenRequired(): boolean {
    return this.#tokens.isRequired;
  }

  /** @param isOpen whether the way in needs no token, or proves itself in another way */
  admit(request: IncomingMessage, isOpen = false): Admission {
    const waitMs = this.#requests.take(addressKey(request.socket.remoteAddress), performance.now());
    if (waitMs > 0) return refuse(429, 'too-many-requests', 'Too many requests from this address', waitMs);
    // Node drops what is beyond its limit: with an Origin among it the request would look like a program's.
    if (request.rawHeaders.length > 2 * MAX_HEADERS) return refuse(431, 'too-many-headers', `A request has at most ${String(MAX_HEADERS)} headers`);
    const { host, origin } = request.headers;
    if (host !== undefined && host !== '' && !this.#names.isOwnHost(host)) return refuse(403, 'foreign-host', 'This server does not answer under that name');
    if ((origin !== undefined && !this.#names.isOwnOrigin(origin, host)) || comesFromOtherSite(request)) return refuse(403, 'foreign-origin', 'Pages of other sites have no access');
    return isOpen ? { refused: null, principal: NOBODY } : this.identify(request);
  }

  /** Whose the token is that came with a request, as a header or as a cookie. */
  identify(request: IncomingMessage): Admission {
    return this.#judge(request, bearerOf(request) ?? this.cookie.read(request));
  }

  /** Whose the token is that came in another way. */
  identifyToken(request: IncomingMessage, token: string): Admission {
    return this.#judge(request, token);
  }

  #judge(request: IncomingMessage, presented: string | null): Admission {
    const principal = this.#tokens.identify(presented);
    if (!this.#tokens.isRequired && principal !== null) return { refused: null, principal };
    if (presented === null) return refuse(401, 'unauthorized', 'A valid token is needed: Authorization: Bearer …');
    const address = addressKey(request.socket.remoteAddress);
    const nowMs = performance.now();
    const waitMs = this.#wrongTries.waitMs(address, nowMs);
    if (waitMs > 0 && (principal === null || !this.#wrongTries.isWelcome(address, principal.name))) {
      return refuse(429, 'too-many-tries', 'Too many wrong tokens, wait before the next try', waitMs);
    }
    if (principal === null) {
      this.#wrongTries.wrong(address, presented, nowMs);
      this.#onWrongToken(address);
      return refuse(401, 'unauthorized', 'This token is not valid');
    }
    if (!this.#tokens.isValid(principal)) return refuse(401, 'unauthorized', 'This token has expired');
    this.#wrongTries.right(address, principal.name);
    return { refused: null, principal };
  }
}

function bearerOf({ headers }: IncomingMessage): string | null {
  return /^Bearer +([^\s]+)$/i.exec(headers.authorization ?? '')?.[1] ?? null;
}

/** What browsers say of requests that carry no Origin, such as those for images: cookies do not keep other ports of this host apart.
 * Whoever follows a link comes from another site too; in a frame there is only what is made for it. */
function comesFromOtherSite({ method, headers, url = '' }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  if (site !== 'cross-site' && site !== 'same-site') return false;
  if (headers['sec-fetch-mode'] !== 'navigate' || (method !== 'GET' && method !== 'HEAD')) return true;
  const destination = headers['sec-fetch-dest'] ?? 'document';
  return destination !== 'document' && !(FRAME_DESTINATIONS.includes(destination) && url.startsWith(FRAMED_PATHS));
}

function refuse(status: Refusal['status'], code: Refusal['code'], message: string, waitMs = 0): Admission {
  const headers = status === 401 ? { 'WWW-Authenticate': 'Bearer' } : status === 429 ? { 'Retry-After': String(Math.max(1, Math.ceil(waitMs / 1000))) } : {};
  return { refused: { status, code, message, headers } };
}
