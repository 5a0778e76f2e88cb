import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Admission } from './access.js';
import type { Env, HttpContext } from './http-context.js';
import { errorResponse, refusalResponse } from './http-errors.js';
import { readJson } from './json-body.js';
import { MAX_TOKEN_LENGTH, type Principal } from './tokens.js';

const NO_STORE = { 'Cache-Control': 'no-store' };
const loginSchema = z.strictObject({ token: z.string().min(1).max(MAX_TOKEN_LENGTH) });

/** Who asks, the cookie that browsers keep a token in, and tickets for WebSockets. */
export function addSessionRoutes(app: Hono<Env>, context: HttpContext): void {
  const { access, tickets } = context;
  app.get('/api/session', (c) => answerSession(c, context, access.identify(c.env.incoming)));
  app.post('/api/session', (c) => {
    // JSON: a page of another site cannot send it without asking the browser first. (An Origin that is not ours was refused before.)
    const given = readJson(c);
    if ('refused' in given) return given.refused;
    const login = loginSchema.safeParse(given.json);
    if (!login.success) return errorResponse(c, 400, 'bad-login', `Expected {"token": a text of at most ${String(MAX_TOKEN_LENGTH)} characters}`);
    const { token } = login.data;
    const admission = access.identifyToken(c.env.incoming, token);
    if (admission.refused === null && context.access.isTokenRequired) c.header('Set-Cookie', access.cookie.set(c.env.incoming, token, admission.principal, Date.now()));
    return answerSession(c, context, admission);
  });
  app.delete('/api/session', (c) => {
    for (const line of access.cookie.clear(c.env.incoming)) c.header('Set-Cookie', line, { append: true });
    return c.body(null, 204, NO_STORE);
  });
  app.post('/api/tickets', (c) => c.json(tickets.issue(c.get('principal'), Date.now()), 201, NO_STORE));
  for (const [path, allow] of [['session', 'GET, HEAD, POST, DELETE'], ['tickets', 'POST']] as const) {
    app.all(`/api/${path}`, (c) => errorResponse(c, 405, 'method-not-allowed', `This resource knows ${allow}`, { Allow: allow }));
  }
}

function answerSession(c: Context<Env>, context: HttpContext, admission: Admission): Response {
  return admission.refused === null ? c.json({ required: context.access.isTokenRequired, ...describe(admission.principal) }, 200, NO_STORE) : refusalResponse(c, admission.refused);
}

function describe({ name, role, streams, expiresAtMs }: Principal): object {
  return { name, role, streams: streams === null ? null : [...streams], expiresAtMs };
}
