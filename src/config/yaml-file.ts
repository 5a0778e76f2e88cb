import { readFile, stat } from 'node:fs/promises';

import { LineCounter, parseDocument, type YAMLParseError, type YAMLWarning } from 'yaml';

import { ProvidedText } from './provided-text.js';
import type { ValuePath, ValueProblem } from './validate.js';

/** A YAML file with the environment filled in: plain objects, lists, numbers, booleans, strings and {@link ProvidedText}. */
export type YamlFile = {
  /** `undefined` for a file that cannot be read or parsed; an empty file is an empty mapping. */
  readonly value: unknown;
  /** Problems of the file as a whole and of its text. `place` is `line:column`, or empty. */
  readonly faults: readonly { readonly place: string; readonly message: string }[];
  /** Variables that are not set. */
  readonly problems: readonly ValueProblem[];
};

const MAX_FILE_BYTES = 1024 * 1024;
/** References (`*name`) that may be followed; more is an attempt to make a small file huge. */
const MAX_ALIASES = 100;

/** Stand for the braces of `${NAME}` while YAML is parsed, which would otherwise end a `{ key: ${NAME} }` early. Private-use characters, as
 * many as they replace, so that places in the text stay true. */
const OPEN = '\u{e000}';
const CLOSE = '\u{e001}';

/** Reads a YAML 1.2 file and replaces `${NAME}` in its texts by the environment's value; `$${NAME}` stands for `${NAME}` itself. */
export async function readYamlFile(file: string, env: NodeJS.ProcessEnv): Promise<YamlFile> {
  let text: string;
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) return failed('is larger than 1 MiB');
    text = await readFile(file, 'utf8');
  } catch (error) {
    return failed(reasonOf(error));
  }
  return parseYaml(text, env);
}

/** Parses YAML text as {@link readYamlFile} does. */
export function parseYaml(text: string, env: NodeJS.ProcessEnv): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text.includes(OPEN) ? text : protectVariables(text), { lineCounter: lines, prettyErrors: false });
  // Only the first: what follows is mostly the parser having lost its way.
  const [fault] = [...document.errors, ...document.warnings].sort((a, b) => a.pos[0] - b.pos[0]);
  if (fault !== undefined) {
    const { line, col } = lines.linePos(fault.pos[0]);
    return { value: undefined, faults: [{ place: `${String(Math.max(1, line))}:${String(Math.max(1, col))}`, message: describeFault(fault) }], problems: [] };
  }
  let plain: unknown;
  try {
    plain = document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch {
    // The library's only reason after a clean parse; its message is about its own API.
    return failed('has too many references (*name)');
  }
  const problems: ValueProblem[] = [];
  const value = fillIn(plain ?? {}, [], env, problems);
  return { value, faults: [], problems };
}

/** Says why a file cannot be read, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'no such file';
  if (code === 'EISDIR') return 'is a folder, expected a file';
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user';
  return `cannot be read (${code || 'unknown reason'})`;
}

function failed(message: string): YamlFile {
  return { value: undefined, faults: [{ place: '', message }], problems: [] };
}

/** In our own words: the library's quote the text, in which passwords stand. */
function describeFault({ code }: YAMLParseError | YAMLWarning): string {
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key stands here twice';
    case 'BAD_ALIAS':
      return "not valid YAML: a text that begins with * or & needs quotes, as in '*': 0.4";
    case 'BAD_SCALAR_START':
    case 'BAD_DQ_ESCAPE':
      return 'not valid YAML: this text needs single quotes around it';
    case 'TAB_AS_INDENT':
      return 'not valid YAML: indent with spaces, not with tabs';
    case 'BAD_INDENT':
      return 'not valid YAML: wrong indentation, or a bracket or quote without its end';
    case 'MISSING_CHAR':
      return 'not valid YAML: a quote, bracket, comma or colon (and a space after it) is missing';
    case 'MULTIPLE_DOCS':
      return 'holds more than one document (---), expected one';
    case 'TAG_RESOLVE_FAILED':
      return 'not valid YAML: a text that begins with ! needs quotes';
    case 'BLOCK_AS_IMPLICIT_KEY':
    case 'MULTILINE_IMPLICIT_KEY':
      return 'not valid YAML: expected "key: value", with a space after the colon';
    default:
      return 'not valid YAML';
  }
}

/** Keys without a value are taken out: they count as not given. */
function fillIn(value: unknown, path: ValuePath, env: NodeJS.ProcessEnv, problems: ValueProblem[]): unknown {
  if (typeof value === 'string') return substitute(value, path, env, problems);
  if (Array.isArray(value)) return value.map((item, index) => fillIn(item, [...path, index], env, problems));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, part]) => part !== null && part !== undefined)
      .map(([key, part]) => [restoreVariables(key), fillIn(part, [...path, restoreVariables(key)], env, problems)]),
  );
}

function substitute(text: string, path: ValuePath, env: NodeJS.ProcessEnv, problems: ValueProblem[]): string | ProvidedText {
  const names: string[] = [];
  const filled = restoreVariables(text).replace(/(\$?)\$\{([^}]*)\}/gu, (whole, escape: string, name: string) => {
    if (escape !== '') return whole.slice(1);
    names.push(name);
    if (!/^[A-Za-z_]\w*$/u.test(name)) problems.push({ path, message: 'expected the name of an environment variable in ${…}; write $${…} for the characters themselves' });
    else if (env[name] === undefined) problems.push({ path, message: `environment variable ${name} is not set` });
    else return env[name];
    return '';
  });
  return names.length > 0 ? new ProvidedText(filled, true) : filled;
}

/** Puts characters that YAML gives no meaning in place of the braces of `${NAME}`; {@link restoreVariables} puts them back. */
export function protectVariables(text: string): string {
  return text.replace(/\$\{([^}\n]*)\}/gu, `${OPEN}${OPEN}$1${CLOSE}`);
}

export function restoreVariables(text: string): string {
  return text.replaceAll(`${OPEN}${OPEN}`, '${').replaceAll(CLOSE, '}');
}
