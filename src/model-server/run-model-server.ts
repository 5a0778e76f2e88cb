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
  /** Engine processes: 1–64, or `auto` for what suits engine and machine, the default. */
  readonly engine_workers?: string;
  /** Resident memory of an engine process at which it is replaced, MB; default: by the size of its model. */
  readonly engine_memory_mb?: string;
};

export type RunModelServerOptions = {
  /** Where the default model's servable is kept between runs; `null`: nowhere, its graph is used as it is. */
  readonly cacheDir: string | null;
  /** Ends the server; default: SIGINT or SIGTERM. */
  readonly signal?: AbortSignal;
  readonly onReady?: (server: ModelServer) => void;
};

const DEFAULT_PORT = 8500;
const MAX_WORKERS = 64;
const MAX_MEMORY_MB = 1_048_576;
const STOP_SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Runs a model server until it is told to stop, and closes it.
 * @throws {ConfigError} naming the flag that cannot be used
 * @throws {PortInUseError} */
export async function runModelServer(flags: ModelServerFlags, log: Logger, options: RunModelServerOptions): Promise<void> {
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
      cacheDir: options.cacheDir,
      engine: parseEngine(flags.engine ?? 'auto'),
      workers: flags.engine_workers === undefined || flags.engine_workers === 'auto' ? 'auto' : parseCount('--engine_workers', flags.engine_workers, MAX_WORKERS, ' or auto'),
      memoryMb: flags.engine_memory_mb === undefined ? null : parseCount('--engine_memory_mb', flags.engine_memory_mb, MAX_MEMORY_MB, ''),
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

function parseCount(flag: string, text: string, max: number, others: string): number {
  const count = /^[0-9]{1,7}$/.test(text) ? Number(text) : 0;
  if (count < 1 || count > max) throw new ConfigError([{ file: null, path: flag, message: `expected 1 to ${String(max)}${others}, got ${JSON.stringify(text)}` }]);
  return count;
}

function parseEngine(text: string): EngineChoice {
  const choices: readonly EngineChoice[] = ['auto', ...ENGINE_NAMES];
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw new ConfigError([{ file: null, path: '--engine', message: `expected ${choices.join(', ')}, got ${JSON.stringify(text)}` }]);
  return found;
}
