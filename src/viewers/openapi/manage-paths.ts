import { z } from 'zod';
import type { ReloadResult, SourceTest } from '../stream-directory.js';
import type { PathTable } from './operation.js';
import { streamModeSchema } from './status-schemas.js';

const ids = z.array(z.string());

/** What testing a source tells. */
export const sourceTestSchema = z.discriminatedUnion('ok', [
  z.strictObject({ ok: z.literal(true), mode: streamModeSchema, widthPx: z.int(), heightPx: z.int(), declaredFps: z.number().nullable(), durationMs: z.number().nullable(), codec: z.string() }),
  z.strictObject({ ok: z.literal(false), code: z.string(), message: z.string() }),
]) satisfies z.ZodType<SourceTest>;

/** What a reload changed. */
export const reloadSchema = z.strictObject({ added: ids, changed: ids, removed: ids, restartNeeded: ids.describe('Paths of the configuration that only a restart takes up') }) satisfies z.ZodType<ReloadResult>;

/** What operators ask of the service as a whole: to try a source, to read the configuration anew. */
export const MANAGE_PATHS: PathTable = {
  '/api/sources/test': {
    post: {
      operationId: 'testSource',
      tag: 'changes',
      summary: 'Try a source without adding it; with "stream", that stream with the keys beside it changed',
      access: 'operator',
      body: 'SourceTestRequest',
      answers: { 200: { description: 'What was found, or why it cannot be opened', schema: 'SourceTest' }, 400: ['bad-json', 'bad-stream'], 403: ['forbidden', 'source-not-allowed'], 404: ['unknown-stream', 'not-found'], 415: ['unsupported-media-type'], 429: ['too-many-tests'] },
    },
  },
  '/api/reload': {
    post: { operationId: 'reload', tag: 'changes', summary: 'Read the configuration anew', access: 'operator', answers: { 200: { description: 'What changed', schema: 'Reload' }, 400: ['bad-config'], 403: ['forbidden'], 404: ['not-found'] } },
  },
};
