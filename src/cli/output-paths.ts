import { access, constants, stat } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { ConfigIssue } from '../core/errors.js';

/** Looks, before the work begins, at where `detect` is to write.
 * @param input what is read: a path or a URL
 * @param outputs path of each output by its flag; the video (`--output`) appears when it is complete, so it can only be a file
 * @returns what is wrong: an output that is the input, the same as another, or cannot be written */
export async function outputPathIssues(input: string, outputs: Readonly<Record<'--jsonl' | '--output', string | undefined>>): Promise<readonly ConfigIssue[]> {
  const issues: ConfigIssue[] = [];
  const taken = [{ what: 'the input', path: input, at: await look(input) }];
  for (const [flag, path] of Object.entries(outputs)) {
    if (path === undefined) continue;
    const at = await look(path);
    const same = taken.find((other) => isSame(other, { path, at }));
    const problem = same === undefined ? await writeProblem(flag, path, at) : `is ${same.what} itself, which would be lost: name another file`;
    if (problem !== null) issues.push({ file: null, path: flag, message: `${path === '' ? '""' : path} ${problem}` });
    taken.push({ what: flag, path, at });
  }
  return issues;
}

async function writeProblem(flag: string, path: string, at: Stats | null): Promise<string | null> {
  if (path === '') return 'is no file name';
  if (at?.isDirectory() === true) return 'is a folder, expected a file';
  if (flag === '--output' && at !== null && !at.isFile()) return 'is a device or a pipe, expected a file';
  if (flag === '--output' && path === '-') return 'cannot be standard output, expected a file: an MP4 is not written from front to back';
  const folder = dirname(resolve(path));
  const folderAt = await look(folder);
  if (folderAt === null) return `cannot be written: there is no folder ${folder}`;
  if (!folderAt.isDirectory()) return `cannot be written: ${folder} is not a folder`;
  // A file beside the video holds it until it is complete.
  if (flag === '--output' && !(await isWritable(folder))) return `cannot be written: no permission to write to ${folder}`;
  return null;
}

function isSame(one: { path: string; at: Stats | null }, other: { path: string; at: Stats | null }): boolean {
  if (one.at === null || other.at === null) return resolve(one.path) === resolve(other.path);
  return one.at.isFile() && one.at.ino === other.at.ino && one.at.dev === other.at.dev;
}

/** @returns `null` where there is nothing */
async function look(path: string): Promise<Stats | null> {
  return stat(path).catch(() => null);
}

async function isWritable(path: string): Promise<boolean> {
  return access(path, constants.W_OK).then(() => true, () => false);
}
