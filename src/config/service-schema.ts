import type { z } from 'zod';

import type { EngineChoice } from '../model-server/engines/engine.js';
import type { LogLevel } from '../telemetry/logger.js';
import { checkedText, endpoint, host, hostName, integer, integerOr, list, network, oneOf, origins, pattern, positive, section, streamId, text } from './leaves.js';
import { modelInputSchema, modelOutputSchema } from './model-schema.js';

const ENGINES = ['auto', 'onnxruntime', 'tfjs-node-gpu', 'tfjs-node', 'wasm'] as const satisfies readonly EngineChoice[];
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const satisfies readonly LogLevel[];

const tokenSchema = section({
  name: text('expected a name for the token'),
  sha256: pattern(/^[0-9a-f]{64}$/iu, 'expected the SHA-256 of the token, 64 hex digits'),
  role: oneOf('viewer', 'operator'),
  streams: list(streamId(), 'expected a list of stream ids').optional(),
  expires: checkedText((value) => /^\d{4}-\d\d-\d\d/u.test(value) && !Number.isNaN(Date.parse(value)), 'expected a date such as 2027-01-31').optional(),
});

/** What `sightline.yaml` may hold. Every key may be left out; defaults are filled in when all layers are merged. */
export const serviceSchema = section({
  server: section({
    host: host().optional(),
    port: integer(0, 65_535).optional(),
    tokens: list(tokenSchema, 'expected a list of tokens').optional(),
    hosts: list(hostName(), 'expected a list of names').optional(),
    tls: section({ cert: text('expected a PEM file').optional(), key: text('expected a PEM file').optional() }).optional(),
    embedOrigins: origins().optional(),
  }).optional(),
  backend: section({
    embedded: section({
      modelDir: text('expected a folder').optional(),
      engine: oneOf(...ENGINES).optional(),
      workers: integerOr('auto', 1, 64).optional(),
      memoryMb: integer(64, 1_048_576).optional(),
    }).optional(),
    endpoints: list(endpoint(), 'expected a list of host:port').min(1, { error: 'expected at least one host:port' }).optional(),
    tls: section({ ca: text('expected a PEM file').optional(), cert: text('expected a PEM file').optional(), key: text('expected a PEM file').optional() }).optional(),
  }).optional(),
  model: section({
    name: text("expected the model's name").optional(),
    version: integer(0, Number.MAX_SAFE_INTEGER).optional(),
    versionLabel: text('expected a version label').optional(),
    signature: text("expected a signature's name").optional(),
    deadlineMs: integer(1, 600_000).optional(),
    input: modelInputSchema.optional(),
    output: modelOutputSchema.optional(),
  }).optional(),
  labels: text('expected a file: .pbtxt, .txt or .json').optional(),
  batching: section({ maxBatchSize: integer(1, 1024).optional(), batchTimeoutMs: integerOr('auto', 0, 60_000).optional(), maxInFlightBatches: integer(1, 1024).optional() }).optional(),
  sources: section({
    roots: list(text('expected a folder'), 'expected a list of folders').optional(),
    networks: list(network(), 'expected a list of networks').optional(),
    maxSidePx: integer(16, 16_384).optional(),
    maxMegapixels: positive(256).optional(),
    maxFrameMemoryMb: integer(64, 1_048_576).optional(),
  }).optional(),
  log: section({ level: oneOf(...LOG_LEVELS).optional(), format: oneOf('json', 'pretty').optional() }).optional(),
});

/** One layer of settings (file, environment or flags), checked, nothing filled in. */
export type ServiceSettings = z.output<typeof serviceSchema>;
