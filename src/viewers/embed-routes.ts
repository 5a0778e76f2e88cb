import type { Context, Hono } from 'hono';
import { compress } from 'hono/compress';
import { STREAM_ID_PATTERN } from './client-message.js';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse } from './http-errors.js';
import { readStaticFile } from './static-files.js';

const PATH = '/embed/';
/** Built from `web/embed/index.html`; its assets lie beside its folder. */
const FILE = '/embed/index.html';

/** Serves the page that shows one stream in other people's pages. It is the same for every stream, there or not: what it may see is
 * decided where it asks for pictures. */
export function addEmbedRoute(app: Hono<Env>, { webRoot }: Pick<HttpContext, 'webRoot'>): void {
  app.get('/embed/:stream', compress(), async (c) => {
    const file = STREAM_ID_PATTERN.test(c.req.param('stream')) ? await readStaticFile(webRoot, FILE) : null;
    if (file === null) return errorResponse(c, 404, 'not-found', 'There is no such page');
    return c.body(new Uint8Array(file.body), 200, { 'Cache-Control': file.cacheControl, 'Content-Type': file.contentType, 'Content-Length': String(file.body.length) });
  });
}

/** Lets pages of the given origins frame the embeddable page, and nothing else. Comes after the headers that let nobody frame anything.
 * @param origins `*`: all
 */
export function allowFraming(c: Context<Env>, origins: readonly string[]): void {
  if (!c.req.path.startsWith(PATH) || origins.length === 0) return;
  const policy = c.res.headers.get('Content-Security-Policy') ?? '';
  c.header('Content-Security-Policy', policy.replace("frame-ancestors 'none'", `frame-ancestors ${origins.join(' ')}`));
  // It knows no list of origins, and browsers that do not know the policy above would refuse everybody.
  c.header('X-Frame-Options', undefined);
  // Else a page that isolates itself (COEP) could not frame this one.
  c.header('Cross-Origin-Resource-Policy', 'cross-origin');
}
