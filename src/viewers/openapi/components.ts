import { z } from 'zod';
import { STREAM_ID_PATTERN } from '../client-message.js';
import { commandSchema } from '../control-command.js';
import { loginSchema } from '../session-routes.js';
import { backendListSchema, errorSchema, healthSchema, readinessSchema, sessionSchema, storedDefinitionSchema, streamListSchema, ticketSchema, timelineSchema } from './answer-schemas.js';
import { reloadSchema, sourceTestSchema } from './manage-paths.js';
import type { JsonObject } from './operation.js';
import { streamStatusSchema } from './status-schemas.js';

/** What a stream's definition is where nobody says more. */
const ANY_DEFINITION: JsonObject = { type: 'object' };

/** The named schemas of the document.
 * @param definition JSON schema of a stream's definition, which belongs to the configuration; `null`: any object */
export function createSchemas(definition: JsonObject | null): JsonObject {
  const registry = z.registry<{ id: string }>();
  const named = {
    StreamId: z.string().regex(STREAM_ID_PATTERN),
    StreamStatus: streamStatusSchema,
    StreamList: streamListSchema,
    StoredDefinition: storedDefinitionSchema,
    Command: commandSchema,
    Timeline: timelineSchema,
    Session: sessionSchema,
    Login: loginSchema,
    Ticket: ticketSchema,
    BackendList: backendListSchema,
    Health: healthSchema,
    Readiness: readinessSchema,
    SourceTest: sourceTestSchema,
    Reload: reloadSchema,
    Error: errorSchema,
  };
  for (const [id, schema] of Object.entries(named)) registry.add(schema, { id });
  const { schemas } = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}` });
  const stream = bare(definition ?? ANY_DEFINITION);
  return {
    ...Object.fromEntries(Object.entries(schemas).map(([id, schema]) => [id, bare(schema)])),
    StreamDefinition: stream,
    StreamPatch: { ...toPatch(stream), description: 'The keys that change; null is back to the default. The id cannot change; a source as the definition tells it stays as it is.' },
    SourceTestRequest: toTestRequest(stream),
    OpenApi: { type: 'object', required: ['openapi', 'info', 'paths'] },
  };
}

/** A schema without what it says of itself as a document. */
function bare(schema: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter(([key]) => key !== '$schema' && key !== '$id'));
}

function toPatch(definition: JsonObject): JsonObject {
  const entries = Object.entries(propertiesOf(definition)).map(([key, schema]) => [key, key === 'id' ? schema : { anyOf: [schema, { type: 'null' }] }] as const);
  return { ...definition, required: [], properties: Object.fromEntries(entries) };
}

function toTestRequest(definition: JsonObject): JsonObject {
  const patch = toPatch(definition);
  return { ...patch, properties: { ...propertiesOf(patch), stream: { $ref: '#/components/schemas/StreamId' } } };
}

function propertiesOf({ properties = {} }: JsonObject): JsonObject {
  return properties as JsonObject;
}
