import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, run, say } from './commands.mjs';
import { nodeHeadersPrefix } from './node-modules.mjs';

const PACKAGE = '@tensorflow/tfjs-node';
const VERSION = '4.22.0';
const NPM_LIMIT_MS = 2 * 60_000;
const COMPILER_LIMIT_MS = 3 * 60_000;

/** Where TensorFlow's wheel keeps its libraries and headers; asked for without loading them. */
const WHERE_IS_TENSORFLOW = "import importlib.util; print(importlib.util.find_spec('tensorflow').submodule_search_locations[0])";

/** Ends with one line when the package cannot be loaded. */
const LOAD = 'try { require(process.argv[1]); } catch (error) { console.log("error: " + String(error?.message ?? error)); process.exitCode = 1; }';

/**
 * Makes a @tensorflow/tfjs-node that runs, in a folder of its own. What it downloads when it is installed, its binding and libtensorflow
 * 2.9, is not on npm; but its sources are, and TensorFlow's wheel has the library and the headers: the binding is compiled against those.
 *
 * @param {{ python: string, folder: string, headers?: string | null }} options `python`: one that has TensorFlow; `folder`: goes when that Python goes; `headers`: the folder above `include/node`
 * @returns {Promise<{ readonly module: string } | { readonly obstacle: string }>} path of the package, or why there is none
 */
export async function prepareTfjsNode({ python, folder, headers = nodeHeadersPrefix() }) {
  const module = join(folder, 'node_modules', PACKAGE);
  const ready = join(folder, 'ready');
  if (existsSync(ready)) return { module };
  if (process.platform !== 'linux') return { obstacle: 'its binding is compiled for these tests on Linux only' };
  if (headers === null) return { obstacle: "Node's headers are needed to compile its binding (Debian: libnode-dev)" };
  if (findProgram('g++') === null) return { obstacle: 'g++ is needed to compile its binding (Debian: g++)' };
  const startedMs = Date.now();
  const tensorflow = (await run(python, ['-c', WHERE_IS_TENSORFLOW])).output.trim();
  if (!existsSync(join(tensorflow, 'libtensorflow_cc.so.2'))) return { obstacle: `TensorFlow's wheel has no libtensorflow_cc.so.2 in ${tensorflow}` };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  say(`installing ${PACKAGE}, to be compiled against the TensorFlow from PyPI`);
  const installed = await run('npm', ['install', '--ignore-scripts', '--no-save', '--no-audit', '--no-fund', `${PACKAGE}@${VERSION}`], { cwd: folder, timeoutMs: NPM_LIMIT_MS });
  if (installed.code !== 0) return { obstacle: `${PACKAGE} could not be installed: ${firstError(installed.output)}` };
  const compiled = await compileBinding({ module, headers, tensorflow });
  if (compiled.code !== 0) return { obstacle: `its binding does not compile: ${firstError(compiled.output)}` };
  const loaded = await run(process.execPath, ['-e', LOAD, module]);
  if (loaded.code !== 0) return { obstacle: `it does not load: ${firstError(loaded.output)}` };
  writeFileSync(ready, '');
  say(`${PACKAGE} ready after ${String(Math.round((Date.now() - startedMs) / 1000))} s`);
  return { module };
}

/**
 * As the package's binding.gyp does, with the library under the name that the wheel gives it.
 * @param {{ module: string, headers: string, tensorflow: string }} paths
 */
function compileBinding({ module, headers, tensorflow }) {
  const sources = ['tfjs_backend.cc', 'tfjs_binding.cc'].map((name) => join(module, 'binding', name));
  // The package looks for the binding of the highest Node-API version that it knows.
  const output = join(module, 'lib/napi-v8');
  mkdirSync(output, { recursive: true });
  return run(
    'g++',
    [
      ...['-std=c++17', '-O1', '-fPIC', '-shared', '-DNAPI_VERSION=8'],
      ...['-I', join(headers, 'include/node'), '-I', join(tensorflow, 'include')],
      ...sources,
      ...['-o', join(output, 'tfjs_binding.node')],
      ...['-L', tensorflow, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2', `-Wl,-rpath,${tensorflow}`],
    ],
    { timeoutMs: COMPILER_LIMIT_MS },
  );
}

/**
 * Of what npm or a compiler printed, whose last lines say nothing.
 * @param {string} text
 */
function firstError(text) {
  const lines = text.trim().split('\n');
  return lines.find((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? '';
}
