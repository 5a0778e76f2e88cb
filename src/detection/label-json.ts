import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';

import { LabelFileError, type LabelEntry } from './label-entry.js';

/** Reads `{"id": "label"}` or an array of labels, ids from 1. Parsed as YAML's JSON schema, which knows the line of every value.
 * @throws {LabelFileError} when it is neither
 */
export function parseJsonLabels(text: string): LabelEntry[] {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'json', lineCounter: lines, prettyErrors: false });
  const lineOf = (offset: number | undefined): number => Math.max(1, lines.linePos(offset ?? 0).line);
  const [error] = document.errors;
  if (error !== undefined) throw new LabelFileError(lineOf(error.pos[0]), error.code === 'DUPLICATE_KEY' ? 'this id stands here twice' : 'is not valid JSON');

  const entries: LabelEntry[] = [];
  const add = (id: number, value: unknown): void => {
    if (!isScalar(value) || (typeof value.value !== 'string' && value.value !== null)) {
      throw new LabelFileError(lineOf(isNode(value) ? value.range?.[0] : 0), `expected a label in quotes for id ${String(id)}`);
    }
    const label = value.value?.trim() ?? '';
    if (label !== '') entries.push({ id, label, line: lineOf(value.range?.[0]) });
  };
  const { contents } = document;
  if (isSeq(contents)) {
    for (const [index, value] of contents.items.entries()) add(index + 1, value);
  } else if (isMap(contents)) {
    for (const { key, value } of contents.items) {
      const text = isScalar(key) ? String(key.value) : '';
      if (!/^\d{1,9}$/u.test(text)) throw new LabelFileError(lineOf(isScalar(key) ? key.range[0] : 0), 'expected class ids (whole numbers in quotes) as keys');
      add(Number(text), value);
    }
  } else {
    throw new LabelFileError(1, 'expected an object of id and label, or an array of labels');
  }
  return entries;
}
