import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { definitionJsonSchema } from '../../src/config/definition-json-schema.js';
import { ConfigError, NotWritableError, SourceNotAllowedError } from '../../src/core/errors.js';
import { BACKEND_STATES, type BackendStatus } from '../../src/detection/detector.js';
import type { HttpContext } from '../../src/viewers/http-context.js';
import { createHttpRoutes } from '../../src/viewers/http-routes.js';
import { createOpenApiDocument } from '../../src/viewers/openapi/document.js';
import type { StreamAdmin } from '../../src/viewers/stream-directory.js';
import { defaultStatus } from '../helpers/fake-directory.js';
import { runService } from '../helpers/running-service.js';
import { until } from '../helpers/until.js';
import { startServer } from './support/server.js';
import { bearer, tokenFor } from './support/tokens.js';

type Content = Readonly<Record<string, { readonly schema?: object }>>;
type Described = { readonly description: string; readonly content?: Content };
type Operation = { readonly operationId: string; readonly responses: Readonly<Record<string, Described>>; readonly requestBody?: { readonly content: Content } };
type Document = {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>>; readonly responses: Readonly<Record<string, Described>> };
};

/** What every path may be refused with, whatever it is. */
const AT_ANY_PATH: readonly number[] = [401, 403, 405, 413, 429, 431, 500];

const DOCUMENT = createOpenApiDocument(definitionJsonSchema()) as Document;

describe('the document', () => {
  test('names every route, and no other', () => {
    // Pages are for people. Nothing is asked of the context before a request comes.
    const app = createHttpRoutes({} as HttpContext);
    const routes = app.routes.filter(({ method, path }) => method !== 'ALL' && !path.includes('*') && !path.startsWith('/embed/')).map(({ method, path }) => `${method} ${path.replace(/:(\w+)/gu, '{$1}')}`);
    const documented = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    expect(documented.sort()).toEqual([...new Set(routes)].sort());
    expect(documented.length).toBeGreaterThan(15);
  });

  test('refers only to what it has, and needs every schema', () => {
    const refs = new Set([...JSON.stringify(DOCUMENT).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/gu)].map(([, name]) => name));
    const offered = Object.keys(DOCUMENT.components.schemas);
    expect([...refs].filter((name) => !offered.includes(String(name)))).toEqual([]);
    expect(offered.filter((name) => !refs.has(name))).toEqual([]);
  });

  test('gives every operation a name of its own', () => {
    const names = Object.values(DOCUMENT.paths).flatMap((methods) => Object.values(methods).map(({ operationId }) => operationId));
    expect(new Set(names).size).toBe(names.length);
  });

  test('knows the keys of a definition, of a change and of a command', () => {
    expect(fits('StreamDefinition', { id: 'door', source: 'rtsp://10.0.0.1/', fps: 5, thresholds: { '*': 0.4, cat: false } })).toBe(true);
    expect(fits('StreamDefinition', { id: 'door' })).toBe(false);
    expect(fits('StreamDefinition', { source: 'a.mp4', color: 'red' })).toBe(false);
    expect(fits('StreamPatch', { fps: null })).toBe(true);
    expect(fits('StreamPatch', { fps: 'many' })).toBe(false);
    expect(fits('Command', { action: 'seek', positionMs: 4000 })).toBe(true);
    expect(fits('Command', { action: 'pause', positionMs: 4000 })).toBe(false);
  });

  test('knows the states that the detection stage has', () => {
    for (const state of BACKEND_STATES) expect(fits('BackendList', { backends: [{ ...backend, state }] })).toBe(true);
    expect(fits('BackendList', { backends: [{ ...backend, state: 'sleepy' }] })).toBe(false);
  });
});

