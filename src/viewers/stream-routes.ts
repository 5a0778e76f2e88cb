import type { Context, Hono } from 'hono';
import { CommandNotSupportedError } from '../core/errors.js';
import { z } from 'zod';
import type { StreamStatus } from '../core/stream-status.js';
import { describeIssues, STREAM_ID_PATTERN } from './client-message.js';
import { parseCommand } from './control-command.js';
import type { Env, HttpContext } from './http-context.js';
import { changeErrorResponse } from './change-errors.js';
import { errorResponse } from './http-errors.js';
import { readJson } from './json-body.js';
import { answerMjpeg, answerSnapshot } from './picture-routes.js';
import { answerTimeline } from './timeline-route.js';
import { maySee } from './tokens.js';

/** More streams than this are not added at run time. */
const MAX_STREAMS = 256;
/** What a change may be asked with. */
export const persistQuerySchema = z.object({ persist: z.enum(['true', 'false']).optional() });

const NO_STORE = { 'Cache-Control': 'no-store' };

/** Streams: to look at, to control, to add, to change and to remove. */
export function addStreamRoutes(app: Hono<Env>, context: HttpContext): void {
  app.get('/api/streams', (c) => {
    const streams = context.directory.list().filter((status) => maySee(c.get('principal'), status.id));
    return c.json({ streams }, 200, NO_STORE);
  });
  app.post('/api/streams', (c) => createStream(c, context));
  app.get('/api/streams/:id', (c) => withStream(c, context, (status) => c.json(status, 200, NO_STORE)));
  app.patch('/api/streams/:id', (c) => withStream(c, context, (status) => changeStream(c, context, status.id)));
  app.get('/api/streams/:id/definition', (c) => withStream(c, context, (status) => answerDefinition(c, context, status.id)));
  app.delete('/api/streams/:id', (c) => withStream(c, context, (status) => removeStream(c, context, status.id)));
  app.post('/api/streams/:id/control', (c) => withStream(c, context, (status) => controlStream(c, context, status.id)));
  app.get('/api/streams/:id/snapshot.jpg', (c) => withStream(c, context, (status) => answerSnapshot(c, context, status)));
  app.get('/api/streams/:id/mjpeg', (c) => withStream(c, context, (status) => answerMjpeg(c, context, status)));
  app.get('/api/streams/:id/timeline', (c) => withStream(c, context, (status) => answerTimeline(c, context, status)));
  for (const [path, allow] of [['', 'GET, HEAD, POST'], ['/:id', 'GET, HEAD, PATCH, DELETE'], ['/:id/definition', 'GET, HEAD'], ['/:id/control', 'POST'], ['/:id/snapshot.jpg', 'GET, HEAD'], ['/:id/mjpeg', 'GET, HEAD'], ['/:id/timeline', 'GET, HEAD']] as const) {
    app.all(`/api/streams${path}`, (c) => errorResponse(c, 405, 'method-not-allowed', `This resource knows ${allow}`, { Allow: allow }));
  }
}

async function createStream(c: Context<Env>, context: HttpContext): Promise<Response> {
  const principal = c.get('principal');
  const given = readJson(c);
  if ('refused' in given) return given.refused;
  const id = streamIdOf(given.json);
  if (principal.role !== 'operator' || (id !== null && !maySee(principal, id))) return errorResponse(c, 403, 'forbidden', 'Your token does not let you add this stream');
  if (context.admin === null) return errorResponse(c, 404, 'not-found', 'Streams cannot be added to this service');
  if (context.directory.list().length >= MAX_STREAMS) return errorResponse(c, 409, 'too-many-streams', `There are ${String(MAX_STREAMS)} streams already`);
  const persist = readPersist(c);
  if (typeof persist !== 'boolean') return persist;
  try {
    const status = await context.admin.create(given.json, { persist });
    return c.json(status, 201, { ...NO_STORE, Location: `/api/streams/${status.id}` });
  } catch (error) {
    return changeErrorResponse(c, error);
  }
}

