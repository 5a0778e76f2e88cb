import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run } from './commands.mjs';

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */
/** @typedef {{ numPassedTests: number, numFailedTests: number, numPendingTests: number, numTodoTests: number, testResults: { status: string, assertionResults: unknown[] }[] }} JsonReport */

/**
 * Runs vitest once over the checkout, with its own output on the terminal.
 * @param {readonly string[]} args as for `vitest run`
 * @returns {Promise<{ code: number, counts: Counts }>} code 0 only if at least one test ran and none failed
 */
export async function runVitest(args) {
  const reportFile = join(ROOT, '.cache', `vitest-${String(process.pid)}.json`);
  mkdirSync(join(ROOT, '.cache'), { recursive: true });
  try {
    const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs');
    const { code } = await run(process.execPath, [vitest, 'run', '--reporter=default', '--reporter=json', `--reporter=${join(ROOT, 'scripts/lib/second-tries.mjs')}`, `--outputFile.json=${reportFile}`, ...args], {
      env: testEnvironment(),
      show: true,
    });
    const report = existsSync(reportFile) ? /** @type {JsonReport} */ (JSON.parse(readFileSync(reportFile, 'utf8'))) : null;
    return judge(code, report);
  } finally {
    rmSync(reportFile, { force: true });
  }
}

/**
 * @param {number} code that vitest exited with
 * @param {JsonReport | null} report `null` when vitest did not get as far as writing one
 * @returns {{ code: number, counts: Counts }}
 */
export function judge(code, report) {
  const counts = report === null ? { passed: 0, failed: 0, skipped: 0 } : countTests(report);
  // Something outside any test went wrong (an unhandled rejection, a broken configuration): it must not read as "0 failed".
  if (code !== 0 && counts.failed === 0) counts.failed = 1;
  const ranSomething = counts.passed + counts.failed > 0;
  return { code: code === 0 && (counts.failed > 0 || !ranSomething) ? 1 : code, counts };
}

/**
 * @param {JsonReport} report
 * @returns {Counts}
 */
function countTests(report) {
  // A file that cannot be loaded has no tests to fail; it counts as one.
  const brokenFiles = report.testResults.filter(({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0).length;
  return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles, skipped: report.numPendingTests + report.numTodoTests };
}

/**
 * The closing line of a test run.
 * @param {Counts} counts
 */
export function formatCounts({ passed, failed, skipped }) {
  return `${String(passed)} passed, ${String(failed)} failed${skipped > 0 ? `, ${String(skipped)} skipped` : ''}`;
}

/** Tests find shared media beside the checkout unless told where it is. */
function testEnvironment() {
  const beside = join(ROOT, '..', 'shared');
  if (process.env['SIGHTLINE_SHARED'] !== undefined || !existsSync(join(beside, 'media'))) return process.env;
  return { ...process.env, SIGHTLINE_SHARED: beside };
}
