import { Option, type Command } from 'commander';
import { redactText } from '../core/redact.js';
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from '../telemetry/logger.js';

export type LogFlags = { readonly logLevel?: LogLevel; readonly logFormat?: 'json' | 'pretty' };
export type LogSettings = { readonly level: LogLevel; readonly format: 'json' | 'pretty' | null };

/** Adds `--log-level` and `--log-format`, which every command has. */
export function addLogOptions(command: Command): Command {
  return command
    .addOption(new Option('--log-level <level>', 'how much is logged, to standard error').choices(LOG_LEVELS))
    .addOption(new Option('--log-format <format>', 'how log lines look (default: pretty on a terminal, else json)').choices(['json', 'pretty']));
}

/** Makes a command's logger. A format of `null` is chosen by whether somebody watches standard error.
 * @param redact takes secrets out of its lines; default: what URLs show of them */
export function loggerOf({ level, format }: LogSettings, redact: (text: string) => string = redactText): Logger {
  return createLogger({ level, format: format ?? (process.stderr.isTTY ? 'pretty' : 'json'), redact });
}

/** The settings of a command that says little unless asked. */
export function quietUnlessAsked(flags: LogFlags, level: LogLevel): LogSettings {
  return { level: flags.logLevel ?? level, format: flags.logFormat ?? null };
}
