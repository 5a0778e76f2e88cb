import { Writable } from 'node:stream';
import { pino, type Logger as PinoLogger } from 'pino';
import pretty from 'pino-pretty';
import { redactText } from '../core/redact.js';

/** Structured logger; passed in, never a global. */
export type Logger = PinoLogger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type LoggerOptions = {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** Where lines go; default: standard error, so that standard output carries data only. */
  readonly destination?: NodeJS.WritableStream;
  /** Takes secrets out of a line, see {@link SecretRegistry}; default: what URLs show of them. */
  readonly redact?: (text: string) => string;
};

/** Makes the service's root logger. Lines are written synchronously, so that the last ones survive a crash. */
export function createLogger(options: LoggerOptions): Logger {
  const { redact = redactText } = options;
  const output = options.destination ?? process.stderr;
  const base = { level: options.level, base: null };
  if (options.format === 'json') return pino({ ...base, timestamp: pino.stdTimeFunctions.isoTime }, { write: (line: string) => { output.write(redactJsonLine(line, redact)); } });
  const colorize = 'isTTY' in output && output.isTTY === true;
  const destination = new Writable({
    decodeStrings: false,
    write: (text: string, _encoding, done) => {
      output.write(redact(text));
      done();
    },
  });
  return pino(base, pretty({ destination, sync: true, colorize, ignore: 'pid,hostname', translateTime: 'HH:MM:ss.l', singleLine: true }));
}

/** Takes secrets out of a line of JSON and leaves it one: where there is something to take out, it is taken out of the texts inside. */
function redactJsonLine(line: string, redact: (text: string) => string): string {
  if (redact(line) === line) return line;
  try {
    return `${JSON.stringify(redactDeep(JSON.parse(line), redact))}\n`;
  } catch {
    return redact(line); // no JSON, or nested beyond the stack: rather unreadable than open
  }
}

function redactDeep(value: unknown, redact: (text: string) => string): unknown {
  if (typeof value === 'string') return redact(value);
  if (Array.isArray(value)) return value.map((each) => redactDeep(each, redact));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [redact(key), redactDeep(each, redact)]));
}
