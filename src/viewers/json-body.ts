import type { Context } from 'hono';
import type { Env } from './http-context.js';
import { errorResponse } from './http-errors.js';
import { parseJson } from './request-body.js';

/** The body as JSON. The content type is asked for because a page of another site cannot send it without asking the browser first. */
export function readJson(c: Context<Env>): { readonly json: unknown } | { readonly refused: Response } {
  if (!/^application\/json\s*(?:;|$)/iu.test(c.req.header('Content-Type') ?? '')) return { refused: errorResponse(c, 415, 'unsupported-media-type', 'Expected Content-Type: application/json') };
  try {
    return { json: parseJson(c.get('body')) };
  } catch {
    return { refused: errorResponse(c, 400, 'bad-json', 'The body is not JSON') }; // what is wrong with it is the sender's business
  }
}
