import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

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

/** Longest token that is looked at. A cookie has to hold it. */
export const MAX_TOKEN_LENGTH = 1024;

/** 256 bits: nobody guesses it, so that its plain SHA-256 may lie in a file. */
const TOKEN_BYTES = 32;
/** Lets people and scanners of repositories know a token when they see one. */
const TOKEN_PREFIX = 'sl_';

/** Everybody, where no tokens are configured. */
const ANYBODY: Principal = { name: 'anybody', role: 'operator', streams: null, expiresAtMs: null };

type Known = { readonly token: Token; readonly digest: Buffer; readonly principal: Principal };

/** Makes a new token; what is configured is its hash. */
export function createToken(): { readonly token: string; readonly sha256: string } {
  const token = `${TOKEN_PREFIX}${randomBytes(TOKEN_BYTES).toString('base64url')}`;
  return { token, sha256: digestOf(token).toString('hex') };
}

/** SHA-256 of a token. */
export function digestOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Knows whose a token is. Its tokens can be replaced while it is asked. */
export class TokenGate {
  #known: readonly Known[] = [];
  #valid: ReadonlySet<Principal> = new Set();

  /** @throws {RangeError} when a token's hash or date is malformed; configuration checks both first */
  constructor(tokens: readonly Token[]) {
    this.setTokens(tokens);
  }

  /** Whether a token is needed at all. */
  get isRequired(): boolean {
    return this.#known.length > 0;
  }

  /** Replaces all tokens at once, or none when one is malformed. Principals of tokens that stay as they were stay valid.
   * @throws {RangeError} as the constructor */
  setTokens(tokens: readonly Token[]): void {
    const known = tokens.map((token) => this.#known.find((old) => isSame(old.token, token)) ?? { token, digest: parseDigest(token), principal: toPrincipal(token) });
    this.#known = known;
    this.#valid = new Set(known.length === 0 ? [ANYBODY] : known.map(({ principal }) => principal));
  }

  /** Whose the token is, expired or not; where none is needed everybody's, even nobody's.
   * @param presented as it came, `null`: none; @returns `null` when tokens are needed and this is none of them */
  identify(presented: string | null): Principal | null {
    if (this.#known.length === 0) return ANYBODY;
    if (presented === null || presented.length > MAX_TOKEN_LENGTH) return null;
    const digest = digestOf(presented);
    let found: Principal | null = null;
    // All are compared, each in constant time, so that the time taken tells nothing.
    for (const known of this.#known) {
      if (timingSafeEqual(known.digest, digest)) found = known.principal;
    }
    return found;
  }

  /** Whether who was identified before is still welcome: the token has not expired, changed or gone.
   * @param nowMs epoch ms */
  isValid(principal: Principal, nowMs = Date.now()): boolean {
    return this.#valid.has(principal) && !hasExpired(principal, nowMs);
  }
}

export function hasExpired(principal: Principal, nowMs: number): boolean {
  return principal.expiresAtMs !== null && nowMs >= principal.expiresAtMs;
}

export function maySee(principal: Principal, streamId: string): boolean {
  return principal.streams === null || principal.streams.has(streamId);
}

function isSame(a: Token, b: Token): boolean {
  const facts = ({ name, sha256, role, streams, expires }: Token): string => JSON.stringify([name, sha256.toLowerCase(), role, streams ?? null, expires ?? null]);
  return facts(a) === facts(b);
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
