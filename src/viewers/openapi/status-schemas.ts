import { z } from 'zod';
import type { DetectorStatus, DropReason, FailReason, FrameCounters, StatusError, StreamMode, StreamState, StreamStatus } from '../../core/stream-status.js';

// Answers are made of types, not of schemas; `satisfies` keeps these from saying anything else. Enumerations are written as objects, which the compiler checks in both directions.

const count = z.int().nonnegative();
const size = z.int().positive().nullable();
const durationMs = z.number().nonnegative();

export const streamModeSchema = z.enum({ live: 'live', replay: 'replay' } satisfies { [K in StreamMode]: K });

const streamStateSchema = z.enum({
  starting: 'starting',
  running: 'running',
  paused: 'paused',
  reconnecting: 'reconnecting',
  unauthorized: 'unauthorized',
  ended: 'ended',
  failed: 'failed',
  stopped: 'stopped',
} satisfies { [K in StreamState]: K });

const dropped = { superseded: count.exactOptional(), deadline: count.exactOptional(), overloaded: count.exactOptional(), closed: count.exactOptional(), seek: count.exactOptional() } satisfies Record<DropReason, z.ZodType>;
const failed = { serving: count.exactOptional(), 'model-output': count.exactOptional(), annotation: count.exactOptional() } satisfies Record<FailReason, z.ZodType>;

const countersSchema = z
  .strictObject({ decoded: count, shown: count, inFlight: count, viewerSkipped: count, dropped: z.strictObject(dropped), failed: z.strictObject(failed) })
  .describe('decoded = shown + inFlight + all dropped + all failed, at any time') satisfies z.ZodType<FrameCounters>;

const detectorSchema = z.strictObject({ state: z.enum({ ok: 'ok', unavailable: 'unavailable', misconfigured: 'misconfigured' } satisfies { [K in DetectorStatus['state']]: K }), message: z.string() }) satisfies z.ZodType<DetectorStatus>;

const statusErrorSchema = z.strictObject({ code: z.string(), message: z.string(), log: z.array(z.string()).exactOptional().describe('What ffmpeg said last, redacted') }) satisfies z.ZodType<StatusError>;

/** What the API tells about a stream. */
export const streamStatusSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  mode: streamModeSchema,
  state: streamStateSchema,
  source: z.string().describe('Without secrets'),
  widthPx: size,
  heightPx: size,
  declaredFps: z.number().nullable().describe('What the source says of itself'),
  measuredFps: z.number().nullable().describe('Frames shown a second, over the last seconds'),
  ageMs: z.number().nullable().describe('Age of the newest shown frame'),
  positionMs: z.number().nullable().describe('Of the newest frame at the server, after the first frame of the recording'),
  durationMs: durationMs.nullable(),
  speed: z.union([z.number(), z.literal('max')]).nullable(),
  thresholds: z.record(z.string(), z.union([z.number(), z.literal(false)])).describe("Lowest score that is shown, by label; '*' for the rest, false hides a label"),
  detector: detectorSchema,
  counters: countersSchema,
  error: statusErrorSchema.nullable(),
  retryAtMs: z.number().nullable().describe('Epoch ms; null while it does not wait'),
  restarts: count,
  activeSource: z.string().nullable(),
  decoder: z.string().nullable(),
} satisfies Record<keyof StreamStatus, z.ZodType>) satisfies z.ZodType<StreamStatus>;
