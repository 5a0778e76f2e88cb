import type { Definition, SourceTest } from '../api/api-client.js';
import { formatFps, formatPosition } from './text.js';

/** What stands in the form, by field; empty: not given. */
export type FormValues = Readonly<Record<string, string>>;

/** Keys that are numbers in a definition. */
const NUMBERS: ReadonlySet<string> = new Set(['fps', 'widthPx', 'timeoutMs']);
const FLAGS: ReadonlySet<string> = new Set(['loop']);
/** The field of the score from which on every class without a score of its own is shown. */
export const THRESHOLD_FIELD = 'threshold';
const EVERY_CLASS = '*';

/** Keys that decide how a source is opened: another value of one calls for another test. */
export const SOURCE_KEYS = ['source', 'mode', 'transport', 'timeoutMs', 'detectSource', 'hwaccel'] as const;

/** What the form shows of a definition. */
export function valuesOf(definition: Definition, fields: readonly string[]): Record<string, string> {
  return Object.fromEntries(fields.map((field) => [field, field === THRESHOLD_FIELD ? asText(thresholdsOf(definition)[EVERY_CLASS]) : asText(definition[field])]));
}

/** The definition that a form describes; what is empty is left to the server. */
export function definitionOf(values: FormValues): Record<string, unknown> {
  return Object.fromEntries(Object.entries(values).flatMap(([field, value]) => (value === '' ? [] : [member(field, value, {})])));
}

/** What a form changes of a definition: members that are others now, `null` where one is to be the default again. */
export function changesOf(before: Definition, values: FormValues): Record<string, unknown> {
  const shown = valuesOf(before, Object.keys(values));
  return Object.fromEntries(Object.entries(values).flatMap(([field, value]) => (value === shown[field] ? [] : [member(field, value, thresholdsOf(before))])));
}

/** An id made of a name or, where there is none, of a source: letters, digits and dashes, at most 64. */
export function idFrom(name: string, source: string): string {
  const from = name === '' ? (source.split(/[?#]/, 1)[0] ?? '').replace(/\.\w{1,5}$/, '').split(/[/:@\\]/).filter((part) => part !== '').at(-1) ?? '' : name;
  const plain = from.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return plain.replace(/[^a-z0-9_]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 64);
}

/** What a test has shown, in one line. */
export function testText(test: SourceTest): string {
  if (!test.ok) return test.message;
  const size = test.widthPx === null || test.heightPx === null ? [] : [`${String(test.widthPx)} × ${String(test.heightPx)}`];
  const fps = test.declaredFps === null ? [] : [`${formatFps(test.declaredFps)} fps`];
  const duration = test.durationMs === null ? [] : [formatPosition(test.durationMs)];
  return ['It opens', ...size, ...fps, ...(test.codec === null ? [] : [test.codec]), ...duration, test.mode === 'replay' ? 'a recording' : 'live'].join(' · ');
}

function member(field: string, value: string, thresholds: Readonly<Record<string, unknown>>): [string, unknown] {
  if (field === THRESHOLD_FIELD) {
    const others = Object.entries(thresholds).filter(([label]) => label !== EVERY_CLASS);
    const next = value === '' ? others : [[EVERY_CLASS, toNumber(value)], ...others];
    return ['thresholds', next.length === 0 ? null : Object.fromEntries(next)];
  }
  if (FLAGS.has(field)) return [field, value === 'true' ? true : null];
  if (value === '') return [field, null];
  return [field, NUMBERS.has(field) ? toNumber(value) : value];
}

/** What is no number goes to the server as it is, which says what it expects. */
function toNumber(text: string): number | string {
  const number = Number(text.replace(',', '.'));
  return Number.isFinite(number) ? number : text;
}

function thresholdsOf({ thresholds }: Definition): Readonly<Record<string, unknown>> {
  return typeof thresholds === 'object' && thresholds !== null ? (thresholds as Record<string, unknown>) : {};
}

function asText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  return value === true ? 'true' : '';
}
