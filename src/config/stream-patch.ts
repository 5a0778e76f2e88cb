import { redactUrl } from '../core/redact.js';
import type { StreamConfig } from './service-config.js';
import { parseStreamDefinition } from './stream-definition.js';
import type { StreamDefinition } from './stream-schema.js';
import type { ValueProblem } from './validate.js';

/** Keys whose values may hold a password. */
const SECRET_KEYS = ['source', 'detectSource'] as const;

/** What stands where {@link redactUrl} took something out. */
const MASKED = /\*\*\*(?:@|$|[&;])/u;

/** A changed stream, or all that is wrong with the change. */
export type PatchedStream = {
  readonly stream: StreamConfig | null;
  readonly problems: readonly ValueProblem[];
  /** Sources that the stream did not have before; it is not known yet whether they are allowed. */
  readonly newSources: readonly string[];
};

/** A stream's definition as people may see it: sources without secrets, and where nothing was said nothing stands. */
export function shownDefinition({ id, given }: StreamConfig): StreamDefinition {
  const { source, detectSource } = given;
  return { id, ...given, ...(source !== undefined && { source: redactUrl(source) }), ...(detectSource !== undefined && { detectSource: redactUrl(detectSource) }) };
}

/** Changes some keys of a stream's definition.
 * @param patch parsed JSON, not checked: the new values; `null` means the default; a source as {@link shownDefinition} tells it means that it stays
 * @param baseDir folder that a new path is relative to */
export function patchStream(stream: StreamConfig, patch: unknown, baseDir: string): PatchedStream {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return refused([{ path: [], message: 'expected an object with the keys to change' }]);
  const shown = shownDefinition(stream);
  const merged = new Map<string, unknown>(Object.entries(stream.given));
  const problems: ValueProblem[] = [];
  for (const [key, value] of Object.entries(patch)) {
    const isSecret = key === 'source' || key === 'detectSource';
    if (key === 'id') {
      if (value !== stream.id) problems.push({ path: ['id'], message: 'cannot be changed: remove the stream and add it under its new id' });
    } else if (isSecret && value === shown[key]) continue;
    else if (isSecret && typeof value === 'string' && MASKED.test(value)) problems.push({ path: [key], message: 'holds *** in place of a secret: send all of it, or leave the key out' });
    else if (value === null) merged.delete(key);
    else merged.set(key, value);
  }
  const parsed = parseStreamDefinition(Object.fromEntries(merged), { file: stream.file, defaultId: stream.id, baseDir }, problems);
  if (parsed.stream === null || parsed.problems.length > 0) return refused(parsed.problems);
  const changed = parsed.stream;
  const newSources = SECRET_KEYS.flatMap((key) => (changed[key] === null || changed[key] === stream[key] ? [] : [changed[key]]));
  return { stream: changed, problems: [], newSources };
}

function refused(problems: readonly ValueProblem[]): PatchedStream {
  return { stream: null, problems, newSources: [] };
}
