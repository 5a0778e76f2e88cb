import { Hono, type Context } from 'hono';
import { compress } from 'hono/compress';
import { addEmbedRoute, framersOf } from './embed-routes.js';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse, refusalResponse } from './http-errors.js';
import { addManageRoutes } from './manage-routes.js';
import { addOpenApiRoute } from './openapi-route.js';
import { isOpenPath } from './open-paths.js';
import { MAX_BODY_BYTES, readBody } from './request-body.js';
import { securityHeaders } from './security-headers.js';
import { addSessionRoutes } from './session-routes.js';
import { readStaticFile } from './static-files.js';
import { addStreamRoutes } from './stream-routes.js';

/** All HTTP routes; every request passes the access check first. */
export function createHttpRoutes(context: HttpContext): Hono<Env> {
  const app = new Hono<Env>({ getPath: (_request, options) => rawPath(options?.env?.incoming.url ?? '/') });
  const framers = framersOf(context.embedOrigins);
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(securityHeaders(c.req.path, framers))) c.header(name, value);
  });
  app.use(async (c, next) => {
    const admission = context.access.admit(c.env.incoming, isOpenPath(c.req.path));
    if (admission.refused !== null) return refusalResponse(c, admission.refused);
    c.set('principal', admission.principal);
    return next();
  });
  app.use(async (c, next) => {
    const body = await readBody(c.env.incoming);
    if (body === null) return errorResponse(c, 413, 'too-large', `The body is larger than ${String(MAX_BODY_BYTES)} bytes`, { Connection: 'close' });
    c.set('body', body);
    return next();
  });
  addServiceRoutes(app, context);
  addSessionRoutes(app, context);
  addStreamRoutes(app, context);
  addOpenApiRoute(app, context);
  addManageRoutes(app, context);
  app.all('/ws', (c) => errorResponse(c, 400, 'upgrade-expected', 'This path speaks WebSocket'));
  app.all('/api/*', (c) => errorResponse(c, 404, 'not-found', 'There is no such resource'));
  addEmbedRoute(app, context);
  addPageRoutes(app, context);
  app.onError((error, c) => {
    context.log.error({ err: error, path: c.req.path }, 'a request failed');
    return errorResponse(c, 500, 'internal', 'The request failed; the log says why');
  });
  return app;
}

function addServiceRoutes(app: Hono<Env>, context: HttpContext): void {
  app.get('/healthz', (c) => c.json({ status: 'ok' }, 200, { 'Cache-Control': 'no-store' }));
  app.get('/readyz', (c) => {
    const { ready, message } = context.readiness();
    return c.json(ready ? { ready, message } : { ready, message, error: { code: 'not-ready', message } }, ready ? 200 : 503, { 'Cache-Control': 'no-store' });
  });
  app.get('/metrics', async (c) => {
    // Its labels name every stream.
    if (c.get('principal').streams !== null) return errorResponse(c, 403, 'forbidden', 'Your token covers single streams only');
    return c.body(await context.metrics.registry.metrics(), 200, { 'Content-Type': context.metrics.registry.contentType, 'Cache-Control': 'no-store' });
  });
  app.get('/api/backends', (c) => c.json({ backends: context.backends() }, 200, { 'Cache-Control': 'no-store' }));
  for (const path of ['/healthz', '/readyz', '/metrics', '/api/backends']) app.all(path, refuseMethod);
}

function addPageRoutes(app: Hono<Env>, context: HttpContext): void {
  app.get('*', compress(), async (c) => {
    const file = await readStaticFile(context.webRoot, c.req.path);
    if (file === null) {
      const isPage = c.req.path === '/';
      return errorResponse(c, 404, 'not-found', isPage ? 'The page is not built: run npm run build' : 'There is no such page');
    }
    // Weak, as the same file may travel compressed.
    const headers = { 'Cache-Control': file.cacheControl, ETag: `W/${file.etag}` };
    if (c.req.header('If-None-Match') === headers.ETag) return c.body(null, 304, headers);
    return c.body(new Uint8Array(file.body), 200, { ...headers, 'Content-Type': file.contentType, 'Content-Length': String(file.body.length) });
  });
  app.all('*', refuseMethod);
}

function refuseMethod(c: Context): Response {
  return errorResponse(c, 405, 'method-not-allowed', 'This resource is read with GET', { Allow: 'GET, HEAD' });
}

/** The path as it was sent, percent-encoding and dots kept, so that nothing is resolved before it is checked: a `Request` has done that to its URL.
 * @param target as it stands in the request's first line; a proxy's begins with scheme and host */
function rawPath(target: string): string {
  const start = target.startsWith('/') ? 0 : target.indexOf('/', target.indexOf('//') + 2);
  return start === -1 ? '/' : (target.slice(start).split(/[?#]/, 1)[0] ?? '/');
}
