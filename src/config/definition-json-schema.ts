import { z } from 'zod';
import { streamSchema } from './stream-schema.js';

/** What a stream's definition may hold, as a JSON schema (draft 2020-12). That `source` is needed is checked apart from the schema, so it is added here. */
export function definitionJsonSchema(): { readonly [key: string]: unknown } {
  return { ...z.toJSONSchema(streamSchema, { io: 'output' }), required: ['source'] };
}
