import type { Hono } from 'hono';
import { compress } from 'hono/compress';
import { STREAM_ID_PATTERN } from './client-message.js';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse } from './http-errors.js';
import { NOBODY, type FramersOf } from './security-headers.js';
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

/** Lets pages of the given origins frame the embeddable page, and nothing else. @param origins `*`: all; empty: nobody's */
export function framersOf(origins: readonly string[]): FramersOf {
  return (path) => (path.startsWith(PATH) && origins.length > 0 ? origins.join(' ') : NOBODY);
}
