import type { z } from 'zod';

import { nearestWord } from './nearest-word.js';
import { ProvidedText } from './provided-text.js';

/** Way from the top of a file to a value. */
export type ValuePath = readonly (string | number)[];

/** What is wrong with one value. */
export type ValueProblem = { readonly path: ValuePath; readonly message: string };

/** What was understood of a value, and everything that was not. */
export type Validated<T> = {
  /** Without the parts that have problems; `null` when nothing is left that fits. */
  readonly value: T | null;
  readonly problems: readonly ValueProblem[];
};

/** Keys whose values are never shown: they hold, or may hold, secrets. */
const SENSITIVE_KEYS: ReadonlySet<string> = new Set(['source', 'detectSource', 'sha256', 'tokens']);

/** Checks a value against a schema and reports every problem at once. Parts with problems are taken out, so that the rest can still be
 * checked for contradictions. */
export function validate<T>(schema: z.ZodType<T>, input: unknown): Validated<T> {
  const problems = new Map<string, ValueProblem>();
  let remaining = input;
  // Taking a part out may uncover another problem, of what held it; each round takes out at least one part.
  for (let round = 0; round < 5; round += 1) {
    const result = schema.safeParse(remaining);
    if (result.success) return { value: result.data, problems: [...problems.values()] };
    for (const issue of result.error.issues) {
      for (const problem of problemsOf(issue, remaining, schema)) {
        // The first word on a place counts: the second may be about its having been taken out.
        const place = JSON.stringify(problem.path);
        if (!problems.has(place)) problems.set(place, problem);
      }
    }
    remaining = [...problems.values()].reduce((value, { path }) => without(value, path), remaining);
  }
  return { value: null, problems: [...problems.values()] };
}

/** Formats a path as people write it: `server.tokens[0].name`, `thresholds."stop sign"`. */
export function formatPath(path: ValuePath): string {
  return path
    .map((step, index) => {
      if (typeof step === 'number') return `[${String(step)}]`;
      const key = safeKey(step);
      return `${index === 0 ? '' : '.'}${/^[\w*-]+$/u.test(key) ? key : JSON.stringify(key)}`;
    })
    .join('');
}

function problemsOf(issue: z.core.$ZodIssue, input: unknown, schema: z.ZodType): ValueProblem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(schema, path);
    return issue.keys.map((key) => {
      const meant = nearestWord(key, known);
      return { path: [...path, key], message: `unknown key${meant === null ? `; known here: ${known.join(', ')}` : ` (did you mean ${meant}?)`}` };
    });
  }
  return [{ path, message: `${issue.message}, got ${describe(valueAt(input, path), path)}` }];
}

/** Says what stood there, without showing what may be secret. */
function describe(value: unknown, path: ValuePath): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof ProvidedText) return value.secret ? 'something else from the environment' : shown(value.text, path);
  if (typeof value === 'string') return `${shown(value, path)} (text)`;
  if (typeof value === 'number' || typeof value === 'boolean') return `${String(value)} (${typeof value === 'number' ? 'number' : 'true or false'})`;
  return 'a mapping';
}

function shown(value: string, path: ValuePath): string {
  const isSensitive = path.some((step) => typeof step === 'string' && SENSITIVE_KEYS.has(step));
  // A URL where none belongs may hold a password too; at the top of a file stands a line that is no configuration at all.
  if (isSensitive || path.length === 0 || value.length > 60 || /:\/\/|@/u.test(value)) return 'another text';
  return JSON.stringify(value);
}

/** A key can be the rest of a line that was meant as a value. */
function safeKey(key: string): string {
  return key.length > 64 || /:\/\/|@/u.test(key) ? '…' : key;
}

function valueAt(value: unknown, path: ValuePath): unknown {
  return path.reduce<unknown>((part, step) => (typeof part === 'object' && part !== null && Object.hasOwn(part, step) ? (part as Record<string | number, unknown>)[step] : undefined), value);
}

/** Copies a value without the part at `path`; of a list, all of it goes: the rest would have other places. */
function without(value: unknown, path: ValuePath): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof step === 'number' || typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const leavesPart = rest.length > 0 && typeof rest[0] === 'string';
  return Object.fromEntries(Object.entries(value).flatMap(([key, part]) => (key !== step ? [[key, part]] : leavesPart && typeof part === 'object' ? [[key, without(part, rest)]] : [])));
}

/** Keys that a mapping may have, read from the schema. */
function keysAt(schema: z.ZodType, path: ValuePath): string[] {
  let part: unknown = schema;
  for (const step of path) part = child(unwrapped(part), step);
  const { shape } = definition(unwrapped(part));
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : [];
}

function child(schema: unknown, step: string | number): unknown {
  const { shape, element, valueType } = definition(schema);
  if (typeof shape === 'object' && shape !== null) return (shape as Record<string, unknown>)[step];
  return element ?? valueType;
}

function unwrapped(schema: unknown): unknown {
  let part = schema;
  for (;;) {
    const { innerType, type, out } = definition(part);
    if (type === 'pipe' && out !== undefined) part = out;
    else if (innerType !== undefined) part = innerType;
    else return part;
  }
}

function definition(schema: unknown): Record<string, unknown> {
  const { def } = (typeof schema === 'object' && schema !== null ? schema : {}) as { def?: unknown };
  return (typeof def === 'object' && def !== null ? def : {}) as Record<string, unknown>;
}
