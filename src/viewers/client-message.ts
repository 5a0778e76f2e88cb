import { z } from 'zod';
import { parseCommand } from './control-command.js';
import type { ClientMessage } from './protocol.js';

/** Names of streams everywhere; nothing else reaches a look-up, a path or a log. */
export const STREAM_ID_PATTERN = /^[A-Za-z0-9_-]{1,64}$/;

/** Why a message got an `error`; also the code in it. */
export type BadMessageCode = 'bad-message' | 'unknown-type' | 'unknown-stream' | 'forbidden';

export type ParsedMessage = { readonly ok: true; readonly message: ClientMessage } | { readonly ok: false; readonly code: BadMessageCode; readonly message: string };

export const maxFpsSchema = z.number().positive().max(1000);
export const maxWidthPxSchema = z.number().int().positive().max(16_384);

const schemas = {
  subscribe: z.object({
    type: z.literal('subscribe'),
    stream: z.string(),
    maxFps: maxFpsSchema.exactOptional(),
    maxWidthPx: maxWidthPxSchema.exactOptional(),
    render: z.enum(['server', 'client']).exactOptional(),
  }),
  unsubscribe: z.object({ type: z.literal('unsubscribe'), stream: z.string() }),
  ack: z.object({ type: z.literal('ack'), stream: z.string(), seq: z.number().int().nonnegative() }),
  // Its command is read by its own rules, below.
  control: z.looseObject({ type: z.literal('control'), stream: z.string() }),
  ping: z.object({ type: z.literal('ping'), t: z.number() }),
};

const envelopeSchema = z.object({ type: z.string() });

/** Reads one message of a client; keys that are not known are ignored. Never throws. @param data the message, UTF-8 */
export function parseClientMessage(data: Buffer): ParsedMessage {
  let json: unknown;
  try {
    json = JSON.parse(data.toString('utf8'));
  } catch {
    // Not an error of ours: the sender is told, and how often it may happen is limited.
    return { ok: false, code: 'bad-message', message: 'Expected a JSON object' };
  }
  const envelope = envelopeSchema.safeParse(json);
  if (!envelope.success) return { ok: false, code: 'bad-message', message: 'Expected a JSON object with a `type`' };
  const { type } = envelope.data;
  if (!isKnownType(type)) return { ok: false, code: 'unknown-type', message: `Unknown message type ${JSON.stringify(type.slice(0, 64))}` };
  const parsed = schemas[type].safeParse(json);
  if (!parsed.success) return { ok: false, code: 'bad-message', message: describeIssues(parsed.error) };
  return parsed.data.type === 'control' ? parseControl(parsed.data) : { ok: true, message: parsed.data };
}

function parseControl({ type, stream, ...rest }: { type: 'control'; stream: string; [key: string]: unknown }): ParsedMessage {
  const parsed = parseCommand(rest);
  return 'command' in parsed ? { ok: true, message: { type, stream, ...parsed.command } } : { ok: false, code: 'bad-message', message: parsed.problem };
}

/** What is wrong with a message or query, in one line: each member and what it should be. */
export function describeIssues(error: z.ZodError): string {
  return error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
}

function isKnownType(type: string): type is ClientMessage['type'] {
  return Object.hasOwn(schemas, type);
}
