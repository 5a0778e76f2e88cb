import type { PathTable } from './operation.js';

const WHO = { description: 'Who asks', schema: 'Session' };

/** Who asks, and how the service does. */
export const SERVICE_PATHS: PathTable = {
  '/api/session': {
    get: { operationId: 'getSession', tag: 'session', summary: 'Whose the token or cookie is', access: 'open', answers: { 200: WHO, 401: ['unauthorized'] } },
    post: { operationId: 'logIn', tag: 'session', summary: 'Trade a token for a cookie', access: 'open', body: 'Login', answers: { 200: WHO, 400: ['bad-json', 'bad-login'], 401: ['unauthorized'], 415: ['unsupported-media-type'], 429: ['too-many-tries'] } },
    delete: { operationId: 'logOut', tag: 'session', summary: 'Forget the cookie', access: 'open', answers: { 204: { description: 'Forgotten' } } },
  },
  '/api/tickets': {
    post: { operationId: 'getTicket', tag: 'session', summary: 'A ticket for one WebSocket, good once and for 30 s: /ws?ticket=…', access: 'token', answers: { 201: { description: 'The ticket', schema: 'Ticket' } } },
  },
  '/api/backends': {
    get: { operationId: 'listBackends', tag: 'service', summary: 'What each detector backend is doing', access: 'token', answers: { 200: { description: 'The backends', schema: 'BackendList' } } },
  },
  '/api/openapi.json': {
    get: { operationId: 'getOpenApi', tag: 'service', summary: 'This document', access: 'token', answers: { 200: { description: 'OpenAPI 3.1', schema: 'OpenApi' } } },
  },
  '/healthz': {
    get: { operationId: 'getHealth', tag: 'service', summary: 'Whether the process lives', access: 'open', answers: { 200: { description: 'It does', schema: 'Health' } } },
  },
  '/readyz': {
    get: {
      operationId: 'getReadiness',
      tag: 'service',
      summary: 'Whether a backend is available and its model fits',
      access: 'token',
      answers: { 200: { description: 'Ready', schema: 'Readiness' }, 503: { description: 'Not ready; `error.code` is `not-ready`', schema: 'Readiness' } },
    },
  },
  '/metrics': {
    get: { operationId: 'getMetrics', tag: 'service', summary: 'Counters and times for Prometheus', access: 'token', answers: { 200: { description: 'Prometheus text', mediaType: 'text/plain' }, 403: ['forbidden'] } },
  },
};
