/** Something that the person at the keyboard can do something about: shown as one line, without a stack trace. */
export class Problem extends Error {}

/**
 * Runs a script's main function; a {@link Problem} becomes one line on standard error and exit code 1.
 * @param {() => Promise<number | void>} main gives the exit code; nothing means: leave it to what goes on running
 */
export async function runMain(main) {
  try {
    const code = await main();
    if (typeof code === 'number') process.exitCode = code;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    process.stderr.write(`sightline: ${error.message}\n`);
    process.exitCode = 1;
  }
}

/**
 * Refuses a Node that is too old with a sentence; later steps would fail with riddles.
 * @param {string} version as in `process.versions.node`
 */
export function requireNode(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Problem(`needs Node 20.19 or newer, this is ${version}: install a newer one (https://nodejs.org, or your version manager) and run the command again`);
}
