import { cocoLabelMap } from '../../src/detection/label-map.js';
import type { BackendPoolOptions } from '../../src/detection/pool/backend-pool.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { createMetrics } from '../../src/telemetry/metrics.js';

/** Options of a pool that says nothing, counts for itself and asks for the model that the server has by default; frames are 32x32 unless the model wants others. */
export function poolOptions(endpoints: readonly string[], changes: Partial<BackendPoolOptions> = {}): BackendPoolOptions {
  return {
    endpoints,
    tls: null,
    model: { name: null, version: null, versionLabel: null, signature: 'serving_default' },
    deadlineMs: 2_000,
    maxBatchSize: 8,
    maxInFlightBatches: 2,
    assumedInputSize: { widthPx: 32, heightPx: 32 },
    labels: cocoLabelMap(),
    log: createLogger({ level: 'silent', format: 'json' }),
    metrics: createMetrics(),
    ...changes,
  };
}
