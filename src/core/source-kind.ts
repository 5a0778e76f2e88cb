import { resolve } from 'node:path';
import type { StreamMode } from './stream-status.js';

/** Name of the source that plays the demo clip. */
export const DEMO_SOURCE = 'demo:street';

/** What a source can be, in one line, for messages. */
export const SOURCE_FORMS = `rtsp(s)://…, http(s)://…, a path (./name:with-colon.mp4 when it has one), a folder or pattern of images (shots/, shots/*.jpg), /dev/video0 or ${DEMO_SOURCE}`;

/** What a source is by the look of its text; nothing is opened for it. */
export type SourceKind =
  | { readonly kind: 'rtsp' | 'http' }
  /** A file; a folder turns out to be one of images when it is opened. */
  | { readonly kind: 'file'; readonly path: string }
  /** `pattern`: of names inside the folder, with `*` and `?`; `null`: all images. */
  | { readonly kind: 'images'; readonly folder: string; readonly pattern: string | null }
  /** A camera at this machine (V4L2). */
  | { readonly kind: 'device'; readonly path: string }
  | { readonly kind: 'demo' };

/** Longer sources are attacks: Linux ends a path here, and ffmpeg a URL. */
const MAX_CHARACTERS = 4096;
const DEVICE = /^\/dev\/(?:video\d{1,3}|v4l\/by-(?:id|path)\/[^/]+)$/u;
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/u;
/** Characters that show nothing or turn the order of writing: what people read would not be what is opened. */
const INVISIBLE = /[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

/** Says what a source is, by its text alone; the one grammar of sources.
 * @returns `null` for what is none: another scheme, a URL without a usable host, control characters, more than 4096 characters */
export function classifySource(text: string): SourceKind | null {
  if (text.trim() === '' || text.length > MAX_CHARACTERS || CONTROL.test(text)) return null;
  // What begins with a dot or a slash is a path whatever comes later; a single letter is a drive; no scheme begins with a digit.
  const scheme = /^([a-z][^\s/\\]+?):/iu.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined) return classifyPath(text);
  if (scheme === 'demo') return text === DEMO_SOURCE ? { kind: 'demo' } : null;
  if (!/^(?:rtsps?|https?):\/\//iu.test(text) || INVISIBLE.test(text)) return null;
  return isUsableUrl(text.slice(text.indexOf('://') + 3)) ? { kind: scheme.startsWith('rtsp') ? 'rtsp' : 'http' } : null;
}

/** Whether a source goes on for ever or has an end, where nothing else is said: a video on the web counts as a camera. */
export function natureOf({ kind }: SourceKind): StreamMode {
  return kind === 'file' || kind === 'images' ? 'replay' : 'live';
}

/** The source with its path made absolute; URLs stay as they are.
 * @param folder that a relative path is relative to */
export function absoluteSource(text: string, kind: SourceKind, folder: string): string {
  if (kind.kind === 'file') return resolve(folder, kind.path);
  if (kind.kind !== 'images') return text;
  const absolute = resolve(folder, kind.folder);
  return `${absolute.endsWith('/') ? absolute : `${absolute}/`}${kind.pattern ?? ''}`;
}

/** Finds user and password in what follows `://`. They may hold `@ : / ? #` as they are, so they end at the last `@`, unless what
 * stands before it reads as a host with a port and a path.
 * @returns without the `@`; `null` where there are none */
export function userInfoOf(rest: string): string | null {
  const greedy = rest.slice(0, Math.max(0, rest.lastIndexOf('@')));
  const colon = greedy.indexOf(':');
  const user = colon < 0 ? greedy : greedy.slice(0, colon);
  if (greedy !== '' && !/[/?#]/u.test(user) && !/^:\d{1,5}[/?#]/u.test(greedy.slice(user.length))) return greedy;
  const [authority = ''] = rest.split(/[/?#]/u);
  const at = authority.lastIndexOf('@');
  return at < 0 ? null : authority.slice(0, at);
}

/** Host and port of `host:port` in canonical spelling, whatever way the host is written; `port` is `null` when it names none.
 * @returns `null` when it is no host */
export function parseAuthority(authority: string): { readonly host: string; readonly port: number | null } | null {
  const [, hostText = '', portText] = /^(\[[^\]]*\]|[^:@]*)(?::(\d{0,5}))?$/u.exec(authority) ?? [];
  const port = portText === undefined || portText === '' ? null : Number(portText);
  if (hostText === '' || hostText.includes('\\') || port === 0 || (port ?? 1) > 65_535) return null;
  // The parser of the web: it knows every odd spelling of a number, turns letters of the world into punycode and decodes what is percent-encoded.
  const url = parseUrl(`http://${hostText}/`);
  if (url === null) return null;
  const { hostname, username } = url;
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return host === '' || username !== '' ? null : { host, port };
}

/** Not `URL.canParse`: once it is optimised (after some 2000 calls), Node 20.20 says no to every text with letters of Latin-1 beyond ASCII. */
function parseUrl(text: string): URL | null {
  try {
    return new URL(text);
  } catch (error) {
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function isUsableUrl(rest: string): boolean {
  if (/\s/u.test(rest)) return false;
  const userInfo = userInfoOf(rest);
  // Only a password may hold an @ of its own: in `a@b@c` nobody can tell what is meant for the host.
  if (userInfo !== null && /[@\\]/u.test(userInfo.split(':', 1)[0] ?? '')) return false;
  const [authority = ''] = (userInfo === null ? rest : rest.slice(userInfo.length + 1)).split(/[/?#]/u);
  return parseAuthority(authority) !== null;
}

function classifyPath(path: string): SourceKind {
  if (DEVICE.test(path)) return { kind: 'device', path };
  const slash = path.lastIndexOf('/');
  const [folder, name] = [slash < 0 ? '.' : path.slice(0, slash + 1), path.slice(slash + 1)];
  if (name === '') return { kind: 'images', folder, pattern: null };
  return isImagePattern(name) || isImageName(name) ? { kind: 'images', folder, pattern: name } : { kind: 'file', path };
}

/** `*` and `?` may stand in the name of a video as well: only a pattern that can mean images is one. */
function isImagePattern(name: string): boolean {
  return /[*?]/u.test(name) && (isImageName(name) || name.endsWith('*'));
}

/** Whether a file's name is one of a still picture. */
export function isImageName(name: string): boolean {
  return /\.(?:jpe?g|png|webp|bmp|tiff?)$/iu.test(name);
}
