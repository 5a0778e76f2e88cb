import { createHash, timingSafeEqual } from 'node:crypto';

/** A bearer token as configured; the token itself is known to its owner only. */
export type Token = {
  readonly name: string;
  /** SHA-256 of the token, 64 hex digits. */
  readonly sha256: string;
  readonly role: 'viewer' | 'operator';
  /** Streams it may see; absent: all. */
  readonly streams?: readonly string[];
  /** ISO date from which on it is worth nothing. */
  readonly expires?: string;
};

/** Who asks, and what they may see. */
export type Principal = {
  readonly name: string;
  readonly role: 'viewer' | 'operator';
  /** `null`: all streams. */
  readonly streams: ReadonlySet<string> | null;
  /** Epoch ms, `null`: never. */
  readonly expiresAtMs: number | null;
};

/** Everybody, where no tokens are configured. */
const ANYBODY: Principal = { name: 'anybody', role: 'operator', streams: null, expiresAtMs: null };

/** Knows who a request comes from. */
export class TokenGate {
  readonly #tokens: readonly { readonly digest: Buffer; readonly principal: Principal }[];

  /** @throws {RangeError} when a token's hash or date is malformed; configuration checks both first */
  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens.map((token) => ({ digest: parseDigest(token), principal: toPrincipal(token) }));
  }

  /** @param authorization the header; @returns `null` when tokens are needed and this is not a valid one */
  identify(authorization: string | undefined, nowMs: number): Principal | null {
    if (this.#tokens.length === 0) return ANYBODY;
    const presented = /^Bearer +([^\s]{1,4096})$/i.exec(authorization ?? '')?.[1];
    if (presented === undefined) return null;
    const digest = createHash('sha256').update(presented).digest();
    let found: Principal | null = null;
    // All are compared, each in constant time, so that the time taken tells nothing.
    for (const token of this.#tokens) {
      if (timingSafeEqual(token.digest, digest)) found = token.principal;
    }
    return found === null || hasExpired(found, nowMs) ? null : found;
  }
}

export function hasExpired(principal: Principal, nowMs: number): boolean {
  return principal.expiresAtMs !== null && nowMs >= principal.expiresAtMs;
}

export function maySee(principal: Principal, streamId: string): boolean {
  return principal.streams === null || principal.streams.has(streamId);
}

function parseDigest(token: Token): Buffer {
  if (!/^[0-9a-f]{64}$/i.test(token.sha256)) throw new RangeError(`Expected \`sha256\` of token ${token.name} to be 64 hex digits`);
  return Buffer.from(token.sha256, 'hex');
}

function toPrincipal(token: Token): Principal {
  const expiresAtMs = token.expires === undefined ? null : Date.parse(token.expires);
  if (Number.isNaN(expiresAtMs)) throw new RangeError(`Expected \`expires\` of token ${token.name} to be an ISO date`);
  return { name: token.name, role: token.role, streams: token.streams === undefined ? null : new Set(token.streams), expiresAtMs };
}
