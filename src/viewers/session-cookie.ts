import type { IncomingMessage } from 'node:http';
import type { Principal } from './tokens.js';

/** Browsers keep no cookie for longer than 400 days (RFC 6265bis, 5.5). */
const MAX_AGE_SECONDS = 400 * 86_400;

/**
 * The cookie that a browser proves its token with. It holds the token itself, so that it outlives a restart of the service. Cookies
 * do not know ports: the name holds it, so that two services of one host do not take each other's.
 */
export class SessionCookie {
  readonly #plainName: string;
  readonly #isTls: boolean;

  /** @param port that the server is bound to; @param isTls whether it speaks TLS itself */
  constructor(port: number, isTls: boolean) {
    this.#plainName = `sightline-${String(port)}`;
    this.#isTls = isTls;
  }

  /** The token in a request's cookies, `null`: none. */
  read(request: IncomingMessage): string | null {
    const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('=', 2));
    // The bound one first, wherever it stands: another port of this host, or who forges plain HTTP, can plant the other beside it.
    for (const wanted of this.#isTls ? [this.#secureName] : [this.#secureName, this.#plainName]) {
      for (const [name = '', value = ''] of pairs) if (name === wanted && value !== '') return decode(value);
    }
    return null;
  }

  /** `Set-Cookie` that makes a browser keep the token for as long as it is worth something. @param nowMs epoch ms */
  set(request: IncomingMessage, token: string, principal: Principal, nowMs: number): string {
    const leftSeconds = principal.expiresAtMs === null ? MAX_AGE_SECONDS : Math.ceil((principal.expiresAtMs - nowMs) / 1000);
    const isSecure = this.#isSecure(request);
    return this.#line(isSecure ? this.#secureName : this.#plainName, encodeURIComponent(token), Math.max(0, Math.min(MAX_AGE_SECONDS, leftSeconds)), isSecure);
  }

  /** `Set-Cookie` lines that make a browser forget it. */
  clear(request: IncomingMessage): readonly string[] {
    return this.#isSecure(request) ? [this.#line(this.#secureName, '', 0, true), this.#line(this.#plainName, '', 0, true)] : [this.#line(this.#plainName, '', 0, false)];
  }

  get #secureName(): string {
    return `__Host-${this.#plainName}`;
  }

  /** Behind a proxy that speaks TLS for us the page's own origin tells so. */
  #isSecure({ headers }: IncomingMessage): boolean {
    return this.#isTls || /^https:/i.test(headers.origin ?? '');
  }

  #line(name: string, value: string, maxAgeSeconds: number, isSecure: boolean): string {
    return [`${name}=${value}`, 'Path=/', `Max-Age=${String(maxAgeSeconds)}`, 'HttpOnly', 'SameSite=Strict', ...(isSecure ? ['Secure'] : [])].join('; ');
  }
}

function decode(value: string): string | null {
  try {
    return decodeURIComponent(value);
  } catch (error) {
    if (error instanceof URIError) return null; // not written by us
    throw error;
  }
}
