import { isDeepStrictEqual } from 'node:util';
import type { ServiceConfig } from './config/service-config.js';
import { ConfigError } from './core/errors.js';
import type { ServiceStreams } from './service-streams.js';
import type { Logger } from './telemetry/logger.js';
import type { ReloadResult } from './viewers/stream-directory.js';
import type { ViewerServer } from './viewers/viewer-server.js';

export type ServiceReloadOptions = {
  /** What the service was started with. */
  readonly config: ServiceConfig;
  /** Reads the configuration anew. @throws {ConfigError} */
  readonly load: () => Promise<ServiceConfig>;
  readonly streams: ServiceStreams;
  /** Not there before the service listens. */
  readonly viewers: () => Pick<ViewerServer, 'setTls' | 'setTokens'> | null;
  readonly log: Logger;
};

/** Settings that are taken up while the service runs; all others wait for its next start. */
const TAKEN_UP = ['server.tokens', 'server.tls', 'sources.roots', 'sources.networks', 'sources.maxSidePx', 'sources.maxMegapixels'];

/** Takes up a changed configuration while the service runs: all of it or, where anything is wrong with it, nothing. */
export class ServiceReload {
  readonly #options: ServiceReloadOptions;
  #serverTls: ServiceConfig['server']['tls'];

  constructor(options: ServiceReloadOptions) {
    this.#options = options;
    this.#serverTls = options.config.server.tls;
  }

  /** Reads the configuration and brings the service to it, between two changes of its streams.
   * @throws {ConfigError} what is wrong with it; all stays as it was
   * @throws {ClosedError} the service is closing */
  async reload(): Promise<ReloadResult> {
    const { streams, log } = this.#options;
    try {
      const result = await streams.exclusively(() => this.#reload());
      log.info(result, 'configuration reloaded');
      return result;
    } catch (error) {
      if (error instanceof ConfigError) log.error({ problems: error.issues }, 'the configuration was not reloaded: the service goes on with the old one');
      throw error;
    }
  }

  async #reload(): Promise<ReloadResult> {
    const { config: started, load, streams, viewers } = this.#options;
    const next = await load();
    const server = viewers();
    // What can fail goes first. Where it was on or off, it stays so until the next start; the files are read also when their names are the same: they may be renewed.
    if (next.server.tls !== null && started.server.tls !== null) await server?.setTls(next.server.tls);
    try {
      // What the service listens on decides, not what it is to listen on after its next start.
      server?.setTokens(next.server.tokens);
    } catch (error) {
      if (this.#serverTls !== null) await server?.setTls(this.#serverTls);
      if (error instanceof RangeError) throw new ConfigError([{ file: null, path: 'server.tokens', message: error.message }]);
      throw error;
    }
    this.#serverTls = next.server.tls ?? this.#serverTls;
    return { ...(await streams.apply(next)), restartNeeded: restartNeeded(started, next) };
  }
}

/** Paths of the settings that differ from those the service was started with and are not taken up while it runs. */
function restartNeeded(started: ServiceConfig, next: ServiceConfig): string[] {
  const isTlsSwitched = (started.server.tls === null) !== (next.server.tls === null);
  const sections = ['server', 'backend', 'model', 'batching', 'sources', 'log'] as const;
  const paths = sections.flatMap((section) => differences(section, started[section], next[section])).filter((path) => !TAKEN_UP.includes(path));
  for (const key of ['labelsFile', 'streamsFolder'] as const) if (started[key] !== next[key]) paths.push(key === 'labelsFile' ? 'labels' : 'streams');
  return isTlsSwitched ? [...paths, 'server.tls'] : paths;
}

function differences(section: string, before: object, after: object): string[] {
  const [old, now] = [new Map<string, unknown>(Object.entries(before)), new Map<string, unknown>(Object.entries(after))];
  return [...new Set([...old.keys(), ...now.keys()])].filter((key) => !isDeepStrictEqual(old.get(key), now.get(key))).map((key) => `${section}.${key}`);
}
