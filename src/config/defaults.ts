/** What counts where nothing is configured; the one table of it. Which engine, model and labels `null` means is up to the stage. */
export const DEFAULTS = {
  server: { host: '127.0.0.1', port: 8080, hosts: [], tls: null, embedOrigins: [] },
  embedded: { modelDir: null, engine: 'auto', workers: 'auto', memoryMb: null },
  model: { name: null, version: null, versionLabel: null, signature: 'serving_default', deadlineMs: 2000, normalization: null },
  batching: { maxBatchSize: 8, batchTimeoutMs: 'auto', maxInFlightBatches: 2 },
  sources: { roots: [], networks: ['private'], maxSidePx: 8192, maxMegapixels: 40, maxFrameMemoryMb: null },
  log: { level: 'info', format: null },
  stream: { fps: null, widthPx: 1280, thresholds: { '*': 0.4 }, transport: 'tcp', timeoutMs: 10_000, hwaccel: null, hwaccelDevice: null, imageFps: 1, detectSource: null, loop: false },
} as const;
