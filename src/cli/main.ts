import { Command, CommanderError } from 'commander';
import { packageVersion } from '../core/package-paths.js';
import { redactText } from '../core/redact.js';
import { checkCommand } from './check.js';
import { detectCommand } from './detect.js';
import { describeError, EXIT_OK, EXIT_USAGE, exitCodeOf } from './exit-code.js';
import { modelCommand } from './model.js';
import { modelServerCommand } from './model-server.js';
import { serveCommand } from './serve.js';
import { tokenCommand } from './token.js';

/** Runs the `sightline` command line.
 * @param argv as `process.argv`: the program's own two first
 * @returns the exit code */
export async function main(argv: readonly string[]): Promise<number> {
  // A reader that has seen enough (`| head -1`) is no reason to crash; who needs to know looks at its own writes.
  process.stdout.on('error', () => undefined);
  // Nor is a full disk, or a collector of logs that is gone: what cannot be told is lost, the work goes on.
  process.stderr.on('error', () => undefined);
  let exitCode = EXIT_OK;
  const report = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('sightline')
    .description('Watches video streams with an object detector and shows the boxes on the very frames they came from.')
    .version(packageVersion())
    .configureHelp({ sortSubcommands: false })
    // `model export --version 3` is about a model.
    .enablePositionalOptions()
    .showHelpAfterError('(sightline --help tells how to use it)');
  for (const command of [serveCommand(), detectCommand(), checkCommand(report), modelCommand(), tokenCommand(), modelServerCommand()]) program.addCommand(inheritSettings(command, program));
  try {
    await program.exitOverride().parseAsync(argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
    process.stderr.write(`${redactText(describeError(error))}\n`);
    return exitCodeOf(error);
  }
}

/** For the command and those below it. */
function inheritSettings(command: Command, program: Command): Command {
  for (const part of command.commands) inheritSettings(part, program);
  return command.copyInheritedSettings(program).exitOverride();
}
