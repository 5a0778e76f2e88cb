import type { Context } from 'hono';
import { ConfigError, NotWritableError, SourceNotAllowedError, SourceOpenError, StreamExistsError, TooManyTestsError } from '../core/errors.js';
import { errorResponse } from './http-errors.js';

/** Answers why streams, or the configuration, were not changed.
 * @param badCode what a definition, or configuration, with problems is called
 * @throws what is no refusal but a defect */
export function changeErrorResponse(c: Context, error: unknown, badCode: 'bad-stream' | 'bad-config' = 'bad-stream'): Response {
  if (error instanceof ConfigError) {
    const problems = error.issues.map(({ file, path, message }) => ({ path: [file, path].filter((part) => part !== null && part !== '').join(': '), message }));
    return c.json({ error: { code: badCode, message: error.message, problems } }, 400, { 'Cache-Control': 'no-store' });
  }
  if (error instanceof SourceNotAllowedError) return errorResponse(c, 403, error.code, error.message);
  if (error instanceof StreamExistsError || error instanceof NotWritableError) return errorResponse(c, 409, error.code, error.message);
  if (error instanceof TooManyTestsError) return errorResponse(c, 429, error.code, error.message, { 'Retry-After': '5' });
  // Such as a host whose name is not known.
  if (error instanceof SourceOpenError) return errorResponse(c, 400, error.code, error.message);
  throw error;
}
