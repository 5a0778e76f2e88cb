import { Option, type Command } from 'commander';
import { createLogger, LOG_LEVELS, type Logger, type LogLevel } from '../telemetry/logger.js';

export type LogFlags = { readonly logLevel: LogLevel; readonly logFormat?: 'json' | 'pretty' };

/** Adds `--log-level` and `--log-format`, which every command has. */
export function addLogOptions(command: Command, defaultLevel: LogLevel = 'info'): Command {
  return command
    .addOption(new Option('--log-level <level>', 'how much is logged, to standard error').choices(LOG_LEVELS).default(defaultLevel))
    .addOption(new Option('--log-format <format>', 'how log lines look (default: pretty on a terminal, else json)').choices(['json', 'pretty']));
}

export function loggerOf(flags: LogFlags): Logger {
  return createLogger({ level: flags.logLevel, format: flags.logFormat ?? (process.stderr.isTTY ? 'pretty' : 'json') });
}
