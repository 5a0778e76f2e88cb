import { createHash, randomBytes } from 'node:crypto';
import type { Credentials } from './upstream-url.js';

/** One way to log in that a server offers: `Basic realm="…"`, `Digest realm="…", nonce="…"`. */
export type Challenge = { readonly scheme: string; readonly parameters: ReadonlyMap<string, string> };

/** A parameter with its value, quoted or not, or the name of a scheme. */
const ITEM = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?/gu;
/** Algorithms of RFC 7616 that OpenSSL names so; best first. */
const HASHES: readonly (readonly [string, string])[] = [['SHA-256', 'sha256'], ['SHA-512-256', 'sha512-256'], ['MD5', 'md5']];
/** How often one request may be sent again for a nonce that is said to be stale. */
const MAX_ANSWERS = 3;

/** Reads the value of a `WWW-Authenticate` header, which may hold several challenges. Never throws; what is no challenge is left out. */
export function parseChallenges(header: string): readonly Challenge[] {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  for (const [item, name = '', quoted, plain] of header.matchAll(ITEM)) {
    const value = quoted?.replace(/\\(.)/gsu, '$1') ?? plain;
    if (value === undefined || !item.includes('=')) challenges.push({ scheme: name.toLowerCase(), parameters: new Map() });
    else challenges.at(-1)?.parameters.set(name.toLowerCase(), value);
  }
  return challenges;
}

/** What an answer to a digest challenge is made of. */
export type DigestFacts = Credentials & {
  readonly method: string;
  /** As it stands in the request line. */
  readonly uri: string;
  /** How often this nonce was used, this time included; from 1. */
  readonly nonceCount: number;
  /** The client's own nonce. */
  readonly clientNonce: string;
};

/** Makes the value of an `Authorization` header for a digest challenge (RFC 2617 and 7616: MD5, SHA-256, SHA-512/256, each also `-sess`; qop `auth` or none).
 * @returns `null` for an algorithm or a protection that is not known, or a challenge without a nonce */
export function digestAuthorization({ parameters }: Challenge, facts: DigestFacts): string | null {
  const algorithm = parameters.get('algorithm') ?? 'MD5';
  const hashName = HASHES.find(([name]) => name === algorithm.toUpperCase().replace(/-SESS$/u, ''))?.[1];
  const nonce = parameters.get('nonce');
  const offered = parameters.get('qop')?.toLowerCase().split(/[\s,]+/u).filter((each) => each !== '') ?? [];
  if (hashName === undefined || nonce === undefined || (offered.length > 0 && !offered.includes('auth'))) return null;
  const hash = (text: string): string => createHash(hashName).update(text, 'latin1').digest('hex');
  const [user, password] = [wireText(facts.user), wireText(facts.password)];
  const realm = parameters.get('realm') ?? '';
  const count = facts.nonceCount.toString(16).padStart(8, '0');
  const login = hash(`${user}:${realm}:${password}`);
  const session = /-sess$/iu.test(algorithm) ? hash(`${login}:${nonce}:${facts.clientNonce}`) : login;
  const request = hash(`${facts.method}:${facts.uri}`);
  const protectedBy = offered.length > 0 ? `${nonce}:${count}:${facts.clientNonce}:auth` : nonce;
  const opaque = parameters.get('opaque');
  return [
    `Digest username=${quote(user)}`, `realm=${quote(realm)}`, `nonce=${quote(nonce)}`, `uri=${quote(facts.uri)}`, `response="${hash(`${session}:${protectedBy}:${request}`)}"`,
    ...(parameters.has('algorithm') ? [`algorithm=${algorithm}`] : []),
    ...(opaque === undefined ? [] : [`opaque=${quote(opaque)}`]),
    ...(offered.length > 0 ? ['qop=auth', `nc=${count}`] : []),
    ...(offered.length > 0 || session !== login ? [`cnonce="${facts.clientNonce}"`] : []),
  ].join(', ');
}

/** The login of one server: remembers how it wants to be answered, so that only the first request is refused. */
export class UpstreamLogin {
  readonly #credentials: Credentials | null;
  #challenge: Challenge | null = null;
  #nonceCount = 0;
  /** Stays while the challenge does: a `-sess` key is made of the first one, once. */
  #clientNonce = '';

  /** @param credentials `null`: none were given, so that every challenge is refused */
  constructor(credentials: Credentials | null) {
    this.#credentials = credentials;
  }

  /** The value of the `Authorization` header of a request; `null` as long as the server has not asked for one. */
  authorization(method: string, uri: string): string | null {
    if (this.#credentials === null || this.#challenge === null) return null;
    if (this.#challenge.scheme === 'basic') return `Basic ${Buffer.from(`${this.#credentials.user}:${this.#credentials.password}`).toString('base64')}`;
    this.#nonceCount += 1;
    return digestAuthorization(this.#challenge, { ...this.#credentials, method, uri, nonceCount: this.#nonceCount, clientNonce: this.#clientNonce });
  }

  /** Takes in what came with a 401.
   * @param answered how many challenges of this very request were answered before
   * @returns whether it makes sense to send the request again */
  accept(headers: readonly string[], answered: number): boolean {
    const challenges = headers.flatMap(parseChallenges);
    const best = bestChallenge(challenges);
    if (this.#credentials === null || best === null) return false;
    const stale = best.parameters.get('stale')?.toLowerCase() === 'true';
    // A second refusal means that the password is wrong, unless the server only wants a newer nonce: cameras lock accounts after a few.
    if (answered > 0 && !(stale && answered < MAX_ANSWERS)) return false;
    this.#challenge = best;
    this.#nonceCount = 0;
    this.#clientNonce = randomBytes(16).toString('hex');
    return true;
  }
}

function bestChallenge(challenges: readonly Challenge[]): Challenge | null {
  const probe = { user: '', password: '', method: '', uri: '', nonceCount: 1, clientNonce: '' };
  for (const [name] of HASHES) {
    const found = challenges.find((challenge) => challenge.scheme === 'digest' && (challenge.parameters.get('algorithm') ?? 'MD5').toUpperCase().startsWith(name) && digestAuthorization(challenge, probe) !== null);
    if (found !== undefined) return found;
  }
  return challenges.find(({ scheme }) => scheme === 'basic') ?? null;
}

/** UTF-8 as it goes over the wire, a character for a byte, which is how challenges come from there: a server hashes bytes. */
function wireText(text: string): string {
  return Buffer.from(text).toString('latin1');
}

function quote(text: string): string {
  return `"${text.replace(/["\\]/gu, '\\$&')}"`;
}
