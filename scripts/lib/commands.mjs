import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Problem } from './problem.mjs';

/** The checkout that the scripts belong to. */
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Everything that the last command printed; named when it failed. */
const LOG_FILE = join(ROOT, '.cache', 'setup.log');

/**
 * Where a program lies, or `null`.
 * @param {string} name
 * @returns {string | null}
 */
export function findProgram(name) {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    if (folder === '') continue;
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return null;
}

/**
 * Runs a program to its end. SIGINT and SIGTERM are passed on to it, and end this process once it is gone: nothing stays behind.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, show?: boolean, timeoutMs?: number }} [options] `show`: its output goes to the terminal instead of being collected
 * @returns {Promise<{ code: number, output: string }>} code 127 when the program is not there, 124 when it took too long
 */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    /** @type {import('node:child_process').ChildProcess | undefined} */
    let child;
    /** @type {NodeJS.Signals | null} */
    let ending = null;
    const pass = (/** @type {NodeJS.Signals} */ signal) => {
      ending = signal;
      child?.kill(signal);
    };
    // Before there is a child: a signal that came in between would end this process alone.
    process.on('SIGINT', pass);
    process.on('SIGTERM', pass);
    child = spawn(program, args, {
      cwd: options.cwd ?? ROOT,
      env: options.env ?? process.env,
      stdio: options.show === true ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    let timedOut = false;
    const collect = (/** @type {Buffer} */ chunk) => {
      output += chunk.toString();
    };
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => {
      timedOut = true;
      child?.kill('SIGKILL');
    }, options.timeoutMs);
    const done = () => {
      clearTimeout(timer);
      process.off('SIGINT', pass);
      process.off('SIGTERM', pass);
      if (ending !== null) process.exit(128 + osConstants.signals[ending]);
    };
    child.on('error', (error) => {
      done();
      if (isMissing(error)) resolve({ code: 127, output: `${program}: not found` });
      else reject(error);
    });
    child.on('close', (code, signal) => {
      done();
      resolve({ code: timedOut ? 124 : (code ?? 128 + (signal === null ? 0 : osConstants.signals[signal])), output });
    });
  });
}

/**
 * As {@link run}, but a failure is a {@link Problem} that names the command, after the end of what it printed.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {{ env?: NodeJS.ProcessEnv, cwd?: string, show?: boolean, advice?: string }} [options] `advice`: what to do about a failure
 * @returns {Promise<string>} what it printed
 */
export async function mustRun(program, args, options = {}) {
  const { code, output } = await run(program, args, options);
  if (code !== 0) {
    mkdirSync(dirname(LOG_FILE), { recursive: true });
    writeFileSync(LOG_FILE, output);
    process.stderr.write(tail(output, 25));
    const command = [program, ...args].join(' ');
    throw new Problem(`\`${command}\` failed with ${String(code)}${options.advice === undefined ? '' : `: ${options.advice}`}${options.show === true ? '' : ' (all of its output: .cache/setup.log)'}`);
  }
  return output;
}

/**
 * One short line for a step that really does something; on standard error, so that standard output carries data only.
 * @param {string} line
 */
export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * @param {string} text
 * @param {number} count of lines
 */
function tail(text, count) {
  const lines = text.trimEnd().split('\n').slice(-count);
  return lines.map((line) => `  ${line}\n`).join('');
}

/** @param {unknown} error */
function isMissing(error) {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ENOENT' || code === 'EACCES' || code === 'ENOTDIR';
}
