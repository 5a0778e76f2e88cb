#!/usr/bin/env node
// npm run test:conformance: the embedded model server against TensorFlow Serving's own Python client, and tfjs-node against TensorFlow itself, both from PyPI.
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, ROOT, run, say } from './lib/commands.mjs';
import { prepareTfjsNode } from './lib/conformance-tfjs-node.mjs';
import { runMain } from './lib/problem.mjs';
import { setUp } from './lib/set-up.mjs';
import { formatCounts, runVitest } from './lib/vitest.mjs';

const VENV = join(ROOT, '.cache', 'conformance-venv');
const PYTHON = join(VENV, 'bin', 'python');
/** Written last: a virtual environment without it is half made. */
const READY = join(VENV, 'ready');

/** PyPI answers within this, or conformance is skipped. */
const ANSWER_LIMIT_MS = 60_000;
/** TensorFlow is a download of some 250 MB and a gigabyte on disk: half a minute on a good day. */
const INSTALL_LIMIT_MS = 6 * 60_000;

await runMain(async () => {
  await setUp({ steps: ['modules', 'build'] });
  const obstacle = await prepareVenv();
  if (obstacle !== null) {
    process.stdout.write(`conformance tests skipped: ${obstacle}\n`);
    return 0;
  }
  process.env['SIGHTLINE_CONFORMANCE_PYTHON'] = PYTHON;
  const tfjsNode = await prepareTfjsNode({ python: PYTHON, folder: join(VENV, 'tfjs-node') });
  if ('module' in tfjsNode) process.env['SIGHTLINE_CONFORMANCE_TFJS_NODE'] = tfjsNode.module;
  else process.stdout.write(`conformance tests of tfjs-node skipped: ${tfjsNode.obstacle}\n`);
  const { code, counts } = await runVitest(['--config', 'vitest.conformance.config.ts', ...process.argv.slice(2)]);
  process.stdout.write(`conformance: ${formatCounts(counts)}\n`);
  return code;
});

/** @returns {Promise<string | null>} why there is none, or `null` when it is ready */
async function prepareVenv() {
  if (existsSync(READY)) return null;
  const python = await findPython();
  if (python === null) return 'they need a Python from 3.10 to 3.13 with its venv module (Debian: python3-venv)';
  const startedMs = Date.now();
  rmSync(VENV, { recursive: true, force: true });
  const venv = await run(python, ['-m', 'venv', VENV]);
  if (venv.code !== 0) return `${python} -m venv: ${lastLine(venv.output)}`;
  const asked = await pip(['download', '--no-deps', '--retries', '0', '--timeout', '20', '--dest', join(VENV, 'wheels'), 'tensorflow-serving-api'], ANSWER_LIMIT_MS);
  if (asked.code !== 0) return `PyPI gave no answer within ${String(ANSWER_LIMIT_MS / 1000)} s`;
  say('installing TensorFlow and tensorflow-serving-api from PyPI');
  // The API asks for the `tensorflow` that can use GPUs; the one for CPUs has the same modules at a third of the size.
  const tensorflow = await pip(['install', 'tensorflow-cpu', 'grpcio'], INSTALL_LIMIT_MS);
  if (tensorflow.code !== 0) return `tensorflow-cpu could not be installed: ${lastLine(tensorflow.output)}`;
  const api = await pip(['install', '--no-deps', '--no-index', '--find-links', join(VENV, 'wheels'), 'tensorflow-serving-api'], ANSWER_LIMIT_MS);
  if (api.code !== 0) return `tensorflow-serving-api could not be installed: ${lastLine(api.output)}`;
  writeFileSync(READY, '');
  say(`ready after ${String(Math.round((Date.now() - startedMs) / 1000))} s`);
  return null;
}

/**
 * @param {readonly string[]} args
 * @param {number} timeoutMs
 */
function pip(args, timeoutMs) {
  return run(PYTHON, ['-m', 'pip', '--disable-pip-version-check', '--no-input', '--quiet', ...args], { timeoutMs });
}

/** @returns {Promise<string | null>} a Python that TensorFlow has builds for */
async function findPython() {
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10']) {
    if (findProgram(name) === null) continue;
    const { code } = await run(name, ['-c', 'import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))']);
    if (code === 0) return name;
  }
  return null;
}

/** @param {string} text */
function lastLine(text) {
  return text.trim().split('\n').at(-1) ?? '';
}
