import { once } from 'node:events';
import { ConfigError } from '../core/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { ENGINE_NAMES, type EngineChoice } from './engines/engine.js';
import { startModelServer, type ModelServer } from './model-server.js';

/** Flags, named as tensorflow_model_server names its own, as the command line gives them. */
export type ModelServerFlags = {
  /** 1–65535, or `auto` for any free port; default 8500. */
  readonly port?: string;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default `default`. */
  readonly model_name?: string;
  /** Default: the built-in model. */
  readonly model_base_path?: string;
  readonly engine?: string;
};

export type RunModelServerOptions = {
  /** Ends the server; default: SIGINT or SIGTERM. */
  readonly signal?: AbortSignal;
  readonly onReady?: (server: ModelServer) => void;
};

const DEFAULT_PORT = 8500;
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs a model server until it is told to stop, and closes it.
 * @throws {ConfigError} naming the flag that cannot be used
 * @throws {PortInUseError} */
export async function runModelServer(flags: ModelServerFlags, log: Logger, options: RunModelServerOptions = {}): Promise<void> {
  const stop = new AbortController();
  const abort = (): void => {
    stop.abort();
  };
  const signal = options.signal ?? stop.signal;
  if (options.signal === undefined) for (const name of STOP_SIGNALS) process.once(name, abort);
  try {
    const server = await startModelServer({
      port: parsePort(flags.port ?? String(DEFAULT_PORT)),
      modelBasePath: flags.model_base_path ?? null,
      engine: parseEngine(flags.engine ?? 'auto'),
      ...(flags.host === undefined ? {} : { host: flags.host }),
      ...(flags.model_name === undefined ? {} : { modelName: flags.model_name }),
      log,
    });
    options.onReady?.(server);
    if (!signal.aborted) await once(signal, 'abort');
    await server.close();
  } finally {
    for (const name of STOP_SIGNALS) process.off(name, abort);
  }
}

function parsePort(text: string): number | 'auto' {
  if (text === 'auto') return 'auto';
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new ConfigError([{ file: null, path: '--port', message: `expected 1 to 65535 or auto, got ${JSON.stringify(text)}` }]);
  return port;
}

function parseEngine(text: string): EngineChoice {
  const choices: readonly EngineChoice[] = ['auto', ...ENGINE_NAMES];
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new ConfigError([{ file: null, path: '--engine', message: `expected ${choices.join(', ')}, got ${JSON.stringify(text)}` }]);
  return found;
}