function answerDefinition(c: Context<Env>, { admin }: HttpContext, id: string): Response {
  if (c.get('principal').role !== 'operator') return errorResponse(c, 403, 'forbidden', 'Your token only lets you look');
  const stored = admin?.definition(id) ?? null;
  return stored === null ? errorResponse(c, 404, 'unknown-stream', 'There is no such stream') : c.json(stored, 200, NO_STORE);
}

async function changeStream(c: Context<Env>, { admin }: HttpContext, id: string): Promise<Response> {
  if (c.get('principal').role !== 'operator') return errorResponse(c, 403, 'forbidden', 'Your token only lets you look');
  const given = readJson(c);
  if ('refused' in given) return given.refused;
  const persist = readPersist(c);
  if (typeof persist !== 'boolean') return persist;
  if (admin === null) return errorResponse(c, 404, 'not-found', 'Streams of this service cannot be changed');
  try {
    const status = await admin.change(id, given.json, { persist });
    return status === null ? errorResponse(c, 404, 'unknown-stream', 'There is no such stream any more') : c.json(status, 200, NO_STORE);
  } catch (error) {
    return changeErrorResponse(c, error);
  }
}

async function removeStream(c: Context<Env>, { admin }: HttpContext, id: string): Promise<Response> {
  if (c.get('principal').role !== 'operator') return errorResponse(c, 403, 'forbidden', 'Your token only lets you look');
  if (admin === null) return errorResponse(c, 404, 'not-found', 'Streams cannot be removed from this service');
  const persist = readPersist(c);
  if (typeof persist !== 'boolean') return persist;
  try {
    if (!(await admin.remove(id, { persist }))) return errorResponse(c, 404, 'unknown-stream', 'There is no such stream any more');
    return c.body(null, 204);
  } catch (error) {
    return changeErrorResponse(c, error);
  }
}

async function controlStream(c: Context<Env>, { directory }: HttpContext, id: string): Promise<Response> {
  if (c.get('principal').role !== 'operator') return errorResponse(c, 403, 'forbidden', 'Your token only lets you look');
  const given = readJson(c);
  if ('refused' in given) return given.refused;
  const parsed = parseCommand(given.json);
  if ('problem' in parsed) return errorResponse(c, 400, 'bad-command', parsed.problem);
  try {
    await directory.control(id, parsed.command);
  } catch (error) {
    if (error instanceof CommandNotSupportedError) return errorResponse(c, 409, error.code, error.message);
    throw error;
  }
  const status = directory.get(id);
  return status === undefined ? errorResponse(c, 404, 'unknown-stream', 'There is no such stream any more') : c.json(status, 200, NO_STORE);
}

/** Whether a change is to be written back. */
function readPersist(c: Context<Env>): boolean | Response {
  const query = persistQuerySchema.safeParse(c.req.query());
  return query.success ? query.data.persist === 'true' : errorResponse(c, 400, 'bad-query', describeIssues(query.error));
}

function streamIdOf(definition: unknown): string | null {
  const id: unknown = typeof definition === 'object' && definition !== null && 'id' in definition ? definition.id : null;
  return typeof id === 'string' ? id : null;
}

/** Answers for the stream that the path names, if there is one and the token covers it. */
function withStream(c: Context<Env>, context: HttpContext, answer: (status: StreamStatus) => Response | Promise<Response>): Response | Promise<Response> {
  const id = c.req.param('id') ?? '';
  if (!STREAM_ID_PATTERN.test(id)) return errorResponse(c, 400, 'bad-id', 'A stream id is 1 to 64 letters, digits, _ or -');
  if (!maySee(c.get('principal'), id)) return errorResponse(c, 403, 'forbidden', 'Your token does not cover this stream');
  const status = context.directory.get(id);
  return status === undefined ? errorResponse(c, 404, 'unknown-stream', 'There is no such stream') : answer(status);
}
