import { Writable } from 'node:stream';
import { createLogger, type Logger } from '../../src/telemetry/logger.js';

/** A line of a log; `level` as pino numbers them: info is 30, warn 40. */
export type LogLine = { readonly level: number; readonly msg: string };

/** A logger that keeps what it wrote. */
export function recordingLog(): { readonly log: Logger; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(JSON.parse(chunk.toString()) as LogLine);
      done();
    },
  });
  return { log: createLogger({ level: 'debug', format: 'json', destination }), lines };
}
