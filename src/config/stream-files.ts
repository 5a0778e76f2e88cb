import { readdir } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';

import type { ConfigIssue } from '../core/errors.js';
import type { StreamConfig } from './service-config.js';
import { parseStreamDefinition } from './stream-definition.js';
import { formatPath } from './validate.js';
import { readYamlFile, reasonOf } from './yaml-file.js';

/** Shows a path in messages. */
export type DisplayPath = (file: string) => string;

/** Reads every `.yaml` and `.yml` file of a folder, in the order of their names; hidden files and folders in it do not count.
 * @param folder absolute
 * @returns the streams that are right, and the issues of all files
 */
export async function readStreamsFolder(folder: string, env: NodeJS.ProcessEnv, display: DisplayPath): Promise<{ readonly streams: readonly StreamConfig[]; readonly issues: readonly ConfigIssue[]; readonly missing: boolean }> {
  let names: string[];
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    names = entries.filter((entry) => !entry.isDirectory() && /^[^.].*\.ya?ml$/iu.test(entry.name)).map(({ name }) => name);
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    const message = isMissing ? 'no such folder' : error instanceof Error && 'code' in error && error.code === 'ENOTDIR' ? 'is a file, expected a folder of stream definitions' : reasonOf(error);
    return { streams: [], issues: [{ file: display(folder), path: '', message }], missing: isMissing };
  }
  return { ...(await readStreamFiles(names.sort().map((name) => join(folder, name)), env, display)), missing: false };
}

/** Reads stream files and sees to it that no two streams have one id.
 * @param files absolute
 */
export async function readStreamFiles(files: readonly string[], env: NodeJS.ProcessEnv, display: DisplayPath): Promise<{ readonly streams: readonly StreamConfig[]; readonly issues: readonly ConfigIssue[] }> {
  const streams: StreamConfig[] = [];
  const issues: ConfigIssue[] = [];
  /** Which file has an id; also of files with other problems, so that a second problem is not hidden by the first. */
  const owners = new Map<string, string>();
  for (const file of files) {
    const { value, faults, problems: unset } = await readYamlFile(file, env);
    issues.push(...faults.map(({ place, message }) => ({ file: display(file), path: place, message })));
    if (value === undefined) continue;
    const defaultId = parse(file).name;
    const { stream, problems } = parseStreamDefinition(value, { file, defaultId, baseDir: dirname(file) }, unset);
    issues.push(...problems.map(({ path, message }) => ({ file: display(file), path: formatPath(path), message })));
    const id = stream?.id ?? idOf(value) ?? defaultId;
    const owner = owners.get(id);
    if (owner !== undefined) issues.push({ file: display(file), path: 'id', message: `${display(owner)} has the same id${idOf(value) === null ? '' : ` (${id})`}: each stream needs its own` });
    else owners.set(id, file);
    if (stream !== null) streams.push(stream);
  }
  return { streams, issues };
}

/** The id as it stands in the file; one from the environment is not shown. */
function idOf(value: unknown): string | null {
  const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null;
  return typeof id === 'string' ? id : null;
}
