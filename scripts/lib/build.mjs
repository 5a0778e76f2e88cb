import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mustRun, ROOT, say } from './commands.mjs';

const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.build-stamp');

/** What the build is made from. */
const INPUTS = ['src', 'web', 'tsconfig.json', 'package-lock.json', 'scripts/lib/build.mjs'];

/**
 * Compiles `src` to `dist` and the page to `dist/web`, when a source changed since.
 *
 * The new tree is made beside the old one and takes its place at the end: a file that is gone from `src` is gone from
 * `dist`, and a build that fails, or runs while the service does, leaves a whole one.
 */
export async function ensureBuilt() {
  const stamp = hashInputs();
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return;
  say('building');
  const fresh = join(ROOT, `dist.new-${String(process.pid)}`);
  const stale = join(ROOT, `dist.old-${String(process.pid)}`);
  try {
    const halves = await Promise.allSettled([
      mustRun(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json', '--outDir', fresh]),
      mustRun(process.execPath, [join(ROOT, 'node_modules/vite/bin/vite.js'), 'build', 'web', '--outDir', join(fresh, 'web'), '--emptyOutDir', '--logLevel', 'warn']),
    ]);
    for (const half of halves) if (half.status === 'rejected') throw half.reason;
    writeFileSync(join(fresh, '.build-stamp'), stamp);
    if (existsSync(DIST)) renameSync(DIST, stale);
    renameSync(fresh, DIST);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
    rmSync(stale, { recursive: true, force: true });
  }
}

function hashInputs() {
  const hash = createHash('sha256');
  for (const input of INPUTS) addToHash(hash, input);
  return hash.digest('hex');
}

/**
 * @param {import('node:crypto').Hash} hash
 * @param {string} path relative to the root
 */
function addToHash(hash, path) {
  const absolute = join(ROOT, path);
  const entries = existsSync(absolute) ? listFiles(absolute) : [];
  for (const file of entries) hash.update(`${file.slice(ROOT.length)}\0`).update(readFileSync(file));
}

/**
 * @param {string} path absolute, a file or a folder
 * @returns {string[]} files, in a fixed order
 */
function listFiles(path) {
  /** @type {import('node:fs').Dirent[]} */
  let entries;
  try {
    entries = readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOTDIR') return [path];
    throw error;
  }
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    if (entry.isDirectory()) return entry.name === 'node_modules' || entry.name === '.vite' ? [] : listFiles(join(path, entry.name));
    return entry.isFile() ? [join(path, entry.name)] : [];
  });
}
