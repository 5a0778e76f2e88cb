#!/usr/bin/env node
// npm run test:conformance: the embedded model server against TensorFlow Serving's own Python client, from PyPI.
import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, ROOT, run, say } from './lib/commands.mjs';
import { runMain } from './lib/problem.mjs';
import { setUp } from './lib/set-up.mjs';
import { formatCounts, runVitest } from './lib/vitest.mjs';

const VENV = join(ROOT, '.cache', 'conformance-venv');
const PYTHON = join(VENV, 'bin', 'python');

/** PyPI answers within this, or conformance is skipped. */
const ANSWER_LIMIT_MS = 60_000;
/** TensorFlow is a download of some 250 MB, a gigabyte on disk. */
const INSTALL_LIMIT_MS = 8 * 60_000;

await runMain(async () => {
  await setUp({ steps: ['modules', 'build'] });
  const obstacle = await prepareVenv();
  if (obstacle !== null) {
    process.stdout.write(`conformance tests skipped: ${obstacle}\n`);
    return 0;
  }
  process.env['SIGHTLINE_CONFORMANCE_PYTHON'] = PYTHON;
  const { code, counts } = await runVitest(['--config', 'vitest.conformance.config.ts', ...process.argv.slice(2)]);
  process.stdout.write(`conformance: ${formatCounts(counts)}\n`);
  return code;
});

/** @returns {Promise<string | null>} why there is none, or `null` when it is ready */
async function prepareVenv() {
  if (existsSync(join(VENV, 'ready'))) return null;
  const python = await findPython();
  if (python === null) return 'TensorFlow needs a Python from 3.10 to 3.13 with its venv module (Debian: python3-venv)';
  const startedMs = Date.now();
  rmSync(VENV, { recursive: true, force: true });
  if ((await run(python, ['-m', 'venv', VENV])).code !== 0) {
    rmSync(VENV, { recursive: true, force: true });
    return `${python} -m venv does not work (Debian: python3-venv)`;
  }
  const pip = (/** @type {string[]} */ ...args) => [PYTHON, ['-m', 'pip', '--disable-pip-version-check', '--no-input', ...args]];
  const ask = await run(PYTHON, ['-m', 'pip', '--disable-pip-version-check', 'download', '--no-deps', '--quiet', '--retries', '0', '--timeout', '20', '--dest', join(VENV, 'wheels'), 'tensorflow-serving-api'], { timeoutMs: ANSWER_LIMIT_MS });
  if (ask.code !== 0) return `PyPI did not answer within ${String(ANSWER_LIMIT_MS / 1000)} s`;
  void pip;
  say('installing TensorFlow and tensorflow-serving-api from PyPI');
  // The API's own dependency is the `tensorflow` with CUDA's needs; the CPU build has the same modules in a third of the size.
  const install = await run(PYTHON, ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', 'tensorflow-cpu', 'grpcio'], { timeoutMs: INSTALL_LIMIT_MS });
  if (install.code !== 0) return `tensorflow-cpu could not be installed: ${lastLine(install.output)}`;
  const api = await run(PYTHON, ['-m', 'pip', '--disable-pip-version-check', 'install', '--quiet', '--no-deps', 'tensorflow-serving-api'], { timeoutMs: ANSWER_LIMIT_MS });
  if (api.code !== 0) return `tensorflow-serving-api could not be installed: ${lastLine(api.output)}`;
  const check = await run(PYTHON, ['-c', 'import tensorflow_serving.apis.prediction_service_pb2_grpc']);
  if (check.code !== 0) return `tensorflow-serving-api does not load: ${lastLine(check.output)}`;
  await run('touch', [join(VENV, 'ready')]);
  say(`ready after ${String(Math.round((Date.now() - startedMs) / 1000))} s`);
  return null;
}

/** @returns {Promise<string | null>} */
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