describe('what is answered', () => {
  test('is what the document says, on a tour through all operations', async () => {
    let refusal: Error | null = null;
    const server = await startServer({ tokens: [tokenFor('boss', { role: 'operator' }), tokenFor('lobby', { streams: ['door'] })], admin: adminThat(() => refusal), backends: () => [backend], definitionSchema: definitionJsonSchema(), reload: () => (refusal === null ? Promise.resolve({ added: ['yard'], changed: [], removed: [], restartNeeded: ['server.port'] }) : Promise.reject(refusal)) });
    server.directory.addStream('file', { mode: 'replay', durationMs: 8000, positionMs: 40, speed: 1, error: { code: 'ended', message: 'cut short', log: ['moov atom not found'] } });
    server.directory.timelines.set('file', { durationMs: 8000, bucketMs: 100, buckets: [{ index: 3, classes: { person: 2 } }], classIds: { person: 1 } });
    server.directory.offer('door');
    const tour = new Tour(server.base);

    for (const path of ['/api/streams', '/healthz', '/readyz', '/metrics', '/api/backends', '/api/session', '/api/openapi.json']) await tour.visit('GET', path, 200);
    await tour.visit('GET', '/api/session', 401, { who: null });
    await tour.visit('GET', '/api/streams', 401, { who: null });
    await tour.visit('GET', '/metrics', 403, { who: 'lobby' });
    await tour.visit('POST', '/api/session', 200, { body: { token: 'boss-token' }, who: null });
    await tour.visit('POST', '/api/session', 400, { body: {}, who: null });
    await tour.visit('DELETE', '/api/session', 204);
    await tour.visit('POST', '/api/tickets', 201);

    for (const path of ['', '/definition', '/snapshot.jpg', '/mjpeg']) await tour.visit('GET', '/api/streams/{id}' + path, 200, { id: 'door' });
    await tour.visit('GET', '/api/streams/{id}/timeline', 200, { id: 'file' });
    await tour.visit('GET', '/api/streams/{id}/timeline', 409, { id: 'door' });
    await tour.visit('GET', '/api/streams/{id}', 404, { id: 'attic' });
    await tour.visit('GET', '/api/streams/{id}', 400, { id: 'a.b' });
    await tour.visit('GET', '/api/streams/{id}', 403, { id: 'file', who: 'lobby' });
    await tour.visit('GET', '/api/streams/{id}/snapshot.jpg', 503, { id: 'file' });
    await tour.visit('POST', '/api/streams/{id}/control', 200, { id: 'file', body: { action: 'seek', positionMs: 1000 } });
    await tour.visit('POST', '/api/streams/{id}/control', 400, { id: 'file', body: { action: 'dance' } });
    await tour.visit('POST', '/api/streams', 201, { body: { id: 'new', source: 'rtsp://10.0.0.1/' } });
    await tour.visit('PATCH', '/api/streams/{id}', 200, { id: 'door', body: { fps: 5 } });
    await tour.visit('DELETE', '/api/streams/{id}', 204, { id: 'door' });

    await tour.visit('POST', '/api/sources/test', 200, { body: { source: 'rtsp://10.0.0.1/' } });
    await tour.visit('POST', '/api/sources/test', 200, { body: { stream: 'door', transport: 'udp' } });
    await tour.visit('POST', '/api/reload', 200);
    await tour.visit('POST', '/api/reload', 403, { who: 'lobby' });

    refusal = new ConfigError([{ file: null, path: 'fps', message: 'expected a number' }]);
    await tour.visit('POST', '/api/streams', 400, { body: {} });
    await tour.visit('POST', '/api/reload', 400);
    refusal = new SourceNotAllowedError('not there');
    await tour.visit('PATCH', '/api/streams/{id}', 403, { id: 'door', body: { source: 'rtsp://8.8.8.8/' } });
    refusal = new NotWritableError('no folder');
    await tour.visit('PATCH', '/api/streams/{id}', 409, { id: 'door', body: { fps: 5 } });

    const operations = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`));
    expect(operations.filter((operation) => !tour.seen.has(operation))).toEqual([]);
  });

  test('is so of a whole service', async () => {
    const { service, ask, statusOf } = await runService({ networks: ['loopback'] });
    expect((await ask('POST', '/api/streams', { id: 'gone', source: 'rtsp://127.0.0.1:9/' })).status).toBe(201);
    await until(async () => (await statusOf('gone')).error !== null, { what: 'a stream with an error' });
    await until(async () => (await ask('GET', '/readyz')).status === 200, { what: 'the backend' });
    const tour = new Tour(service.url.slice(0, -1));
    for (const path of ['/api/streams', '/readyz', '/api/backends', '/api/session', '/metrics', '/api/openapi.json']) await tour.visit('GET', path, 200);
    await tour.visit('GET', '/api/streams/{id}', 200, { id: 'gone' });
    await tour.visit('GET', '/api/streams/{id}/definition', 200, { id: 'gone' });
    await tour.visit('GET', '/api/streams/{id}/snapshot.jpg', 503, { id: 'gone' });
    await tour.visit('POST', '/api/streams/{id}/control', 409, { id: 'gone', body: { action: 'seek', positionMs: 0 } });
    await tour.visit('PATCH', '/api/streams/{id}', 400, { id: 'gone', body: { fps: 'many' } });
    await tour.visit('PATCH', '/api/streams/{id}', 200, { id: 'gone', body: { fps: 5 } });
    await tour.visit('POST', '/api/streams', 409, { body: { id: 'gone', source: 'rtsp://127.0.0.1:9/' } });
    await tour.visit('POST', '/api/streams', 403, { body: { id: 'far', source: 'rtsp://8.8.8.8/' } });
    await tour.visit('DELETE', '/api/streams/{id}', 204, { id: 'gone' });
    await tour.visit('POST', '/api/sources/test', 200, { body: { source: 'rtsp://127.0.0.1:9/' } });
    await tour.visit('POST', '/api/sources/test', 403, { body: { source: 'rtsp://8.8.8.8/' } });
    await tour.visit('POST', '/api/sources/test', 404, { body: { stream: 'attic' } });
    await tour.visit('POST', '/api/reload', 404);
    const served = (await ask('GET', '/api/openapi.json')).body as Document;
    expect(served).toEqual(DOCUMENT);
  });

  test('while the service is not ready, too', async () => {
    const server = await startServer({ readiness: () => ({ ready: false, message: 'no backend' }) });
    await new Tour(server.base).visit('GET', '/readyz', 503);
  });

  test('is for those who have a token', async () => {
    const server = await startServer({ tokens: [tokenFor('lobby', { streams: ['door'] })] });
    expect((await fetch(`${server.base}/api/openapi.json`)).status).toBe(401);
    const response = await fetch(`${server.base}/api/openapi.json`, { headers: bearer('lobby') });
    expect([response.status, ((await response.json()) as Document).openapi]).toEqual([200, '3.1.0']);
    expect((await fetch(`${server.base}/api/openapi.json`, { method: 'POST', headers: bearer('lobby') })).status).toBe(405);
  });
});

const backend: BackendStatus = {
  endpoint: 'gpu1:8500',
  state: 'ok',
  message: 'detector 1',
  model: { name: 'detector', version: '1' },
  inFlightBatches: 1,
  limits: { maxBatchSize: 8, maxInFlightBatches: 2, isReduced: false },
  msPerImage: 12.5,
  calls: { answered: 3, 'turned-away': 1 },
};

/** Asks a server and holds each answer against the document. */
class Tour {
  readonly seen = new Set<string>();
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  async visit(method: string, path: string, status: number, { id = '', body, who = 'boss' }: { id?: string; body?: object; who?: string | null } = {}): Promise<void> {
    const place = `${method} ${path} ${String(status)}`;
    const json = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } };
    const aborting = new AbortController();
    const response = await fetch(this.#base + path.replace('{id}', id), { method, signal: aborting.signal, ...json, headers: { ...json.headers, ...(who === null ? {} : bearer(who)) } });
    expect(`${method} ${path} ${String(response.status)}`).toBe(place);
    const operation = DOCUMENT.paths[path]?.[method.toLowerCase()];
    const described = operation?.responses[String(status)] ?? (AT_ANY_PATH.includes(status) ? DOCUMENT.components.responses['Refusal'] : undefined);
    expect(described, place).toBeDefined();
    const [mediaType] = Object.keys(described?.content ?? {});
    const type = response.headers.get('Content-Type');
    if (mediaType === undefined) expect(await response.text(), place).toBe('');
    else expect(type, place).toContain(mediaType);
    if (mediaType === 'application/json') {
      const answered = (await response.json()) as { readonly error?: { readonly code: string } | null };
      expect(problemsWith(described?.content?.[mediaType]?.schema ?? false, answered), place).toEqual([]);
      if (status >= 400) expect(described?.description, place).toContain(`\`${String(answered.error?.code)}\``);
    }
    aborting.abort(); // pictures without end
    this.seen.add(`${method} ${path}`);
  }
}

