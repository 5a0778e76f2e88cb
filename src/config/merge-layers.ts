import type { ConfigIssue } from '../core/errors.js';
import { isLoopbackHost } from '../core/loopback.js';
import type { Token } from '../viewers/tokens.js';
import { DEFAULTS } from './defaults.js';
import { outputMappingOf } from './model-schema.js';
import type { BackendConfig, ServerConfig, ServiceConfig } from './service-config.js';
import type { ServiceSettings } from './service-schema.js';
import type { SettingsLayer } from './settings-layer.js';
import type { ValuePath } from './validate.js';

type Sections = { -readonly [K in Exclude<keyof ServiceSettings, 'labels'>]-?: NonNullable<ServiceSettings[K]> };
type Draft = Sections & { labels: string | undefined };

/** Lays settings over each other, later layers on top, fills in the defaults and looks for contradictions.
 * @param layers lowest precedence first
 * @returns the configuration (without streams) and the contradictions; the issues of the layers themselves are not repeated
 */
export function mergeLayers(layers: readonly SettingsLayer[]): { readonly config: Omit<ServiceConfig, 'streams' | 'streamsFolder'>; readonly issues: readonly ConfigIssue[] } {
  const draft: Draft = { server: {}, backend: {}, model: {}, labels: undefined, batching: {}, sources: {}, log: {} };
  for (const layer of layers) overlay(draft, layer);
  const { server, model, batching, sources, log } = draft;
  const config = {
    server: {
      host: server.host ?? DEFAULTS.server.host,
      port: server.port ?? DEFAULTS.server.port,
      tokens: (server.tokens ?? []).map(tokenOf),
      hosts: server.hosts ?? DEFAULTS.server.hosts,
      tls: serverTlsOf(server.tls),
      embedOrigins: server.embedOrigins ?? DEFAULTS.server.embedOrigins,
    },
    backend: backendOf(draft.backend),
    model: {
      name: model.name ?? DEFAULTS.model.name,
      version: model.version ?? DEFAULTS.model.version,
      versionLabel: model.versionLabel ?? DEFAULTS.model.versionLabel,
      signature: model.signature ?? DEFAULTS.model.signature,
      deadlineMs: model.deadlineMs ?? DEFAULTS.model.deadlineMs,
      input: { normalization: model.input?.normalization ?? DEFAULTS.model.normalization },
      output: model.output === undefined ? null : outputMappingOf(model.output),
    },
    labelsFile: draft.labels ?? null,
    batching: {
      maxBatchSize: batching.maxBatchSize ?? DEFAULTS.batching.maxBatchSize,
      batchTimeoutMs: batching.batchTimeoutMs ?? DEFAULTS.batching.batchTimeoutMs,
      maxInFlightBatches: batching.maxInFlightBatches ?? DEFAULTS.batching.maxInFlightBatches,
    },
    sources: {
      roots: sources.roots ?? DEFAULTS.sources.roots,
      networks: sources.networks ?? DEFAULTS.sources.networks,
      maxSidePx: sources.maxSidePx ?? DEFAULTS.sources.maxSidePx,
      maxMegapixels: sources.maxMegapixels ?? DEFAULTS.sources.maxMegapixels,
      maxFrameMemoryMb: sources.maxFrameMemoryMb ?? DEFAULTS.sources.maxFrameMemoryMb,
    },
    log: { level: log.level ?? DEFAULTS.log.level, format: log.format ?? DEFAULTS.log.format },
  };
  return { config, issues: [...layers.flatMap(contradictionsWithin), ...contradictionsOfWhole(draft, layers)] };
}

function overlay(draft: Draft, { kind, settings }: SettingsLayer): void {
  const { server, backend, model, labels, batching, sources, log } = settings;
  Object.assign(draft.server, server, server?.tls === undefined ? {} : { tls: { ...draft.server.tls, ...server.tls } });
  Object.assign(draft.batching, batching);
  Object.assign(draft.sources, sources);
  Object.assign(draft.log, log);
  draft.labels = labels ?? draft.labels;
  if (model !== undefined) {
    // A version belongs to the model named with it, and to choose one way of naming it is to give up the other.
    if (kind === 'flags' || model.version !== undefined) delete draft.model.versionLabel;
    if (kind === 'flags' || model.versionLabel !== undefined) delete draft.model.version;
    Object.assign(draft.model, model);
  }
  if (backend !== undefined) {
    if (backend.endpoints !== undefined) delete draft.backend.embedded;
    if (backend.embedded !== undefined) {
      delete draft.backend.endpoints;
      delete draft.backend.tls;
    }
    const embedded = backend.embedded === undefined ? {} : { embedded: { ...draft.backend.embedded, ...backend.embedded } };
    const tls = backend.tls === undefined ? {} : { tls: { ...draft.backend.tls, ...backend.tls } };
    Object.assign(draft.backend, backend, embedded, tls);
  }
}

