import { readFile, stat } from 'node:fs/promises';
import { extname } from 'node:path';

import { COCO_IDS } from '../core/coco-ids.js';
import { COCO_LABELS } from '../core/coco-labels.js';
import { ConfigError } from '../core/errors.js';
import { LabelFileError, type LabelEntry } from './label-entry.js';
import { parseJsonLabels } from './label-json.js';
import { parsePbtxtLabels } from './label-pbtxt.js';

/** Names of a model's classes. */
export interface LabelMap {
  /** @returns the id as text where the map does not know it */
  label(classId: number): string;
  /** @returns the id of the first class of that name, `undefined` without one */
  id(label: string): number | undefined;
  /** Names a class of a model that only counts its classes, from 0 (YOLO heads, classifiers).
   * - With a label file, index 0 is the first line: class 1; in a map that names a class 0, as Ultralytics writes it, class 0.
   * - Without one, the 80 classes of COCO where the model has 80; any others are not named: `classId` and label are the index.
   * @param classCount classes that the model has, `null` where its answer does not tell: taken as COCO's without a label file */
  classAt(index: number, classCount: number | null): { readonly classId: number; readonly label: string };
}

/** Far beyond any real label map; larger files are something else. */
const MAX_FILE_BYTES = 16 * 1024 * 1024;

const PARSERS: Readonly<Record<string, (text: string) => readonly LabelEntry[]>> = { '.pbtxt': parsePbtxtLabels, '.txt': parseTextLabels, '.json': parseJsonLabels };

/** Makes a map of `[classId, label]` pairs. */
export function createLabelMap(entries: Iterable<readonly [classId: number, label: string]>): LabelMap {
  const labels = new Map(entries);
  const ids = new Map([...labels].toReversed().map(([id, label]) => [label, id]));
  const label = (classId: number): string => labels.get(classId) ?? String(classId);
  const firstId = labels.has(0) ? 0 : 1;
  const classAt = (index: number): { classId: number; label: string } => ({ classId: index + firstId, label: label(index + firstId) });
  return { label, id: (name) => ids.get(name), classAt };
}

/** The 80 classes of COCO under their Object Detection API ids (1 to 90): what counts where no label file is configured. */
export function cocoLabelMap(): LabelMap {
  const coco = createLabelMap(COCO_LABELS);
  return {
    ...coco,
    classAt: (index, classCount) => {
      const classId = classCount === null || classCount === COCO_IDS.length ? COCO_IDS[index] : undefined;
      return classId === undefined ? { classId: index, label: String(index) } : { classId, label: coco.label(classId) };
    },
  };
}

/** Reads a label map; the file's extension tells its form.
 * - `.pbtxt`: `StringIntLabelMap` of the Object Detection API; `display_name`, else `name`
 * - `.txt`: one label a line, the first line is id 1; a blank line keeps its id but gives it no label
 * - `.json`: `{"id": "label"}`, or an array whose first entry is id 1 (`null` and `""` as blank lines)
 * @param file path, or `null` for COCO
 * @throws {ConfigError} naming file and line when it cannot be read or understood
 */
export async function loadLabelMap(file: string | null): Promise<LabelMap> {
  return file === null ? cocoLabelMap() : createLabelMap(await readLabels(file));
}

/** Reads the labels of a label map by their ids, as {@link loadLabelMap}.
 * @throws {ConfigError} as there */
export async function readLabels(file: string): Promise<ReadonlyMap<number, string>> {
  const parse = PARSERS[extname(file).toLowerCase()];
  if (parse === undefined) throw new ConfigError([{ file, path: '', message: 'expected a label map ending in .pbtxt, .txt or .json' }]);
  return parseLabels(await readLabelFile(file), parse, file);
}

/** Reads a `.txt` label map that is in memory already.
 * @param file name for error messages
 * @throws {ConfigError} when it holds no label
 */
export function parseLabelMapTxt(text: string, file: string): LabelMap {
  return createLabelMap(parseLabels(text, parseTextLabels, file));
}

/** One label a line, ids from 1. */
function parseTextLabels(text: string): LabelEntry[] {
  return text.split(/\r\n|\n|\r/u).flatMap((line, index) => (line.trim() === '' ? [] : [{ id: index + 1, label: line.trim(), line: index + 1 }]));
}

function parseLabels(text: string, parse: (text: string) => readonly LabelEntry[], file: string): ReadonlyMap<number, string> {
  try {
    // Editors on Windows put a byte order mark in front.
    const entries = parse(text.replace(/^\uFEFF/u, ''));
    if (entries.length === 0) throw new LabelFileError(1, 'holds no label');
    const lines = new Map<number, number>();
    for (const { id, line } of entries) {
      const earlier = lines.get(id);
      if (earlier !== undefined) throw new LabelFileError(line, `id ${String(id)} has a label already, on line ${String(earlier)}`);
      lines.set(id, line);
    }
    return new Map(entries.map(({ id, label }) => [id, label]));
  } catch (error) {
    if (!(error instanceof LabelFileError)) throw error;
    throw new ConfigError([{ file, path: `line ${String(error.line)}`, message: error.message }]);
  }
}

async function readLabelFile(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) throw new ConfigError([{ file, path: '', message: `expected a label map of at most 16 MiB, got ${String(Math.ceil(size / 1048576))} MiB` }]);
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    const reason = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a folder, expected a file' : `cannot be read (${String(code ?? error)})`;
    throw new ConfigError([{ file, path: '', message: reason }]);
  }
}
