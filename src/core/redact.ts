import { userInfoOf } from './source-kind.js';

/** Names of query parameters (and of `key=value` pieces of a path, as some cameras have them) whose value is a secret. */
const SECRET_PARAMETER = /((?:^|[?&;/_,\s])(?:[a-z0-9.-]*(?:token|secret|passw(?:or)?d|passwd|pwd|pass|signature|sig|apikey|api-key|api_key|access_key|auth|credential)[a-z0-9.-]*|key|usr|user|username|login)=)[^&;]*/giu;

/** `scheme://user:password@`. Greedy up to the last `@`: a password may hold `@ : / ? # ' "` unescaped. */
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/).*@/isu;

/** `scheme://user:password` whose rest was cut off: after the colon comes no port. */
const CUT_USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)(?!\*\*\*@)[^/?#@:[\]]*:(?!\d{0,5}(?:[/?#,;)\\\s"'<>|]|\.?$)).*/isu;

/** Any URL in a text. */
const URL_WORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>|]+/giu;

/** What stands where a secret was. */
const MASK = '***';

/** Takes user, password and secret parameters out of one URL or path; the rest stays readable. Rather too much than too little. */
export function redactUrl(url: string): string {
  return url.replace(USER_INFO, `$1${MASK}@`).replace(CUT_USER_INFO, `$1${MASK}`).replace(SECRET_PARAMETER, `$1${MASK}`);
}

/** Takes the secrets out of every URL in a text (a log line, an error, a program's output).
 * @param secrets exact strings to take out as well, in every spelling, see {@link secretsOf} */
export function redactText(text: string, secrets: readonly string[] = []): string {
  const matcher = secrets.length === 0 ? null : secretMatcher(secrets);
  const known = matcher === null ? text : text.replace(matcher, MASK);
  return known.includes('://') ? known.replace(URL_WORD, (url) => redactUrl(url)) : known;
}

/** What of a URL must not be printed: its password, the values of its secret parameters, and its login as a Basic header has it. Secrets under three characters are left
 * out: they would blank ordinary words, and the URL forms are caught by pattern. */
export function secretsOf(url: string): readonly string[] {
  const found = new Set<string>();
  const rest = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/isu.exec(url)?.[1];
  if (rest === undefined) return [];
  const userInfo = userInfoOf(rest);
  const colon = userInfo?.indexOf(':') ?? -1;
  if (userInfo !== null && colon >= 0) {
    found.add(userInfo.slice(colon + 1));
    found.add(Buffer.from(decodeLeniently(userInfo)).toString('base64'));
  }
  for (const [piece, name = ''] of (userInfo === null ? rest : rest.slice(userInfo.length)).matchAll(SECRET_PARAMETER)) {
    if (!/(?:usr|user|username|login)=$/iu.test(name)) found.add(piece.slice(name.length));
  }
  return [...found].filter((secret) => decodeLeniently(secret).length >= 3).sort((a, b) => b.length - a.length);
}

const matchers = new WeakMap<readonly string[], RegExp>();

/** One expression for many secrets, each in every spelling: as it is, percent-encoded in part or whole, as a form, as JSON and as HTML have it. Kept for as long as the list is. */
export function secretMatcher(secrets: readonly string[]): RegExp {
  const known = matchers.get(secrets);
  if (known !== undefined) return known;
  const texts = new Set(secrets.flatMap((secret) => [secret, decodeLeniently(secret)]).flatMap((text) => [text, text.normalize('NFC'), text.normalize('NFD')]));
  const longestFirst = [...texts].filter((text) => text !== '').sort((a, b) => b.length - a.length);
  const made = new RegExp(longestFirst.map(spellingsOf).join('|'), 'gu');
  matchers.set(secrets, made);
  return made;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": "&#39;|&apos;" };

/** Expression for a text in all its spellings. */
function spellingsOf(text: string): string {
  // Backslashes in a row, and the quote behind them, are taken as one, or the ways to match them would multiply.
  return (text.match(/\\*(?:["'/]|$)|\\+|[^\\]/gu) ?? []).filter((piece) => piece !== '').map(spellingsOfPiece).join('');
}

/** A backslash. */
const BACKSLASH = '(?:\\\\(?:u005[cC])?|%5[cC])';

/** Expression for one character, or a run of backslashes with the quote behind it. */
function spellingsOfPiece(piece: string): string {
  const run = /^\\*/u.exec(piece)?.[0].length ?? 0;
  const last = piece.slice(run);
  if (run === 0 && !/["'/]/u.test(piece)) return `(?:${spellingsOfCharacter(piece, '\\\\{1,4}').join('|')})`;
  // What must be escaped may have been so more than once.
  const backslashes = `${BACKSLASH}{${String(run)},${String(8 * run + 8)}}`;
  return last === '' ? backslashes : `${backslashes}(?:${spellingsOfCharacter(last, '').join('|')})`;
}

/** @param escape expression for the backslashes before a `u0041` */
function spellingsOfCharacter(character: string, escape: string): readonly string[] {
  const anyCase = (hex: string): string => [...hex].map((digit) => (/[a-f]/u.test(digit) ? `[${digit}${digit.toUpperCase()}]` : digit)).join('');
  const percent = [...Buffer.from(character)].map((byte) => `%${anyCase(byte.toString(16).padStart(2, '0'))}`).join('');
  const units = Array.from({ length: character.length }, (_, index) => `${escape}u${anyCase(character.charCodeAt(index).toString(16).padStart(4, '0'))}`).join('');
  const others = [ENTITIES[character], character === ' ' ? '\\+' : undefined].filter((each) => each !== undefined);
  return [percent, units, ...others, character.replace(/[\^$.*+?()[\]{}|/]/u, '\\$&')];
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text; // a lone % is part of the password as it stands
    throw error;
  }
}
