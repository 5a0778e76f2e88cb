import { isDeepStrictEqual } from 'node:util';
import { isMap, parseDocument, type Document, type YAMLMap } from 'yaml';
import { protectVariables, restoreVariables } from './yaml-file.js';

type Values = Readonly<Record<string, unknown>>;

/** Changes a YAML file's text where values differ; comments, order, references to the environment and all else stay as they are.
 * @param text of a mapping that can be parsed; empty for a new file
 * @param before values that the changes start from
 * @param after values that are meant; a key that is not in it goes
 * @throws {TypeError} the text holds something else than a mapping */
export function editYaml(text: string, before: Values, after: Values): string {
  const document = parseDocument(protectVariables(text), { prettyErrors: false });
  document.contents ??= document.createNode({}) as never;
  if (document.errors.length > 0 || !isMap(document.contents)) throw new TypeError('Expected a mapping');
  editMap(document, document.contents, before, after);
  return restoreVariables(document.toString({ lineWidth: 0 }));
}

function editMap(document: Document, map: YAMLMap, before: Values, after: Values): void {
  for (const key of Object.keys(before)) if (!Object.hasOwn(after, key)) map.delete(key);
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isDeepStrictEqual(old, value)) continue;
    const node: unknown = map.get(key, true);
    if (isMap(node) && isValues(old) && isValues(value)) editMap(document, node, old, value);
    else map.set(key, document.createNode(escaped(value)));
  }
}

function isValues(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text as it has to stand in a file to mean itself: one that was said over the API refers to no variable. */
function escaped(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(/\$\{[^}]*\}/gu, '$$$&');
  if (isValues(value)) return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, escaped(part)]));
  return value;
}
