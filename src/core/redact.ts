/** Names of query parameters (and of `key=value` pieces of a path, as some cameras have them) whose value is a secret. */
const SECRET_PARAMETER = /((?:^|[?&;/_,\s])(?:[a-z0-9.-]*(?:token|secret|passw(?:or)?d|passwd|pwd|pass|signature|sig|apikey|api-key|api_key|access_key|auth|credential)[a-z0-9.-]*|key|usr|user|username|login)=)[^&;\s"'<>|]*/giu;

/** `scheme://user:password@`. Greedy up to the last `@` of the word: a password may hold `@ : / ? #` unescaped. */
const USER_INFO = /\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>|]*@/giu;

/** Any URL in a text. */
const URL_WORD = /\b[a-z][a-z0-9+.-]*:\/\/[^\s"'<>|]+/giu;

/** What stands where a secret was. */
const MASK = '***';

/** Takes user, password and secret parameters out of one URL or path; the rest stays readable. Rather too much than too little. */
export function redactUrl(url: string): string {
  return url.replace(USER_INFO, `$1${MASK}@`).replace(SECRET_PARAMETER, `$1${MASK}`);
}

/** Takes the secrets out of every URL in a text (a log line, an error, a program's output).
 * @param secrets exact strings to take out as well, see {@link secretsOf} */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let result = text.replace(URL_WORD, (url) => redactUrl(url));
  for (const secret of secrets) result = result.replaceAll(secret, MASK);
  return result;
}

/** The password of a URL in every spelling a program may print it in (as written, decoded, encoded); empty without one.
 * Passwords under three characters are left out: they would blank ordinary words, and the URL forms are caught by pattern. */
export function secretsOf(url: string): readonly string[] {
  const userInfo = /^[a-z][a-z0-9+.-]*:\/\/(.*)@/iu.exec(url)?.[1];
  const colon = userInfo?.indexOf(':') ?? -1;
  if (userInfo === undefined || colon < 0) return [];
  const password = userInfo.slice(colon + 1);
  const spellings = new Set([password, decodeLeniently(password), encodeURIComponent(decodeLeniently(password))]);
  return [...spellings].filter((spelling) => spelling.length >= 3).sort((a, b) => b.length - a.length);
}

function decodeLeniently(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return text; // a lone % is part of the password as it stands
    throw error;
  }
}
