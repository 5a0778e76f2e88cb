import { z } from 'zod';
import type { StreamTimeline } from '../../core/stream-timeline.js';
import type { StoredDefinition } from '../stream-directory.js';
import { streamStatusSchema } from './status-schemas.js';

const count = z.int().nonnegative();
const epochMs = z.number().describe('Epoch ms');

export const errorSchema = z.strictObject({
  error: z.strictObject({
    code: z.string().describe('For programs; does not change'),
    message: z.string().describe('For people'),
    problems: z.array(z.strictObject({ path: z.string(), message: z.string() })).optional().describe('All that is wrong with what was sent'),
  }),
});

export const streamListSchema = z.strictObject({ streams: z.array(streamStatusSchema) });

export const storedDefinitionSchema = z.strictObject({
  definition: z.looseObject({ id: z.string().optional(), source: z.string().optional() }).describe('A StreamDefinition; passwords in sources are ***'),
  persisted: z.boolean().describe('Whether it stands in a file of the streams folder'),
}) satisfies z.ZodType<StoredDefinition>;

export const timelineSchema = z.strictObject({
  durationMs: z.number().nullable(),
  bucketMs: z.number().positive().nullable().describe('Length of a bucket; null before anything was counted'),
  buckets: z.array(z.strictObject({ index: count.describe('It begins index * bucketMs after the first frame'), classes: z.record(z.string(), count).describe('Frames with it, by label') })).max(300),
  classIds: z.record(z.string(), z.number()).describe('Class ids of the labels in buckets'),
}) satisfies z.ZodType<StreamTimeline>;

export const sessionSchema = z.strictObject({
  required: z.boolean().describe('Whether tokens are configured'),
  name: z.string(),
  role: z.enum(['viewer', 'operator']),
  streams: z.array(z.string()).nullable().describe('null: all'),
  expiresAtMs: epochMs.nullable().describe('Epoch ms; null: never'),
});

export const ticketSchema = z.strictObject({ ticket: z.string(), expiresAtMs: epochMs });

export const healthSchema = z.strictObject({ status: z.literal('ok') });

export const readinessSchema = z.strictObject({ ready: z.boolean(), message: z.string(), error: errorSchema.shape.error.optional().describe('Only while it is not ready') });

/** What the detection stage tells of its backends; `detection/detector.ts` has the type, which this stage does not know. */
export const backendListSchema = z.strictObject({
  backends: z.array(
    z.strictObject({
      endpoint: z.string(),
      state: z.enum(['connecting', 'ok', 'circuit-open', 'draining', 'unavailable', 'misconfigured']),
      message: z.string(),
      model: z.strictObject({ name: z.string(), version: z.string() }).nullable(),
      inFlightBatches: count,
      limits: z.strictObject({ maxBatchSize: count, maxInFlightBatches: count, isReduced: z.boolean() }),
      msPerImage: z.number().nullable().describe('Median of the last calls; null before the first'),
      calls: z.partialRecord(z.enum(['answered', 'turned-away', 'deadline', 'lost', 'refused', 'bad-answer']), count),
    }),
  ),
});