/** What is wrong with a value, by a schema of the document. */
function problemsWith(schema: object | false, value: unknown): readonly object[] {
  const whole = { ...(schema === false ? { not: {} } : schema), $defs: DOCUMENT.components.schemas };
  const parsed = z.fromJSONSchema(JSON.parse(JSON.stringify(whole).replaceAll('#/components/schemas/', '#/$defs/')) as Parameters<typeof z.fromJSONSchema>[0]).safeParse(value);
  return parsed.success ? [] : parsed.error.issues;
}

function fits(component: string, value: unknown): boolean {
  return problemsWith({ $ref: `#/components/schemas/${component}` }, value).length === 0;
}

function adminThat(refusal: () => Error | null): StreamAdmin {
  const answer = (id: string): Promise<ReturnType<typeof defaultStatus>> => {
    const error = refusal();
    return error === null ? Promise.resolve(defaultStatus(id)) : Promise.reject(error);
  };
  return {
    create: () => answer('new'),
    change: (id) => answer(id),
    remove: () => Promise.resolve(true),
    testSource: (stream) => Promise.resolve(stream === null ? { ok: true, mode: 'live', widthPx: 640, heightPx: 360, declaredFps: 25, durationMs: null, codec: 'h264' } : { ok: false, code: 'source-open', message: 'nobody answers' }),
    definition: (id) => ({ definition: { id, source: 'rtsp://***@camera/' }, persisted: false }),
  };
}
