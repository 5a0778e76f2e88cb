import { createSchemas } from './components.js';
import { MANAGE_PATHS } from './manage-paths.js';
import { describeOperation, refTo, type JsonObject, type PathTable } from './operation.js';
import { SERVICE_PATHS } from './service-paths.js';
import { STREAM_PATHS } from './stream-paths.js';

const DESCRIPTION = `Streams, pictures, control. Frames with their detections come over the WebSocket at \`/ws\`: docs/protocol.md.

Where no tokens are configured, everybody on this machine may do everything and \`security\` does not count. Browsers prove themselves by the cookie of \`POST /api/session\` too. A body is JSON
of at most 64 KiB with \`Content-Type: application/json\`. Every GET answers HEAD as well. Times are in ms, sizes in pixels, as the names say.

This is what this version answers, to the member; later ones may add members and codes, so ignore those that you do not know.`;

const REFUSAL =
  'At any path: `unauthorized` (401); `forbidden`, `foreign-host`, `foreign-origin` (403); `not-found` (404); `method-not-allowed` (405, Allow says what is); `too-large` (413); ' +
  '`too-many-requests`, `too-many-tries` (429, Retry-After says for how long); `too-many-headers` (431); `internal` (500)';

/** The HTTP API as OpenAPI 3.1 describes it.
 * @param definition JSON schema of a stream's definition; `null`: any object */
export function createOpenApiDocument(definition: JsonObject | null): JsonObject {
  const tables: readonly PathTable[] = [STREAM_PATHS, SERVICE_PATHS, MANAGE_PATHS];
  return {
    openapi: '3.1.0',
    info: { title: 'Sightline', version: '1', description: DESCRIPTION, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: '/' }],
    security: [{ token: [] }],
    paths: Object.assign({}, ...tables.map(describeTable)) as JsonObject,
    components: {
      securitySchemes: { token: { type: 'http', scheme: 'bearer', description: 'A token that `sightline token` made' } },
      responses: { Refusal: { description: REFUSAL, content: { 'application/json': { schema: refTo('Error') } } } },
      schemas: createSchemas(definition),
    },
  };
}

function describeTable(table: PathTable): JsonObject {
  return Object.fromEntries(
    Object.entries(table).map(([path, methods]) => [path, Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, describeOperation(path, operation)]))]),
  );
}
