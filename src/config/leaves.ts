import { isIP } from 'node:net';

import { z } from 'zod';

import { ProvidedText } from './provided-text.js';

// The values that configuration is made of. Each says in one phrase what it expects; the message of every problem is made of that.

export function text(expected: string): z.ZodType<string> {
  return z.preprocess(asText, z.string({ error: expected }).regex(/\S/u, { error: expected }));
}

export function pattern(expression: RegExp, expected: string): z.ZodType<string> {
  return z.preprocess(asText, z.string({ error: expected }).regex(expression, { error: expected }));
}

export function checkedText(check: (value: string) => boolean, expected: string): z.ZodType<string> {
  return z.preprocess(asText, z.string({ error: expected }).refine(check, { error: expected }));
}

export function integer(min: number, max: number): z.ZodType<number> {
  const error = `expected a whole number from ${String(min)} to ${String(max)}`;
  return z.preprocess(asNumber, z.number({ error }).int({ error }).min(min, { error }).max(max, { error }));
}

/** A whole number, or a word in its place. */
export function integerOr<const W extends string>(word: W, min: number, max: number): z.ZodType<number | W> {
  const error = `expected a whole number from ${String(min)} to ${String(max)}, or ${word}`;
  return z.preprocess((value) => (asText(value) === word ? word : asNumber(value)), z.union([z.literal(word), z.number().int().min(min).max(max)], { error }));
}

/** A number above 0. */
export function positive(max: number): z.ZodType<number> {
  const error = `expected a number above 0, at most ${String(max)}`;
  return z.preprocess(asNumber, z.number({ error }).gt(0, { error }).max(max, { error }));
}

export function flag(): z.ZodType<boolean> {
  return z.preprocess(asBoolean, z.boolean({ error: 'expected true or false' }));
}

export function oneOf<const T extends readonly [string, ...string[]]>(...values: T): z.ZodType<T[number]> {
  return z.preprocess(asText, z.enum(values, { error: `expected ${listed(values)}` }));
}

/** A score from 0 to 1, or `false`. */
export function threshold(): z.ZodType<number | false> {
  const error = 'expected a score from 0 to 1, or false to hide the class';
  return z.preprocess((value) => asNumber(asBoolean(value)), z.union([z.literal(false), z.number().min(0, { error }).max(1, { error })], { error }));
}

export function list<T>(item: z.ZodType<T>, expected: string): z.ZodArray<z.ZodType<T>> {
  return z.array(item, { error: expected });
}

/** A mapping with exactly these keys, each of which may be left out unless its type says otherwise. */
export function section<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  return z.strictObject(shape, { error: (issue) => (issue.code === 'unrecognized_keys' ? undefined : `expected a mapping with the keys ${Object.keys(shape).join(', ')}`) });
}

export const STREAM_ID = /^[A-Za-z0-9_-]{1,64}$/u;

export function streamId(): z.ZodType<string> {
  return pattern(STREAM_ID, 'expected 1 to 64 letters, digits, - and _');
}

/** `host:port`, IPv6 in brackets. */
export function endpoint(): z.ZodType<string> {
  return checkedText((value) => {
    const match = /^(?:\[([0-9a-f:.]+)\]|([\w.-]+)):(\d{1,5})$/iu.exec(value);
    const port = Number(match?.[3]);
    return match !== null && (match[1] === undefined || isIP(match[1]) === 6) && port >= 1 && port <= 65_535;
  }, 'expected host:port, for example gpu1:8500');
}

export function host(): z.ZodType<string> {
  return checkedText((value) => isIP(value) !== 0 || /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/iu.test(value), 'expected an IP address or a host name');
}

/** Origins of web pages, or `*` alone for all of them: `['*']`. */
export function origins(): z.ZodType<string[]> {
  const expected = "expected a list of origins such as https://intranet.example, or '*'";
  return z.preprocess((value) => (asText(value) === '*' ? ['*'] : value), list(origin(), expected));
}

/** What a browser calls an origin: scheme, host, port where it is not the scheme's own; no path. It goes into a header as it is. */
function origin(): z.ZodType<string> {
  return checkedText(
    (value) => value === '*' || (/^https?:\/\/[a-z0-9][a-z0-9.-]*(:\d{1,5})?$/u.test(value) && URL.canParse(value) && new URL(value).origin === value),
    'expected an origin such as https://intranet.example: scheme and host in lower case, a port where needed, no path',
  );
}

/** A name that a Host header may hold: a host name, an IPv4 address or an IPv6 address in brackets, with a port or without. */
export function hostName(): z.ZodType<string> {
  return checkedText((value) => {
    const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?))(?::(\d{1,5}))?$/iu.exec(value);
    const port = Number(match?.[3] ?? 1);
    return match !== null && (match[1] === undefined || isIP(match[1]) === 6) && port >= 1 && port <= 65_535;
  }, 'expected a name such as cameras.example.com, or name:port');
}

/** `private`, `public`, `loopback` or a CIDR block. */
export function network(): z.ZodType<string> {
  return checkedText((value) => {
    if (['private', 'public', 'loopback'].includes(value)) return true;
    const [, address = '', bits = ''] = /^([^/]+)\/(\d{1,3})$/u.exec(value) ?? [];
    const version = isIP(address);
    return version !== 0 && Number(bits) <= (version === 4 ? 32 : 128);
  }, 'expected private, public, loopback or a block of addresses such as 10.0.0.0/8');
}

function asText(value: unknown): unknown {
  return value instanceof ProvidedText ? value.text : value;
}

function asNumber(value: unknown): unknown {
  if (!(value instanceof ProvidedText)) return value;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/iu.test(value.text.trim()) ? Number(value.text) : value.text;
}

function asBoolean(value: unknown): unknown {
  if (!(value instanceof ProvidedText)) return value;
  const word = value.text.trim().toLowerCase();
  return word === 'true' ? true : word === 'false' ? false : value;
}

function listed(values: readonly string[]): string {
  return values.length < 2 ? values.join('') : `${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`;
}
