import { readStored, writeStored } from '../stored.js';

/** Something with a class and a score: a detection, or a class of the whole picture. */
export type Scored = { readonly classId: number; readonly label: string; readonly score: number };

/** What one viewer wants to see of what was found. It hides things in this page only: the server and other viewers know nothing of it. */
export type ViewFilter = {
  /** Lowest score that is shown, in [0, 1]; `null`: whatever the server sends. */
  readonly minScore: number | null;
  /** Classes that are not shown, by id; the label is kept for classes that are not seen now. */
  readonly hidden: ReadonlyMap<number, string>;
};

export const NO_FILTER: ViewFilter = { minScore: null, hidden: new Map() };

/** More classes than any model of today has; what is stored may be anything. */
const MAX_HIDDEN = 2000;

/** Whether the filter can hide anything. */
export function isFiltering({ minScore, hidden }: ViewFilter): boolean {
  return minScore !== null || hidden.size > 0;
}

/** Keeps what the filter shows, in its order. */
export function applyFilter<T extends Scored>(found: readonly T[], { minScore, hidden }: ViewFilter): readonly T[] {
  return found.filter(({ classId, score }) => score >= (minScore ?? 0) && !hidden.has(classId));
}

/** Reads the filter that this browser remembers for a stream; anything else than such a filter counts as none. */
export function readFilter(stream: string): ViewFilter {
  const text = readStored(nameFor(stream));
  if (text === null) return NO_FILTER;
  try {
    return parse(JSON.parse(text));
  } catch (error) {
    if (error instanceof SyntaxError) return NO_FILTER;
    throw error;
  }
}

/** Remembers a stream's filter; none is forgotten. */
export function writeFilter(stream: string, filter: ViewFilter): void {
  writeStored(nameFor(stream), isFiltering(filter) ? JSON.stringify({ minScore: filter.minScore, hidden: [...filter.hidden] }) : null);
}

function nameFor(stream: string): string {
  return `sightline-filter:${stream}`;
}

function parse(value: unknown): ViewFilter {
  if (typeof value !== 'object' || value === null) return NO_FILTER;
  const { minScore, hidden } = value as { readonly minScore?: unknown; readonly hidden?: unknown };
  return {
    minScore: typeof minScore === 'number' && minScore >= 0 && minScore <= 1 ? minScore : null,
    hidden: new Map((Array.isArray(hidden) ? hidden : []).filter(isHiddenClass).slice(0, MAX_HIDDEN)),
  };
}

function isHiddenClass(entry: unknown): entry is [number, string] {
  return Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'number' && typeof entry[1] === 'string';
}
