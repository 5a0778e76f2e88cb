/** Names the tests that failed once and passed when tried again, so that the second try hides nothing. A vitest reporter. */
export default class SecondTries {
  /** @param {readonly import('vitest/node').TestModule[]} modules */
  onTestRunEnd(modules) {
    for (const module of modules) {
      for (const test of module.children.allTests('passed')) {
        if (test.diagnostic()?.flaky === true) process.stdout.write(`passed at its second try only: ${module.relativeModuleId} > ${test.fullName}\n`);
      }
    }
  }
}
