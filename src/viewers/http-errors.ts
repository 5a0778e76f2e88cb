import type { Context } from 'hono';
import type { Refusal } from './access.js';

/** Statuses that requests are refused or fail with. */
export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 429 | 431 | 500 | 503;

/** Answers with `{"error":{"code","message"}}`. */
export function errorResponse(context: Context, status: ErrorStatus, code: string, message: string, headers: Record<string, string> = {}): Response {
  return context.json({ error: { code, message } }, status, { 'Cache-Control': 'no-store', ...headers });
}

/** Answers who is turned away at the door. */
export function refusalResponse(context: Context, { status, code, message, headers }: Refusal): Response {
  return errorResponse(context, status, code, message, headers);
}
