import { describe, expect, test } from 'vitest';
import { formatCounts, judge } from '../../scripts/lib/vitest.mjs';

describe('the verdict on a test run', () => {
  const report = (changes: Partial<Parameters<typeof judge>[1] & object>): NonNullable<Parameters<typeof judge>[1]> => ({
    numPassedTests: 0,
    numFailedTests: 0,
    numPendingTests: 0,
    numTodoTests: 0,
    testResults: [],
    ...changes,
  });

  test.each([
    { title: 'no report at all', exit: 1, report: null, code: 1, line: '0 passed, 1 failed' },
    { title: 'no report, and vitest content', exit: 0, report: null, code: 1, line: '0 passed, 0 failed' },
    { title: 'no test ran', exit: 0, report: report({}), code: 1, line: '0 passed, 0 failed' },
    { title: 'only skipped tests', exit: 0, report: report({ numPendingTests: 3 }), code: 1, line: '0 passed, 0 failed, 3 skipped' },
    { title: 'all passed', exit: 0, report: report({ numPassedTests: 2 }), code: 0, line: '2 passed, 0 failed' },
    { title: 'some skipped', exit: 0, report: report({ numPassedTests: 2, numPendingTests: 1, numTodoTests: 1 }), code: 0, line: '2 passed, 0 failed, 2 skipped' },
    { title: 'one failed', exit: 1, report: report({ numPassedTests: 2, numFailedTests: 1 }), code: 1, line: '2 passed, 1 failed' },
    { title: 'a file that does not load', exit: 1, report: report({ numPassedTests: 2, testResults: [{ status: 'failed', assertionResults: [] }] }), code: 1, line: '2 passed, 1 failed' },
    { title: 'an unhandled rejection beside passing tests', exit: 1, report: report({ numPassedTests: 2 }), code: 1, line: '2 passed, 1 failed' },
    { title: 'a failure that vitest does not admit', exit: 0, report: report({ numFailedTests: 1 }), code: 1, line: '0 passed, 1 failed' },
  ])('$title: exit code $code, "$line"', ({ exit, report: written, code, line }) => {
    const verdict = judge(exit, written);
    expect({ code: verdict.code, line: formatCounts(verdict.counts) }).toEqual({ code, line });
  });
});
