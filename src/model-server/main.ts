import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cacheDir } from '../config/cache-dir.js';
import { ConfigError, formatConfigIssue, SightlineError } from '../core/errors.js';
import { LOG_LEVELS, createLogger } from '../telemetry/logger.js';
import type { ParentMessage } from './parent-channel.js';
import { runModelServer } from './run-model-server.js';

export { runModelServer };

/** How long a message to the parent may take before the process ends anyway, ms. */
const SEND_LIMIT_MS = 1_000;

if (isEntry()) process.exit(await main());

/** Entry of the model server's own process.
 *
 * Started by Sightline it has a channel to its parent: it tells on it when it serves, leaves SIGINT (which a terminal sends to all processes) to the parent,
 * and ends with it. Exit codes: 0 told to stop, 1 failed, 2 wrong flags or model. */
async function main(): Promise<number> {
  const hasParent = process.send !== undefined;
  const stop = new AbortController();
  const onStop = (): void => {
    stop.abort();
  };
  process.on('SIGTERM', onStop);
  process.on('SIGINT', hasParent ? () => undefined : onStop);
  if (hasParent) process.on('disconnect', () => process.exit(0));
  const { 'log-level': level, 'log-format': format, ...flags } = readFlags();
  const log = createLogger({ level: LOG_LEVELS.find((known) => known === level) ?? 'info', format: format === 'json' ? 'json' : 'pretty' });
  try {
    await runModelServer(flags, log, {
      cacheDir: cacheDir(),
      signal: stop.signal,
      onReady: (server) => {
        void tellParent({ type: 'ready', port: server.port });
      },
    });
    return 0;
  } catch (error) {
    const isExpected = error instanceof SightlineError;
    log.error(isExpected ? {} : { err: error }, `Failed to start server. Error: ${error instanceof Error ? error.message : String(error)}`);
    if (!(error instanceof ConfigError)) return 1;
    await tellParent({ type: 'failed', problems: error.issues.map((issue) => (issue.file === null ? issue.message : formatConfigIssue(issue))) });
    return 2;
  }
}

type Flags = { port?: string; host?: string; model_name?: string; model_base_path?: string; engine?: string; engine_workers?: string; engine_memory_mb?: string; 'log-level'?: string; 'log-format'?: string };

function readFlags(): Flags {
  try {
    const text = { type: 'string' } as const;
    const options = { port: text, host: text, model_name: text, model_base_path: text, engine: text, engine_workers: text, engine_memory_mb: text, 'log-level': text, 'log-format': text };
    return parseArgs({ options, strict: true }).values;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  }
}

async function tellParent(message: ParentMessage): Promise<void> {
  if (process.send === undefined) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, SEND_LIMIT_MS);
    process.send?.(message, undefined, undefined, () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

function isEntry(): boolean {
  const started = process.argv[1];
  return started !== undefined && realpathSync(started) === realpathSync(fileURLToPath(import.meta.url));
}
