/** What needs no token: the page's own files (they show nothing by themselves), the way to log in, and whether the process lives. */
const OPEN_PATHS: readonly RegExp[] = [/^\/$/, /^\/index\.html$/, /^\/favicon\.(?:ico|svg)$/, /^\/assets\/[\w.@-]+$/, /^\/embed\/[\w-]+$/, /^\/healthz$/, /^\/api\/session$/];

/** Whether a path is answered to everybody. All else, what is added later too, needs a token. @param path as it stands in the request, percent-encoded */
export function isOpenPath(path: string): boolean {
  return OPEN_PATHS.some((open) => open.test(path));
}
