import { z } from 'zod';
import { SPEED_LIMITS, type StreamCommand } from '../core/stream-control.js';

/** More is no step. */
const MAX_STEP_FRAMES = 10_000;

const position = z.number().nonnegative();
const frames = z.number().int().min(-MAX_STEP_FRAMES).max(MAX_STEP_FRAMES).refine((count) => count !== 0, 'expected a number of frames, not 0');
const speed = z.union([z.literal('max'), z.number().min(SPEED_LIMITS.min).max(SPEED_LIMITS.max)], { error: `expected ${String(SPEED_LIMITS.min)} to ${String(SPEED_LIMITS.max)}, or "max"` });

/** What a control body may hold; members that belong to another action are mistakes. */
export const commandSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('pause') }),
  z.strictObject({ action: z.literal('play') }),
  z.strictObject({ action: z.literal('seek'), positionMs: position }),
  z.strictObject({ action: z.literal('step'), frames }),
  z.strictObject({ action: z.literal('speed'), speed }),
], { error: 'expected an action: pause, play, seek, step or speed' }) satisfies z.ZodType<StreamCommand>;

/** Reads a command. @param input parsed JSON, not checked */
export function parseCommand(input: unknown): { readonly command: StreamCommand } | { readonly problem: string } {
  const parsed = commandSchema.safeParse(input);
  if (parsed.success) return { command: parsed.data };
  return { problem: parsed.error.issues.map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)).join('; ') };
}
