import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram, mustRun, ROOT, run, say } from './commands.mjs';
import { Problem } from './problem.mjs';
import { adviceWithoutApt, CANVAS_BUILD_NEEDS, ensureSystemPackages } from './system-packages.mjs';

/** @typedef {{ packages: Record<string, { version?: string, optional?: boolean, devOptional?: boolean, peer?: boolean }> }} Lock */

/**
 * Installs what package-lock.json says when node_modules says something else, and canvas's binary when it is not there.
 *
 * npm's scripts are left out of the first step on purpose: canvas is the only package with one that matters, and where it
 * must be compiled but cannot yet be, npm would throw away the whole installation instead of just that.
 */
export async function ensureNodeModules() {
  if (!isInstalledAsLocked()) {
    say('installing npm packages');
    await mustRun('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { env: npmEnvironment(), advice: 'is the npm registry reachable?' });
  }
  if (!existsSync(canvasBinary())) await installCanvas();
}

/** Where canvas keeps its binary, ready-made or compiled. */
function canvasBinary() {
  return join(ROOT, 'node_modules/canvas/build/Release/canvas.node');
}

/**
 * Compares package-lock.json with the list that npm keeps of what it installed: that list is written last, so that an
 * interrupted installation does not pass for a whole one.
 */
function isInstalledAsLocked() {
  const installedFile = join(ROOT, 'node_modules/.package-lock.json');
  if (!existsSync(installedFile)) return false;
  const locked = readLock(join(ROOT, 'package-lock.json'));
  const installed = readLock(installedFile);
  return Object.entries(locked.packages).every(([path, entry]) => {
    if (path === '') return true;
    const there = installed.packages[path];
    // Binaries for other platforms are locked, too, but not installed here.
    return there === undefined ? entry.optional === true || entry.devOptional === true : there.version === entry.version;
  });
}

/**
 * @param {string} file
 * @returns {Lock}
 */
function readLock(file) {
  return JSON.parse(readFileSync(file, 'utf8'));
}

async function installCanvas() {
  say('installing canvas (compiled here where no ready-made binary can be had: about half a minute)');
  const first = await rebuildCanvas();
  if (first.ok) return;
  const needs = [...CANVAS_BUILD_NEEDS];
  if (nodeHeadersPrefix() === null) needs.push({ debian: 'libnode-dev' });
  if (findProgram('apt-get') === null) throw new Problem(`canvas could not be compiled: ${adviceWithoutApt(needs.map(({ debian }) => debian))}`);
  await ensureSystemPackages(needs);
  const second = await rebuildCanvas();
  if (second.ok) return;
  process.stderr.write(second.output.trimEnd().split('\n').slice(-25).map((line) => `  ${line}\n`).join(''));
  throw new Problem('canvas could not be compiled: the lines above say why; after mending it run `npm rebuild canvas`');
}

/** @returns {Promise<{ ok: boolean, output: string }>} */
async function rebuildCanvas() {
  const { code, output } = await run('npm', ['rebuild', 'canvas', '--ignore-scripts=false', '--foreground-scripts'], { env: npmEnvironment() });
  if (code !== 0 || !existsSync(canvasBinary())) return { ok: false, output };
  // A ready-made binary can be there and still not load: libraries of another system.
  const loaded = await run(process.execPath, ['-e', "require('canvas').createCanvas(1, 1)"]);
  return { ok: loaded.code === 0, output: `${output}\n${loaded.output}` };
}

/** npm with node-gyp pointed at Node's own headers, so that compiling downloads nothing. */
export function npmEnvironment() {
  const nodedir = nodeHeadersPrefix();
  return nodedir === null ? { ...process.env } : { ...process.env, npm_config_nodedir: nodedir };
}

/** @returns {string | null} the folder above `include/node/node_api.h` */
export function nodeHeadersPrefix() {
  const prefixes = [dirname(dirname(process.execPath)), '/usr', '/usr/local'];
  return prefixes.find((prefix) => existsSync(join(prefix, 'include/node/node_api.h'))) ?? null;
}
