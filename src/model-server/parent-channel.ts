/** What the model server's process tells the process that started it, over Node's own channel between the two. */
export type ParentMessage =
  | { readonly type: 'ready'; readonly port: number }
  /** It ends now and would end the same way again: `problems` are what has to be changed. */
  | { readonly type: 'failed'; readonly problems: readonly string[] };

/** Reads such a message; `null` for anything else. */
export function asParentMessage(value: unknown): ParentMessage | null {
  if (typeof value !== 'object' || value === null || !('type' in value)) return null;
  if (value.type === 'ready' && 'port' in value && typeof value.port === 'number') return { type: 'ready', port: value.port };
  if (value.type === 'failed' && 'problems' in value && Array.isArray(value.problems)) return { type: 'failed', problems: value.problems.map(String) };
  return null;
}
