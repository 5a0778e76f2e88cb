import { ConfigError } from '../../core/errors.js';
import { GrpcStatusError } from '../../serving/grpc-server.js';
import { GrpcStatus } from '../../serving/grpc-status.js';

/** Longest part of a library's message that is passed on; some print whole graphs. */
const MAX_REASON_LENGTH = 300;

/** Makes the error of a servable that cannot be used.
 * @param path of the servable @param what follows it: `does not load: …` */
export function servableProblem(path: string, what: string): ConfigError {
  return new ConfigError([{ file: null, path: '--model_base_path', message: `${path} ${what}` }]);
}

/** Makes the status of a call that failed inside an engine; a status passes as it is. */
export function runProblem(engine: string, error: unknown, code: number = GrpcStatus.INTERNAL): GrpcStatusError {
  return error instanceof GrpcStatusError ? error : new GrpcStatusError(code, `${engine} failed: ${oneLine(error)}`);
}

/** What an error says, on one line and not too long. */
export function oneLine(error: unknown): string {
  const text = (error instanceof Error ? error.message : String(error)).trim().split(/[\r\n]+/, 1)[0] ?? '';
  return text.length > MAX_REASON_LENGTH ? `${text.slice(0, MAX_REASON_LENGTH)}…` : text;
}
