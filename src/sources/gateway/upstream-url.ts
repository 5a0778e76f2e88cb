import { isIPv6 } from 'node:net';
import { SourceOpenError } from '../../core/errors.js';
import { redactUrl } from '../../core/redact.js';
import { parseAuthority, userInfoOf } from '../../core/source-kind.js';

/** `rtsp(s)://` or `http(s)://` as the user wrote it; may hold user and password with any characters. */
export type UpstreamUrl = string;

export type Credentials = { readonly user: string; readonly password: string };

/** A network source taken apart. */
export type Upstream = {
  readonly protocol: 'rtsp' | 'http';
  /** Whether it is reached over TLS (`rtsps`, `https`). */
  readonly secure: boolean;
  /** Canonical: lower case, punycode, numbers in one spelling, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Path and query, printable ASCII, starting with `/`. For RTSP empty when the URL ends with its host: cameras tell the two apart. */
  readonly target: string;
  /** Decoded; `null` without a user. */
  readonly credentials: Credentials | null;
  /** For people: the URL without secrets. */
  readonly displayName: string;
};

const DEFAULT_PORTS = { rtsp: 554, rtsps: 322, http: 80, https: 443 } as const;
/** Longer ones are an attack, and ffmpeg cuts them at 4096 itself. */
const MAX_LENGTH = 4096;

/** Takes a URL apart.
 * @throws {SourceOpenError} for other schemes, a host that is none, characters that have no place in a URL */
export function parseUpstream(url: UpstreamUrl): Upstream {
  const [, scheme = '', rest = ''] = /^(rtsps?|https?):\/\/(.*)$/iu.exec(url) ?? [];
  // eslint-disable-next-line no-control-regex -- control characters are what it is about
  if (scheme === '' || url.length > MAX_LENGTH || /[\u0000-\u0020\u007f]/u.test(url)) throw unusable(url);
  const userInfo = userInfoOf(rest);
  const afterUserInfo = userInfo === null ? rest : rest.slice(userInfo.length + 1);
  const [, authority = '', path = ''] = /^([^/?#]*)(.*)$/u.exec(afterUserInfo) ?? [];
  const parsed = parseAuthority(authority);
  const credentials = userInfo === null ? null : credentialsOf(userInfo);
  // The user's name goes into a header as it is: a line break in it would begin a header, or a request, of its own.
  if (parsed === null || /\p{Cc}/u.test(credentials?.user ?? '')) throw unusable(url);
  const name = scheme.toLowerCase() as keyof typeof DEFAULT_PORTS;
  const protocol = name.startsWith('rtsp') ? 'rtsp' : 'http';
  return {
    protocol,
    secure: name.endsWith('s'),
    host: parsed.host,
    port: parsed.port ?? DEFAULT_PORTS[name],
    target: protocol === 'rtsp' ? printable(path) : httpTarget(path),
    credentials,
    displayName: redactUrl(url),
  };
}

/** `host:port` as a URL and a Host header have it.
 * @param defaultPort is left out */
export function authorityOf(host: string, port: number, defaultPort?: number): string {
  const name = isIPv6(host) ? `[${host}]` : host;
  return port === defaultPort ? name : `${name}:${String(port)}`;
}

/** Path and query of an HTTP URL: without the fragment, never empty. */
export function httpTarget(path: string): string {
  const [target = ''] = printable(path).split('#');
  return target.startsWith('/') ? target : `/${target}`;
}

function credentialsOf(userInfo: string): Credentials | null {
  const colon = userInfo.indexOf(':');
  const user = decode(colon < 0 ? userInfo : userInfo.slice(0, colon));
  const password = colon < 0 ? '' : decode(userInfo.slice(colon + 1));
  return user === '' && password === '' ? null : { user, password };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text; // a lone % is part of the password as it stands
    throw error;
  }
}

/** Percent-encodes what a request line must not hold. */
function printable(text: string): string {
  return text.replace(/[^\u0021-\u007e]+/gu, (odd) => [...Buffer.from(odd)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''));
}

function unusable(url: string): SourceOpenError {
  return new SourceOpenError(`${redactUrl(url.slice(0, 200))}: not a usable URL, expected for example rtsp://camera/stream`);
}
