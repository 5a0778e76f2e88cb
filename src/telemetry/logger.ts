import { pino, type Logger as PinoLogger } from 'pino';
import pretty from 'pino-pretty';

/** Structured logger; passed in, never a global. */
export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LoggerOptions = {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** Where lines go; default: standard error, so that standard output carries data only. */
  readonly destination?: NodeJS.WritableStream;
};

/** Makes the service's root logger. Lines are written synchronously, so that the last ones survive a crash. */
export function createLogger(options: LoggerOptions): Logger {
  const destination = options.destination ?? process.stderr;
  const base = { level: options.level, base: null };
  if (options.format === 'json') return pino({ ...base, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return pino(base, pretty({ destination, sync: true, colorize: 'isTTY' in destination && destination.isTTY === true, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l', singleLine: true }));
}
