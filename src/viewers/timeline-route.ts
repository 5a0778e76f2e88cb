import type { Context } from 'hono';
import type { StreamStatus } from '../core/stream-status.js';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse } from './http-errors.js';

/** Answers `GET /api/streams/:id/timeline`: what was found where in a recording, as far as it was shown. A live stream has none: 409. */
export function answerTimeline(c: Context<Env>, { directory }: HttpContext, { id, mode }: StreamStatus): Response {
  if (mode === 'live') return errorResponse(c, 409, 'not-supported', `${id} is live: only a recording has a timeline`);
  const timeline = directory.timeline(id);
  return timeline === null ? errorResponse(c, 404, 'unknown-stream', 'There is no such stream any more') : c.json(timeline, 200, { 'Cache-Control': 'no-store' });
}
