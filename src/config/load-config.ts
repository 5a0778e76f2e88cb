import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';

import { ConfigError, type ConfigIssue } from '../core/errors.js';
import { PACKAGE_ROOT } from '../core/package-paths.js';
import { environmentLayer } from './environment-layer.js';
import { flagsLayer, type ServeFlags } from './flags-layer.js';
import { mergeLayers } from './merge-layers.js';
import type { ServiceConfig, StreamConfig } from './service-config.js';
import { checkLayer, type SettingsLayer } from './settings-layer.js';
import { readStreamFiles, readStreamsFolder, type DisplayPath } from './stream-files.js';
import { formatPath } from './validate.js';
import { readYamlFile } from './yaml-file.js';

export type LoadConfigOptions = {
  readonly flags?: ServeFlags;
  /** Default: the environment of this process. */
  readonly env?: NodeJS.ProcessEnv;
  /** Folder that flags and variables are relative to, absolute. Default: this process's. */
  readonly cwd?: string;
};

const DEFAULT_CONFIG_FILE = 'sightline.yaml';
const DEFAULT_STREAMS_FOLDER = 'streams';

/** Reads the service's configuration: flags over environment over `sightline.yaml`, and every stream file.
 * @returns complete, checked and frozen; without a streams folder the demo is the only stream
 * @throws {ConfigError} with every problem of every file, variable and flag
 */
export async function loadConfig(options: LoadConfigOptions = {}): Promise<ServiceConfig> {
  const { flags = {}, env = process.env, cwd = process.cwd() } = options;
  const settings = await loadSettings({ flags, env, cwd });
  const streamsFolder = streamsFolderOf(flags, env, cwd);
  const { streams, issues } = await loadStreams(streamsFolder, env, cwd);
  return finish({ ...settings.config, streamsFolder: streamsFolder.path, streams }, [...settings.issues, ...issues]);
}

/** Reads the configuration for `sightline detect`: as {@link loadConfig}, but no streams.
 * @throws {ConfigError} as there
 */
export async function loadDetectConfig(flags: Pick<ServeFlags, 'backend' | 'model' | 'modelDir' | 'engine' | 'labels'> = {}, options: Omit<LoadConfigOptions, 'flags'> = {}): Promise<ServiceConfig> {
  const { env = process.env, cwd = process.cwd() } = options;
  const { config, issues } = await loadSettings({ flags, env, cwd });
  return finish({ ...config, streamsFolder: streamsFolderOf({}, env, cwd).path, streams: [] }, issues);
}

function finish(config: ServiceConfig, issues: readonly ConfigIssue[]): ServiceConfig {
  if (issues.length > 0) throw new ConfigError(issues);
  return deepFreeze(config);
}

async function loadSettings(options: Required<LoadConfigOptions>): Promise<ReturnType<typeof mergeLayers>> {
  const { flags, env, cwd } = options;
  const layers = [await fileLayer(options), environmentLayer(env, cwd), flagsLayer(flags, cwd)].filter((layer) => layer !== null);
  const { config, issues } = mergeLayers(layers);
  return { config, issues: [...layers.flatMap((layer) => layer.issues), ...issues] };
}

/** @returns `null` where no file was named and there is no default one */
async function fileLayer({ flags, env, cwd }: Required<LoadConfigOptions>): Promise<SettingsLayer | null> {
  const named = flags.config ?? nonEmpty(env['SIGHTLINE_CONFIG']);
  const file = resolve(cwd, named ?? DEFAULT_CONFIG_FILE);
  if (named === undefined && !existsSync(file)) return null;
  const name = displayIn(cwd)(file);
  const { value, faults, problems } = await readYamlFile(file, env);
  const layer = checkLayer('file', value ?? {}, { locate: (path) => ({ file: name, path: formatPath(path) }), baseDir: dirname(file), earlier: problems });
  // What an unreadable file says about tokens and the rest is unknown: an empty place counts as all of it.
  return { ...layer, issues: [...faults.map(({ place, message }) => ({ file: name, path: place, message })), ...layer.issues], broken: faults.length > 0 ? [''] : layer.broken };
}

type StreamsFolder = { readonly path: string; readonly isNamed: boolean };

function streamsFolderOf(flags: Pick<ServeFlags, 'streams'>, env: NodeJS.ProcessEnv, cwd: string): StreamsFolder {
  const named = flags.streams ?? nonEmpty(env['SIGHTLINE_STREAMS']);
  return { path: resolve(cwd, named ?? DEFAULT_STREAMS_FOLDER), isNamed: named !== undefined };
}

async function loadStreams({ path, isNamed }: StreamsFolder, env: NodeJS.ProcessEnv, cwd: string): Promise<{ readonly streams: readonly StreamConfig[]; readonly issues: readonly ConfigIssue[] }> {
  const display = displayIn(cwd);
  const found = await readStreamsFolder(path, env, display);
  if (found.missing && !isNamed) return readStreamFiles([join(PACKAGE_ROOT, 'streams', 'demo.yaml')], env, display);
  return found;
}

/** Paths below the working folder are shown from there, others whole. */
function displayIn(cwd: string): DisplayPath {
  return (file) => {
    const path = relative(cwd, file);
    return path === '' || path.startsWith('..') || isAbsolute(path) ? file : path;
  };
}

function nonEmpty(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const part of Object.values(value)) deepFreeze(part);
    Object.freeze(value);
  }
  return value;
}
