import { Command } from 'commander';
import { cacheDir } from '../config/cache-dir.js';
import { loadConfig } from '../config/load-config.js';
import { ConfigError } from '../core/errors.js';
import { SecretRegistry } from '../core/secrets.js';
import { startService, type Service } from '../service.js';
import type { Logger } from '../telemetry/logger.js';
import { endOnUnexpectedError } from './fatal.js';
import { addLogOptions, loggerOf, type LogFlags } from './log-options.js';
import { addModelOptions, type ModelFlags } from './model-options.js';
import { onShutdown } from './shutdown.js';

/** The flags that choose configuration, backend and model, as given. */
export type ServiceFlags = ModelFlags & {
  readonly config?: string;
  readonly streams?: string;
  readonly host?: string;
  readonly port?: string;
};

/** Adds the flags that choose configuration, backend and model; `check` has them too. */
export function addServiceOptions(command: Command): Command {
  return addModelOptions(
    command
      .option('--config <file>', 'configuration (default: sightline.yaml where there is one)')
      .option('--streams <folder>', 'stream definitions, one YAML file a stream (default: streams/, or the demo where there is none)')
      .option('--host <address>', 'address to listen on (default: 127.0.0.1)')
      .option('--port <number>', 'port to listen on (default: 8080; 0: any free one)'),
  );
}

/** `sightline serve`: the service, until SIGINT or SIGTERM. */
export function serveCommand(): Command {
  return addLogOptions(addServiceOptions(new Command('serve').description('watch the streams and show them in a browser page'))).action(async (flags: ServiceFlags & LogFlags) => {
    const shutdown = onShutdown();
    try {
      const config = await loadConfig({ flags });
      const secrets = new SecretRegistry();
      const log = loggerOf(config.log, secrets.redact);
      endOnUnexpectedError(log);
      const service = await startService({ config, cacheDir: cacheDir(), log, secrets, loadConfig: () => loadConfig({ flags }) });
      const stopReloading = reloadOnHangUp(service, log);
      try {
        process.stdout.write(`Sightline shows ${streamCount(config.streams.length)} at ${service.url}\n`);
        await Promise.race([shutdown.requested, service.failed]);
        log.info('closing');
      } finally {
        stopReloading();
        await service.close();
      }
    } finally {
      shutdown.dispose();
    }
  });
}

/** Reads the configuration anew on SIGHUP. @returns the way to stop that */
function reloadOnHangUp(service: Service, log: Logger): () => void {
  const listener = (): void => {
    service.reload().catch((error: unknown) => {
      // What is wrong with the configuration stands in the log already.
      if (!(error instanceof ConfigError)) log.error({ err: error }, 'the configuration was not reloaded');
    });
  };
  process.on('SIGHUP', listener);
  return () => { process.off('SIGHUP', listener); };
}

function streamCount(count: number): string {
  return count === 1 ? '1 stream' : `${String(count)} streams`;
}
