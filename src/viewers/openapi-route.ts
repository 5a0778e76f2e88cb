import type { Hono } from 'hono';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse } from './http-errors.js';
import { createOpenApiDocument } from './openapi/document.js';

/** `GET /api/openapi.json`: what all these routes take and answer. It never changes, so it is made once, when it is first asked for. */
export function addOpenApiRoute(app: Hono<Env>, context: HttpContext): void {
  let text: string | null = null;
  app.get('/api/openapi.json', (c) => {
    text ??= JSON.stringify(createOpenApiDocument(context.definitionSchema));
    return c.body(text, 200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  });
  app.all('/api/openapi.json', (c) => errorResponse(c, 405, 'method-not-allowed', 'This resource is read with GET', { Allow: 'GET, HEAD' }));
}
