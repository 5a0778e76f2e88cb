import type { Context, Hono } from 'hono';
import { z } from 'zod';
import { changeErrorResponse } from './change-errors.js';
import { describeIssues, STREAM_ID_PATTERN } from './client-message.js';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse } from './http-errors.js';
import { readJson } from './json-body.js';
import { maySee } from './tokens.js';

const NO_STORE = { 'Cache-Control': 'no-store' };

/** What a test asks for: keys of a stream, and which stream they change where it is one that is there. */
export const sourceTestSchema = z.looseObject({ stream: z.string().regex(STREAM_ID_PATTERN).optional() });

/** What operators ask of the service as a whole. */
export function addManageRoutes(app: Hono<Env>, context: HttpContext): void {
  app.post('/api/sources/test', (c) => testSource(c, context));
  app.post('/api/reload', (c) => reload(c, context));
  app.all('/api/reload', (c) => errorResponse(c, 405, 'method-not-allowed', 'This resource knows POST', { Allow: 'POST' }));
  app.all('/api/sources/test', (c) => errorResponse(c, 405, 'method-not-allowed', 'This resource knows POST', { Allow: 'POST' }));
}

async function testSource(c: Context<Env>, { admin }: HttpContext): Promise<Response> {
  const principal = c.get('principal');
  if (principal.role !== 'operator') return errorResponse(c, 403, 'forbidden', 'Your token only lets you look');
  const given = readJson(c);
  if ('refused' in given) return given.refused;
  const asked = sourceTestSchema.safeParse(given.json);
  if (!asked.success) return errorResponse(c, 400, 'bad-stream', describeIssues(asked.error));
  const { stream = null, ...definition } = asked.data;
  if (stream !== null && !maySee(principal, stream)) return errorResponse(c, 403, 'forbidden', 'Your token does not cover this stream');
  if (admin === null) return errorResponse(c, 404, 'not-found', 'Sources cannot be tested by this service');
  try {
    const result = await admin.testSource(stream, definition, c.req.raw.signal);
    return result === null ? errorResponse(c, 404, 'unknown-stream', 'There is no such stream') : c.json(result, 200, NO_STORE);
  } catch (error) {
    return changeErrorResponse(c, error);
  }
}

async function reload(c: Context<Env>, { reload: act }: HttpContext): Promise<Response> {
  const principal = c.get('principal');
  // It changes all streams, and who may see them.
  if (principal.role !== 'operator' || principal.streams !== null) return errorResponse(c, 403, 'forbidden', 'Your token does not let you reload the configuration');
  if (act === null) return errorResponse(c, 404, 'not-found', 'This service has no configuration to read again');
  try {
    return c.json(await act(), 200, NO_STORE);
  } catch (error) {
    return changeErrorResponse(c, error, 'bad-config');
  }
}
