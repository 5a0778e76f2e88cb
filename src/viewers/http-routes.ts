import type { HttpBindings } from '@hono/node-server';
import { Hono, type Context } from 'hono';
import { compress } from 'hono/compress';
import { z } from 'zod';
import type { StreamStatus } from '../core/stream-status.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { Access } from './access.js';
import { describeIssues, maxFpsSchema, maxWidthPxSchema, STREAM_ID_PATTERN } from './client-message.js';
import { errorResponse } from './http-errors.js';
import { MJPEG_CONTENT_TYPE, MjpegResponse } from './mjpeg.js';
import { exceedsBodyLimit, MAX_BODY_BYTES } from './request-body.js';
import { chooseRendition } from './rendition.js';
import { readStaticFile } from './static-files.js';
import { hasExpired, maySee, type Principal } from './tokens.js';
import type { ViewerContext } from './viewer-socket.js';

/** What the routes answer from. */
export type HttpContext = ViewerContext & {
  readonly access: Access;
  readonly webRoot: string;
  readonly metrics: Metrics;
  readonly readiness: () => { readonly ready: boolean; readonly message: string };
  readonly backends: () => readonly object[];
  /** Answers that do not end by themselves; whoever closes the server ends them. */
  readonly openResponses: Set<MjpegResponse>;
};

type Env = { Bindings: HttpBindings; Variables: { principal: Principal } };

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    "default-src 'self'; connect-src 'self'; img-src 'self' blob: data:; worker-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
};

/** All HTTP routes; every request passes the access check first. */
export function createHttpRoutes(context: HttpContext): Hono<Env> {
  const app = new Hono<Env>({ getPath: (request) => rawPath(request.url) });
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.header(name, value);
  });
  app.use(async (c, next) => {
    const admission = context.access.admit(c.env.incoming, c.req.path === '/healthz');
    if (admission.refused !== null) {
      const { status, code, message } = admission.refused;
      return errorResponse(c, status, code, message, status === 401 ? { 'WWW-Authenticate': 'Bearer' } : {});
    }
    c.set('principal', admission.principal);
    return next();
  });
  app.use(async (c, next) => {
    if (!(await exceedsBodyLimit(c.env.incoming))) return next();
    return errorResponse(c, 413, 'too-large', `The body is larger than ${String(MAX_BODY_BYTES)} bytes`, { Connection: 'close' });
  });
  addServiceRoutes(app, context);
  addStreamRoutes(app, context);
  app.all('/ws', (c) => errorResponse(c, 400, 'upgrade-expected', 'This path speaks WebSocket'));
  app.all('/api/*', (c) => errorResponse(c, 404, 'not-found', 'There is no such resource'));
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

function addStreamRoutes(app: Hono<Env>, context: HttpContext): void {
  app.get('/api/streams', (c) => {
    const streams = context.directory.list().filter((status) => maySee(c.get('principal'), status.id));
    return c.json({ streams }, 200, { 'Cache-Control': 'no-store' });
  });
  app.get('/api/streams/:id', (c) => withStream(c, context, (status) => c.json(status, 200, { 'Cache-Control': 'no-store' })));
  app.get('/api/streams/:id/snapshot.jpg', (c) => withStream(c, context, (status) => answerSnapshot(c, context, status)));
  app.get('/api/streams/:id/mjpeg', (c) => withStream(c, context, (status) => answerMjpeg(c, context, status)));
  for (const path of ['', '/:id', '/:id/snapshot.jpg', '/:id/mjpeg']) app.all(`/api/streams${path}`, refuseMethod);
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

/** Answers for the stream that the path names, if there is one and the token covers it. */
function withStream(c: Context<Env>, context: HttpContext, answer: (status: StreamStatus) => Response | Promise<Response>): Response | Promise<Response> {
  const id = c.req.param('id') ?? '';
  if (!STREAM_ID_PATTERN.test(id)) return errorResponse(c, 400, 'bad-id', 'A stream id is 1 to 64 letters, digits, _ or -');
  if (!maySee(c.get('principal'), id)) return errorResponse(c, 403, 'forbidden', 'Your token does not cover this stream');
  const status = context.directory.get(id);
  return status === undefined ? errorResponse(c, 404, 'unknown-stream', 'There is no such stream') : answer(status);
}

const pictureQuerySchema = z.object({
  maxWidthPx: z.coerce.number().pipe(maxWidthPxSchema).optional(),
  maxFps: z.coerce.number().pipe(maxFpsSchema).optional(),
});

async function answerSnapshot(c: Context<Env>, context: HttpContext, status: StreamStatus): Promise<Response> {
  const query = pictureQuerySchema.safeParse(c.req.query());
  if (!query.success) return errorResponse(c, 400, 'bad-query', describeIssues(query.error));
  const frame = context.directory.latest(status.id);
  if (frame === undefined) return errorResponse(c, 503, 'no-frame', 'The stream has no frame yet', { 'Retry-After': '1' });
  try {
    const message = await context.renditions.get(frame, chooseRendition(query.data.maxWidthPx, status.widthPx, true));
    return c.body(new Uint8Array(message.jpeg), 200, { 'Content-Type': 'image/jpeg', 'Cache-Control': 'no-store' });
  } catch (error) {
    context.onRenderError(status.id, error);
    return errorResponse(c, 503, 'annotation', 'The frame could not be drawn', { 'Retry-After': '1' });
  } finally {
    frame.release();
  }
}

function answerMjpeg(c: Context<Env>, context: HttpContext, status: StreamStatus): Response {
  const query = pictureQuerySchema.safeParse(c.req.query());
  if (!query.success) return errorResponse(c, 400, 'bad-query', describeIssues(query.error));
  // Chunked by name, so that the HTTP layer sends the head at once instead of waiting for the first frame.
  const headers = { 'Content-Type': MJPEG_CONTENT_TYPE, 'Cache-Control': 'no-store', 'Transfer-Encoding': 'chunked', Connection: 'close' };
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  const principal = c.get('principal');
  const response = new MjpegResponse({
    streamId: status.id,
    hub: context.hub,
    renditions: context.renditions,
    latest: context.directory.latest(status.id),
    rendition: chooseRendition(query.data.maxWidthPx, status.widthPx, true),
    maxFps: query.data.maxFps ?? null,
    stallLimitMs: context.limits.stallLimitMs,
    isAllowed: () => !hasExpired(principal, Date.now()),
    onSkipped: () => context.directory.addViewerSkipped(status.id, 1),
    onRenderError: (error) => context.onRenderError(status.id, error),
    onEnd: () => context.openResponses.delete(response),
  });
  context.openResponses.add(response);
  return c.body(response.body, 200, headers);
}

/** The path as it was sent, percent-encoding kept, so that nothing is resolved before it is checked. */
function rawPath(url: string): string {
  const start = url.indexOf('/', url.indexOf('//') + 2);
  return start === -1 ? '/' : (url.slice(start).split(/[?#]/, 1)[0] ?? '/');
}