function backendOf({ endpoints, embedded, tls }: Draft['backend']): BackendConfig {
  if (endpoints === undefined) return { kind: 'embedded', ...DEFAULTS.embedded, ...withoutUndefined(embedded ?? {}) };
  return { kind: 'endpoints', endpoints, tls: tls === undefined ? null : withoutUndefined(tls) };
}

/** A half-given pair is reported among the contradictions. */
function serverTlsOf(tls: Draft['server']['tls']): ServerConfig['tls'] {
  return tls?.cert === undefined || tls.key === undefined ? DEFAULTS.server.tls : { cert: tls.cert, key: tls.key };
}

function tokenOf({ streams, expires, ...token }: NonNullable<Draft['server']['tokens']>[number]): Token {
  return { ...token, ...(streams === undefined ? {} : { streams }), ...(expires === undefined ? {} : { expires }) };
}

/** Two settings of one layer that cannot both be meant. */
function contradictionsWithin({ settings, locate }: SettingsLayer): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const { server, backend, model } = settings;
  if (backend?.endpoints !== undefined && backend.embedded !== undefined) {
    const [first] = Object.keys(withoutUndefined(backend.embedded));
    const embedded = locate(['backend', 'embedded', ...(first === undefined ? [] : [first])]);
    issues.push({ ...locate(['backend', 'endpoints']), message: `contradicts ${embedded.path}: a backend is either embedded or endpoints` });
  }
  if (model?.version !== undefined && model.versionLabel !== undefined) {
    issues.push({ ...locate(['model', 'versionLabel']), message: `contradicts ${locate(['model', 'version']).path}: a model is chosen by version or by label` });
  }
  issues.push(...repeated(backend?.endpoints ?? []).map((index) => ({ ...locate(['backend', 'endpoints', index]), message: 'this endpoint stands in the list twice' })));
  const names = (server?.tokens ?? []).map(({ name }) => name);
  issues.push(...repeated(names).map((index) => ({ ...locate(['server', 'tokens', index, 'name']), message: 'another token has this name' })));
  return issues;
}

/** Settings that do not go together, wherever each of them comes from. */
function contradictionsOfWhole({ server, backend }: Draft, layers: readonly SettingsLayer[]): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  const isBroken = (setting: string): boolean => layers.some(({ broken }) => broken.some((place) => place === '' || place.startsWith(setting)));
  const at = (path: ValuePath): Pick<ConfigIssue, 'file' | 'path'> => {
    const layer = layers.findLast(({ settings }) => holds(settings, path));
    return layer === undefined ? { file: null, path: path.join('.') } : layer.locate(path);
  };
  if (server.host !== undefined && !isLoopbackHost(server.host) && (server.tokens ?? []).length === 0 && !isBroken('server.tokens')) {
    issues.push({ ...at(['server', 'host']), message: 'other machines can reach this address: add server.tokens (sightline token makes one), or listen on 127.0.0.1' });
  }
  const missing = server.tls === undefined ? undefined : (['cert', 'key'] as const).find((name) => server.tls?.[name] === undefined);
  if (missing !== undefined && !isBroken('server.tls')) {
    issues.push({ ...at(['server', 'tls']), message: `needs server.tls.${missing}: certificate and key come together` });
  }
  if (backend.tls !== undefined && backend.endpoints === undefined && !isBroken('backend')) {
    issues.push({ ...at(['backend', 'tls']), message: 'is only for backend.endpoints' });
  }
  if (backend.tls !== undefined && (backend.tls.cert === undefined) !== (backend.tls.key === undefined) && !isBroken('backend.tls')) {
    issues.push({ ...at(['backend', 'tls', backend.tls.cert === undefined ? 'key' : 'cert']), message: `needs backend.tls.${backend.tls.cert === undefined ? 'cert' : 'key'} beside it` });
  }
  return issues;
}

function repeated(values: readonly string[]): number[] {
  return values.flatMap((value, index) => (values.indexOf(value) < index ? [index] : []));
}

function holds(settings: unknown, path: ValuePath): boolean {
  return path.reduce<unknown>((part, step) => (typeof part === 'object' && part !== null ? (part as Record<string | number, unknown>)[step] : undefined), settings) !== undefined;
}

function withoutUndefined<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as { [K in keyof T]: Exclude<T[K], undefined> };
}
