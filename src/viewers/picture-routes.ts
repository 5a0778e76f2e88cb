import type { Context } from 'hono';
import { z } from 'zod';
import type { StreamStatus } from '../core/stream-status.js';
import { describeIssues, maxFpsSchema, maxWidthPxSchema } from './client-message.js';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse } from './http-errors.js';
import { MJPEG_CONTENT_TYPE, MjpegResponse } from './mjpeg.js';
import { chooseRendition } from './rendition.js';

const pictureQuerySchema = z.object({
  maxWidthPx: z.coerce.number().pipe(maxWidthPxSchema).optional(),
  maxFps: z.coerce.number().pipe(maxFpsSchema).optional(),
});

/** Answers the newest frame as a JPEG. */
export async function answerSnapshot(c: Context<Env>, context: HttpContext, status: StreamStatus): Promise<Response> {
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

/** Answers frames as they come, until the client goes. */
export function answerMjpeg(c: Context<Env>, context: HttpContext, status: StreamStatus): Response {
  const query = pictureQuerySchema.safeParse(c.req.query());
  if (!query.success) return errorResponse(c, 400, 'bad-query', describeIssues(query.error));
  // Chunked by name, so that the HTTP layer sends the head at once instead of waiting for the first frame.
  const headers = { 'Content-Type': MJPEG_CONTENT_TYPE, 'Cache-Control': 'no-store', 'Transfer-Encoding': 'chunked', Connection: 'close' };
  if (c.req.method === 'HEAD') return c.body(null, 200, headers);
  const principal = c.get('principal');
  // A stream that is paused says nothing for as long as it likes; a client that takes nothing is found out below.
  c.env.incoming.socket.setTimeout(0);
  const response = new MjpegResponse({
    streamId: status.id,
    hub: context.hub,
    renditions: context.renditions,
    latest: context.directory.latest(status.id),
    rendition: chooseRendition(query.data.maxWidthPx, status.widthPx, true),
    maxFps: query.data.maxFps ?? null,
    stallLimitMs: context.limits.stallLimitMs,
    isAllowed: () => context.isValid(principal),
    onSkipped: () => context.directory.addViewerSkipped(status.id, 1),
    onRenderError: (error) => context.onRenderError(status.id, error),
    onEnd: () => context.openResponses.delete(response),
  });
  context.openResponses.add(response);
  return c.body(response.body, 200, headers);
}
