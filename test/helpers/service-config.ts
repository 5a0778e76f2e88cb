import type { ServiceConfig, StreamConfig } from '../../src/config/service-config.js';

/** A configuration of a service on a free port of loopback, quiet and without streams.
 * @param changes by section, merged into the section's own */
export function serviceConfig(endpoint: string, changes: { readonly sources?: Partial<ServiceConfig['sources']>; readonly batching?: Partial<ServiceConfig['batching']>; readonly streams?: readonly StreamConfig[]; readonly streamsFolder?: string } = {}): ServiceConfig {
  return {
    server: { host: '127.0.0.1', port: 0, tokens: [], hosts: [], tls: null, embedOrigins: [] },
    backend: { kind: 'endpoints', endpoints: [endpoint], tls: null },
    model: { name: null, version: null, versionLabel: null, signature: 'serving_default', deadlineMs: 2_000, input: { normalization: null }, output: null },
    labelsFile: null,
    batching: { maxBatchSize: 4, batchTimeoutMs: 5, maxInFlightBatches: 2, ...changes.batching },
    sources: { roots: [], networks: ['private'], maxSidePx: 8192, maxMegapixels: 40, maxFrameMemoryMb: null, ...changes.sources },
    streamsFolder: changes.streamsFolder ?? '/nowhere/streams',
    streams: changes.streams ?? [],
    log: { level: 'silent', format: 'json' },
  };
}

/** A live stream, everything as by default. */
export function streamConfig(id: string, source: string, changes: Partial<StreamConfig> = {}): StreamConfig {
  return {
    id, name: id, source, mode: 'live', fps: null, widthPx: 1280, thresholds: { '*': 0.4 }, transport: 'tcp', timeoutMs: 10_000, hwaccel: null, hwaccelDevice: null, imageFps: 1, detectSource: null, loop: false, file: null, given: { source }, ...changes,
  };
}
